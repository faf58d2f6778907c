//! The verification of an SSO form, beside the bare digests of the same bytes.

use std::hint::black_box;

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

pub fn measure(c: &mut Criterion) {
    let now = OffsetDateTime::now_utc();
    let timestamp = now.unix_timestamp().to_string();
    let strong = token::user_scoped_resource(RESOURCE, SALT, &timestamp, USER, EMAIL);
    let weak = token::resource(RESOURCE, SALT, &timestamp);
    let form = format!(
        "resource_id={RESOURCE}&timestamp={timestamp}&user_id={USER}&email=username%40example.com\
         &user_scoped_resource_token={}&resource_token={}&app=shop",
        token::hex(&strong),
        token::hex(&weak)
    );
    let verifier = Verifier::new([SsoSalt::new(SALT).expect("a salt")]);
    let parsed = SsoRequest::parse(form.as_bytes()).expect("a form");
    verifier.verify(&parsed, now).expect("a right form");
    let strong_bytes = [RESOURCE, SALT, &timestamp, USER, EMAIL].join(":");
    let weak_bytes = [RESOURCE, SALT, &timestamp].join(":");

    let mut group = c.benchmark_group("sso");
    // Both tokens are in the form, as Heroku sends them.
    group.bench_function("bare SHA-256 and SHA-1", |bencher| {
        bencher.iter(|| {
            let strong = Sha256::digest(black_box(&strong_bytes));
            (strong, Sha1::digest(black_box(&weak_bytes)))
        });
    });
    group.bench_function("bare SHA-256", |bencher| {
        bencher.iter(|| Sha256::digest(black_box(&strong_bytes)));
    });
    group.bench_function("verify", |bencher| {
        bencher.iter(|| verifier.verify(black_box(&parsed), now));
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| SsoRequest::parse(black_box(form.as_bytes())));
    });
    group.finish();
}
