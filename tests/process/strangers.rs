//! The costs of hostile requests: signed forms for unknown resources or unlisted people, and other
//! requests. In their own process, as they count all allocations.
//!
//! For a million requests of all kinds instead of the usual number:
//!
//! ```text
//! HOSTILE=1000000 cargo test --all-features --test process -- --nocapture strangers::
//! ```

use std::alloc::System;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use heroku_addon_simulator::{AddOn, Endpoint, Simulator};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use stats_alloc::Region;
use support::ids::AddOnExt as _;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt, service_fn};
use tower_heroku_sso::sso::token;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Clock as _, HerokuSso, Manifest, ManualClock, OauthGrant, SsoSalt,
};

use crate::ALLOCATOR;
use crate::alone::alone_async;

const UNKNOWN_RESOURCES: usize = 100_000;
const UNLISTED_EMAILS: usize = 10_000;
/// The burst of fetches that unlisted users may cause.
const BUDGET: usize = 10;
/// Less than a byte for each unknown resource, and less than an email for each unlisted user.
const FLAT: isize = 64 * 1024;
const USER: &str = "fedcba98-7654-3210-fedc-ba9876543210";

/// A form with Heroku's signature.
fn form(salt: &str, resource: &str, timestamp: &str, email: &str) -> Request<Full<Bytes>> {
    let digest = token::user_scoped_resource(resource, salt, timestamp, USER, email);
    let mut body = String::with_capacity(256);
    let _ = write!(
        body,
        "resource_id={resource}&timestamp={timestamp}&user_id={USER}&email={email}\
         &user_scoped_resource_token={}",
        token::hex(&digest)
    );
    let request = Request::post("/heroku/sso");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    request.body(Full::from(body)).unwrap()
}

fn bytes(region: &Region<'_, System>) -> isize {
    let stats = region.change();
    isize::try_from(stats.bytes_allocated).unwrap()
        - isize::try_from(stats.bytes_deallocated).unwrap()
}

/// The number of concurrent senders.
const SENDERS: usize = 4;

/// Sends a form for each number; each is rejected like an unlisted email.
async fn all_refused<F>(sso: &HerokuSso, numbers: Range<usize>, form: F)
where
    F: Fn(usize) -> Request<Full<Bytes>> + Clone + Send + 'static,
{
    let mut senders = JoinSet::new();
    for first in 0..SENDERS {
        let (numbers, form) = (numbers.clone(), form.clone());
        let gate = sso.layer().layer(service_fn(inside));
        senders.spawn(async move {
            let mut seen: Option<Bytes> = None;
            for number in numbers.skip(first).step_by(SENDERS) {
                let answer = gate.clone().oneshot(form(number)).await.unwrap();
                assert_eq!(answer.status(), StatusCode::FORBIDDEN);
                assert!(!answer.headers().contains_key("set-cookie"));
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(*seen.get_or_insert_with(|| body.clone()), body);
            }
        });
    }
    senders.join_all().await;
}

async fn inside(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    panic!("the handler is never called");
}

/// Runs the tests one at a time, so that nothing else allocates meanwhile.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A gate without a sync, its Heroku, and their clock.
async fn gate() -> (HerokuSso, Simulator, ManualClock) {
    let clock = ManualClock::new();
    let heroku = Simulator::builder().clock(clock.reader());
    let heroku = heroku.start().await.unwrap();
    let manifest = Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password()).unwrap(),
        SsoSalt::new(heroku.sso_salt()).unwrap(),
        ClientSecret::new(heroku.client_secret()).unwrap(),
    );
    let sso = HerokuSso::builder(manifest)
        .api_url(heroku.url().parse().unwrap())
        .id_url(heroku.url().parse().unwrap())
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    (sso, heroku, clock)
}

/// An add-on of an app with Ann on its fetched list.
async fn addon(sso: &HerokuSso, heroku: &Simulator) -> AddOn {
    let addon = heroku.app("shop").collaborator("ann@example.com").addon();
    let resource = addon.resource_id();
    let grant = OauthGrant::Code(addon.grant_code().into());
    sso.resources().register(&resource, grant).await.unwrap();
    sso.lists().refresh(&resource).await.unwrap();
    addon
}

#[test]
fn a24_a25_unknown_resources_and_emails_cost_no_memory_or_calls() {
    alone_async(
        "strangers::a24_a25_unknown_resources_and_emails_cost_no_memory_or_calls",
        async {
            let _alone = ALONE.lock().await;
            let (sso, heroku, clock) = gate().await;
            let salt = heroku.sso_salt();
            let timestamp = clock.now().unix_timestamp().to_string();

            let made_up = {
                let (salt, timestamp) = (salt.clone(), timestamp.clone());
                move |number: usize| {
                    let resource = format!("01234567-89ab-4def-8123-{number:012x}");
                    form(&salt, &resource, &timestamp, "ann@example.com")
                }
            };
            // One-time allocations, independent of the number of forms.
            all_refused(&sso, 0..1_000, made_up.clone()).await;
            let region = Region::new(ALLOCATOR);
            all_refused(&sso, 1_000..UNKNOWN_RESOURCES, made_up).await;
            let kept = bytes(&region);
            assert!(kept.abs() < FLAT, "{kept} bytes are kept");
            assert_eq!(heroku.calls().count(Endpoint::Any), 0);

            let resource = addon(&sso, &heroku).await.resource_id();
            heroku.calls().clear();
            let unlisted = move |number: usize| {
                let email = format!("stranger-{number}@example.com");
                form(&salt, &resource.to_string(), &timestamp, &email)
            };
            all_refused(&sso, 0..1_000, unlisted.clone()).await;
            let region = Region::new(ALLOCATOR);
            all_refused(&sso, 1_000..UNLISTED_EMAILS, unlisted).await;
            let kept = bytes(&region);
            assert!(kept.abs() < FLAT, "{kept} bytes are kept");
            assert_eq!(heroku.calls().count(Endpoint::AddOn), BUDGET);
        },
    );
}

