//! The verification of an SSO form, compared with the bare digests of the same bytes.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tower_heroku_sso::SsoSalt;
use tower_heroku_sso::sso::{SsoRequest, Verifier, token};

const RESOURCE: &str = "01234567-89ab-cdef-0123-456789abcdef";
const SALT: &str = "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4";
const USER: &str = "fedcba98-7654-3210-fedc-ba9876543210";
const EMAIL: &str = "username@example.com";

/// Verifications in a row, and rows of them.
const IN_A_ROW: u32 = 2_000;
const ROWS: usize = 200;

/// A form with both tokens, as Heroku sends it, and the hashed texts of its tokens.
struct Form {
    encoded: String,
    strong: String,
    weak: String,
}

impl Form {
    fn of(now: OffsetDateTime) -> Self {
        let timestamp = now.unix_timestamp().to_string();
        let strong = token::user_scoped_resource(RESOURCE, SALT, &timestamp, USER, EMAIL);
        let weak = token::resource(RESOURCE, SALT, &timestamp);
        let encoded = format!(
            "resource_id={RESOURCE}&timestamp={timestamp}&user_id={USER}&email=username%40example.com\
             &user_scoped_resource_token={}&resource_token={}&app=shop",
            token::hex(&strong),
            token::hex(&weak)
        );
        Self {
            encoded,
            strong: [RESOURCE, SALT, &timestamp, USER, EMAIL].join(":"),
            weak: [RESOURCE, SALT, &timestamp].join(":"),
        }
    }

    fn digests(&self) -> impl Sized {
        let strong = Sha256::digest(black_box(&self.strong));
        (strong, Sha1::digest(black_box(&self.weak)))
    }
}

pub fn measure(c: &mut Criterion) {
    let now = OffsetDateTime::now_utc();
    let form = Form::of(now);
    let verifier = Verifier::new([SsoSalt::new(SALT).expect("a salt")]);
    let parsed = SsoRequest::parse(form.encoded.as_bytes()).expect("a form");
    verifier.verify(&parsed, now).expect("a right form");

    let mut group = c.benchmark_group("sso");
    group.bench_function("bare SHA-256 and SHA-1", |bencher| {
        bencher.iter(|| form.digests());
    });
    group.bench_function("bare SHA-256", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&form.strong)));
    });
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verifier.verify(black_box(&parsed), now));
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| SsoRequest::parse(black_box(form.encoded.as_bytes())));
    });
    group.finish();

    // Both are measured in turn, so that other load affects both.
    let mut ratios: Vec<f64> = (0..ROWS)
        .map(|_| {
            let verified = row(|| verifier.verify(black_box(&parsed), now));
            verified.div_duration_f64(row(|| form.digests()))
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ROWS / 2];
    println!("verify / bare digests, medians of rows: {ratio:.2}");
    let compared = [("verify / bare digests".to_owned(), ratio)];
    measured::keep("sso compared", &compared.into());
}

fn row<T>(once: impl Fn() -> T) -> Duration {
    let started = Instant::now();
    for _ in 0..IN_A_ROW {
        black_box(once());
    }
    started.elapsed()
}
