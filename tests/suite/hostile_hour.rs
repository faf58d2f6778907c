//! R9: thirty hostile tenants at full speed for an hour, against an enforced rate limit, on a test clock.
//! All other lists are fetched in time.
//!
//! With separate pools the usual run is six minutes, in which each list is fetched again. The whole hour:
//!
//! ```text
//! HOSTILE_MINUTES=60 cargo test --all-features --test suite r9_ -- --nocapture
//! ```

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use heroku_addon_simulator::{AddOn, Endpoint, SignInForm};
use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_heroku_sso::Clock as _;

use support::browser::FORM;
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World};

const HOSTILE: usize = 30;
const STEP: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(6 * 60 * 60);
/// Heroku's pool, and its refill per minute.
const POOL: (u32, u32) = (4_500, 75);
/// Per hostile tenant and step: sign-ins of unlisted users, replays of a used form, and refreshes by a
/// button.
const FULL_SPEED: usize = 2;

/// A fleet with hostile tenants.
struct Fleet {
    world: World,
    hostile: Vec<Tenant>,
    in_use: Vec<Tenant>,
    idle: Vec<AddOn>,
}

/// A resource with its owner signed in.
struct Tenant {
    addon: AddOn,
    cookie: String,
    used: SignInForm,
}

/// The results of an hour.
#[derive(Debug, Default)]
struct Figures {
    oldest_in_use: Duration,
    oldest_idle: Duration,
    /// At the end of the hour.
    calls_left: Option<u32>,
    calls: usize,
}

async fn inside(_: Request<Full<Bytes>>) -> Result<Response<Full<Bytes>>, Infallible> {
    Ok(Response::new(Full::default()))
}

/// Calls the gate in this process, as only its calls to Heroku count.
async fn ask(world: &World, request: Request<Full<Bytes>>) -> Response<()> {
    let gate = world.sso.layer().layer(service_fn(inside));
    gate.oneshot(request).await.unwrap().map(drop)
}

async fn submit(world: &World, form: &SignInForm) -> Response<()> {
    let request = Request::post("/heroku/sso").header(header::CONTENT_TYPE, FORM);
    ask(world, request.body(Full::from(form.body())).unwrap()).await
}

async fn page(world: &World, cookie: &str) -> Response<()> {
    let request = Request::get("/page").header(header::COOKIE, cookie);
    ask(world, request.body(Full::default()).unwrap()).await
}

impl Tenant {
    async fn sign_in(world: &World, addon: AddOn) -> Self {
        let used = addon.sign_in_form("owner@example.com");
        let answer = submit(world, &used).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()[header::SET_COOKIE].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        Self {
            addon,
            cookie,
            used,
        }
    }

    /// One step of an attack at full speed.
    async fn attack(&self, world: &World, step: usize) {
        for number in 0..FULL_SPEED {
            let stranger = format!("stranger-{step}-{number}@example.com");
            let answer = submit(world, &self.addon.sign_in_form(&stranger)).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            assert_eq!(
                submit(world, &self.used).await.status(),
                StatusCode::FORBIDDEN
            );
            world.refresh(&self.addon.resource_id()).await;
        }
    }
}

impl Fleet {
    /// All lists are cached; those of idle resources have the ages of a long-running fleet.
    async fn start(world: World, in_use: usize, idle: usize) -> Self {
        let full = || world.heroku.rate_limit().set_remaining(POOL.0 as usize);
        let mut addons = world.addons(HOSTILE + in_use + idle).await;
        // They are due between 0.7 and 0.9 of their interval.
        let apart = IDLE.mul_f64(0.8) / u32::try_from(idle.max(1)).unwrap();
        for addon in &addons[..idle] {
            full();
            world.clock.advance(apart);
            world.refresh(&addon.resource_id()).await;
        }
        let mut tenants = Vec::new();
        for addon in addons.drain(idle..) {
            full();
            tenants.push(Tenant::sign_in(&world, addon).await);
        }
        full();
        Self {
            in_use: tenants.split_off(HOSTILE),
            hostile: tenants,
            idle: addons,
            world,
        }
    }

    async fn hour(&self, whole: Duration) -> Figures {
        let world = &self.world;
        let sync = world.sso.spawn_sync();
        world.heroku.calls().clear();
        let mut figures = Figures::default();
        let steps = whole.as_secs() / STEP.as_secs();
        for step in 0..usize::try_from(steps).unwrap() {
            world.clock.advance(STEP);
            self.settle().await;
            for tenant in &self.hostile {
                assert_eq!(
                    page(world, &tenant.cookie).await.status(),
                    StatusCode::OK,
                    "hostile in step {step}"
                );
                tenant.attack(world, step).await;
            }
            for tenant in &self.in_use {
                assert_eq!(
                    page(world, &tenant.cookie).await.status(),
                    StatusCode::OK,
                    "in step {step}"
                );
            }
            self.settle().await;
            let ages = self
                .ages(self.in_use.iter().map(|tenant| &tenant.addon))
                .await;
            figures.oldest_in_use = figures.oldest_in_use.max(ages);
            figures.oldest_idle = figures.oldest_idle.max(self.ages(&self.idle).await);
        }
        figures.calls = world.heroku.calls().count(Endpoint::AddOn) * 3;
        figures.calls_left = world.sso.lists().health().await.calls_left;
        assert_eq!(world.heroku.calls().count_answered(Endpoint::Any, 429), 0);
        sync.shutdown().await;
        figures
    }

    /// Waits until the sync makes no more calls, or nearly: unfetched lists count as older.
    async fn settle(&self) {
        let (mut calls, mut rest) = (0, 0);
        while rest < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            let now = self.world.heroku.calls().count(Endpoint::Any);
            rest = if now == calls { rest + 1 } else { 0 };
            calls = now;
        }
    }

    /// The age of the oldest of these lists.
    async fn ages(&self, addons: impl IntoIterator<Item = &AddOn>) -> Duration {
        let now = self.world.clock.now();
        let mut oldest = Duration::ZERO;
        for addon in addons {
            let list = self.world.sso.lists().get(&addon.resource_id()).await;
            let age = now - list.unwrap().expect("a list").fetched_at;
            oldest = oldest.max(age.try_into().unwrap());
        }
        oldest
    }
}

fn assert_in_time(figures: &Figures) {
    println!("{figures:?}");
    let limit = REFRESH.mul_f64(1.1);
    assert!(figures.oldest_in_use <= limit, "{figures:?}");
    assert!(figures.oldest_idle <= IDLE, "{figures:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_shared_pool_keeps_100_lists_in_use_fresh() {
    let world = World::with_heroku(
        |heroku| heroku.rate_pool(POOL.0, POOL.1).enforce_rate_limit(true),
        |builder| builder.idle_interval(IDLE),
    )
    .await;
    let fleet = Fleet::start(world, 100, 870).await;
    assert_in_time(&fleet.hour(MINUTE * 60).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_pools_per_token_keep_970_lists_in_use_fresh() {
    let world = World::with_heroku(
        |heroku| {
            let heroku = heroku.rate_pool(POOL.0, POOL.1).enforce_rate_limit(true);
            heroku.rate_pools_per_addon()
        },
        |builder| builder.rate_limit_per_token(),
    )
    .await;
    let fleet = Fleet::start(world, 970, 0).await;
    let minutes = std::env::var("HOSTILE_MINUTES").ok();
    let minutes = minutes.map_or(6, |text| text.parse().expect("a number"));
    assert_in_time(&fleet.hour(MINUTE * minutes).await);
}