/// The sign-ins of the usual run.
const HOSTILE: usize = 20_000;
/// The allocations are measured after this many.
const ROUND: usize = 10_000;
/// The time that passes in a round.
const TIME_OF_ROUND: Duration = Duration::from_secs(10);
/// The number of rounds for which the replayed form is used but not too old.
const ROUNDS_OF_USED: usize = 20;

/// The parts of a round's hostile sign-ins.
struct Round {
    salt: String,
    timestamp: String,
    addon: AddOn,
    used: String,
    huge: Bytes,
}

impl Round {
    /// A sign-in of each kind in turn, and its expected status.
    fn attempt(&self, number: usize) -> (Request<Full<Bytes>>, StatusCode) {
        let resource = self.addon.resource_id().to_string();
        let signed = |resource: &str, timestamp: &str, email: &str| {
            form(&self.salt, resource, timestamp, email)
        };
        let with_body = |content_type: &str, body: Bytes| {
            let request = Request::post("/heroku/sso").header("content-type", content_type);
            request.body(Full::from(body)).unwrap()
        };
        const FORM: &str = "application/x-www-form-urlencoded";
        let request = match number % 9 {
            0 => {
                let made_up = format!("01234567-89ab-4def-8123-{number:012x}");
                signed(&made_up, &self.timestamp, "ann@example.com")
            }
            1 => {
                let email = format!("stranger-{number}@example.com");
                signed(&resource, &self.timestamp, &email)
            }
            2 => {
                let mut forged = self.addon.sign_in_form("ann@example.com");
                forged.set("user_scoped_resource_token", format!("{number:064x}"));
                with_body(FORM, forged.body().into())
            }
            3 => signed(&resource, &format!("{number}"), "ann@example.com"),
            4 => with_body(FORM, self.used.clone().into()),
            5 => with_body(FORM, format!("resource_id=%{number}&{number}").into()),
            6 => {
                let huge = with_body(FORM, self.huge.clone());
                return (huge, StatusCode::PAYLOAD_TOO_LARGE);
            }
            7 => {
                let json = with_body("application/json", format!("[{number}]").into());
                return (json, StatusCode::UNSUPPORTED_MEDIA_TYPE);
            }
            // An invalid sign-in with a new id each time.
            _ => {
                let cookie = format!("__Host-heroku_sso={number:022}");
                let request = Request::get("/").header("cookie", cookie);
                let request = request.body(Full::default()).unwrap();
                return (request, StatusCode::UNAUTHORIZED);
            }
        };
        (request, StatusCode::FORBIDDEN)
    }
}

/// Signs Ann in and returns the used body.
async fn used_form(sso: &HerokuSso, addon: &AddOn) -> String {
    let form = addon.sign_in_form("ann@example.com").body();
    let request = Request::post("/heroku/sso");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Full::from(form.clone())).unwrap();
    let gate = sso.layer().layer(service_fn(inside));
    let answer = gate.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    form
}

#[test]
fn r5_hostile_requests_leave_no_memory() {
    alone_async("strangers::r5_hostile_requests_leave_no_memory", async {
        let _alone = ALONE.lock().await;
        let hostile = std::env::var("HOSTILE").ok();
        let hostile: usize = hostile.map_or(HOSTILE, |text| text.parse().expect("a number"));
        let (sso, heroku, clock) = gate().await;
        let addon = addon(&sso, &heroku).await;
        let mut used = used_form(&sso, &addon).await;
        let (mut region, mut most) = (None, 0);
        // The first round makes the one-time allocations.
        for number in 0..=hostile.div_ceil(ROUND) {
            if number % ROUNDS_OF_USED == 0 && number > 0 {
                used = used_form(&sso, &addon).await;
            }
            let round = Arc::new(Round {
                salt: heroku.sso_salt(),
                timestamp: clock.now().unix_timestamp().to_string(),
                addon: addon.clone(),
                used: used.clone(),
                huge: vec![b'x'; 64 * 1024 + 1].into(),
            });
            let mut senders = JoinSet::new();
            for first in 0..SENDERS {
                let round = Arc::clone(&round);
                let gate = sso.layer().layer(service_fn(inside));
                senders.spawn(async move {
                    for attempt in (number * ROUND..(number + 1) * ROUND)
                        .skip(first)
                        .step_by(SENDERS)
                    {
                        let (request, expected) = round.attempt(attempt);
                        let answer = gate.clone().oneshot(request).await.unwrap();
                        assert_eq!(answer.status(), expected, "{attempt}");
                        // The cookie of an unknown session is removed.
                        let is_sign_in = expected != StatusCode::UNAUTHORIZED;
                        assert!(!is_sign_in || !answer.headers().contains_key("set-cookie"));
                    }
                });
            }
            senders.join_all().await;
            drop(round);
            // The simulator's records are not counted.
            heroku.calls().clear();
            let kept = bytes(region.get_or_insert_with(|| Region::new(ALLOCATOR)));
            assert!(
                kept.abs() < FLAT,
                "{kept} bytes are kept after {number} rounds"
            );
            most = most.max(kept.abs());
            clock.advance(TIME_OF_ROUND);
        }
        println!("{hostile} hostile sign-ins, at most {most} bytes of difference");
    });
}
