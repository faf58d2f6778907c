//! What strangers cost: signed forms for made-up resources, or for people whom no list has. A test of
//! its own, as it counts what the whole process allocates.

use std::alloc::System;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::ops::Range;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::task::JoinSet;
use tower::{Layer, ServiceExt, service_fn};
use tower_heroku_sso::simulator::{Endpoint, Simulator};
use tower_heroku_sso::sso::token;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Clock as _, HerokuSso, Manifest, ManualClock, OauthGrant, SsoSalt,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const UNKNOWN_RESOURCES: usize = 100_000;
const UNLISTED_EMAILS: usize = 10_000;
/// Fetches that strangers may cause at once.
const BUDGET: usize = 10;
/// Less than a byte for each made-up resource, and less than an email for each stranger.
const FLAT: isize = 64 * 1024;
const USER: &str = "fedcba98-7654-3210-fedc-ba9876543210";

/// A form as Heroku would sign it.
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

/// How many send at once.
const SENDERS: usize = 4;

/// Sends a form for each number, each refused as if its email were on no list.
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
    panic!("nobody gets here");
}

/// One test, so that nothing else allocates meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a24_a25_strangers_cost_neither_memory_nor_calls() {
    let clock = ManualClock::new();
    let heroku = Simulator::builder().clock(clock.clone());
    let heroku = heroku.start().await.unwrap();
    let salt = heroku.sso_salt();
    let manifest = Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password()).unwrap(),
        SsoSalt::new(salt.clone()).unwrap(),
        ClientSecret::new(heroku.client_secret()).unwrap(),
    );
    let sso = HerokuSso::builder(manifest)
        .api_url(heroku.url().parse().unwrap())
        .id_url(heroku.url().parse().unwrap())
        .clock(clock.clone())
        .build()
        .unwrap();
    let timestamp = clock.now().unix_timestamp().to_string();

    let made_up = {
        let (salt, timestamp) = (salt.clone(), timestamp.clone());
        move |number: usize| {
            let resource = format!("01234567-89ab-4def-8123-{number:012x}");
            form(&salt, &resource, &timestamp, "ann@example.com")
        }
    };
    // What is made once, whatever the number of forms.
    all_refused(&sso, 0..1_000, made_up.clone()).await;
    let region = Region::new(ALLOCATOR);
    all_refused(&sso, 1_000..UNKNOWN_RESOURCES, made_up).await;
    let kept = bytes(&region);
    assert!(kept.abs() < FLAT, "{kept} bytes are kept");
    assert_eq!(heroku.calls(Endpoint::Any), 0);

    let addon = heroku.app("shop").collaborator("ann@example.com").addon();
    let resource = addon.resource_id();
    let grant = OauthGrant::Code(addon.grant_code().into());
    sso.register(&resource, grant).await.unwrap();
    sso.refresh_now(&resource).await.unwrap();
    heroku.reset_calls();
    let unlisted = move |number: usize| {
        let email = format!("stranger-{number}@example.com");
        form(&salt, &resource.to_string(), &timestamp, &email)
    };
    all_refused(&sso, 0..1_000, unlisted.clone()).await;
    let region = Region::new(ALLOCATOR);
    all_refused(&sso, 1_000..UNLISTED_EMAILS, unlisted).await;
    let kept = bytes(&region);
    assert!(kept.abs() < FLAT, "{kept} bytes are kept");
    assert_eq!(heroku.calls(Endpoint::AddOn), BUDGET);
}
