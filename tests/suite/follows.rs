//! A session lasts as long as its list, with or without requests, and without writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::http::header::CACHE_CONTROL;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use support::ids::AddOnExt as _;
use tokio::sync::Notify;
use tower_heroku_sso::sync::SyncHandle;
use tower_heroku_sso::{Clock as _, HerokuUser, MemorySessions};
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::faulty::Faulty;
use support::browser::{Answer, Browser};
use support::world::{MAX_LIST_AGE, REFRESH, UNUSED, World, serve};

const ANN: &str = "ann@example.com";
const SESSION: &str = "__Host-heroku_sso";
const SECOND: Duration = Duration::from_secs(1);
/// How long a resource is in use after a request, by default.
const IN_USE_FOR: Duration = Duration::from_secs(15 * 60);

/// Sessions in memory that count the writes after their creation.
#[derive(Clone, Debug, Default)]
struct Counted {
    inner: MemorySessions,
    writes: Arc<AtomicUsize>,
}

impl Counted {
    fn writes(&self) -> usize {
        self.writes.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl SessionStore for Counted {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.inner.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.inner.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.inner.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        self.inner.delete(id).await
    }
}

/// A world with a running sync, with Ann signed in.
struct Site {
    world: World,
    addon: AddOn,
    browser: Browser,
    _sync: SyncHandle,
}

impl Site {
    async fn start() -> Self {
        let world = World::start().await;
        let addon = world.addon().await;
        let sync = world.sso.spawn_sync();
        let browser = world.signed_in(&addon, ANN).await;
        Self {
            world,
            addon,
            browser,
            _sync: sync,
        }
    }

    /// Lets time pass without a request, while lists in use are fetched.
    async fn pass(&self, time: Duration) {
        let step = REFRESH.mul_f64(0.95);
        let mut left = time;
        while left > step {
            self.world.pass_until_fetched(step, SECOND).await;
            left -= step;
        }
        self.world.clock.advance(left);
    }
}

fn sets_session(answer: &Answer) -> bool {
    let cookies = answer.set_cookies();
    cookies.iter().any(|(name, ..)| name == SESSION)
}

async fn refresh(world: &World, addon: &AddOn) {
    world.refresh(&addon.resource_id()).await;
}

#[tokio::test]
async fn requests_after_a_refresh_write_no_session_and_no_cookie() {
    let sessions = Counted::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    for _ in 0..3 {
        world.clock.advance(REFRESH / 2);
        refresh(&world, &addon).await;
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let request = browser.request(reqwest::Method::GET, "/page");
            requests.spawn(async move { request.send().await.unwrap() });
        }
        for answer in requests.join_all().await {
            assert_eq!(answer.status(), 200);
            assert!(!answer.headers().contains_key("set-cookie"));
        }
        assert_eq!(sessions.writes(), 0);
    }
}

#[tokio::test]
async fn fixed_session_ends_one_interval_after_its_sign_in() {
    let sessions = Counted::default();
    let with_sessions = sessions.clone();
    let world = World::with(|builder| builder.session_store(with_sessions).fixed_sessions()).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    world.clock.advance(REFRESH / 2);
    refresh(&world, &addon).await;
    assert_eq!(browser.fetch("/page").await.status, 200);
    world.clock.advance(REFRESH / 2);
    assert_eq!(browser.fetch("/page").await.status, 401);
    assert_eq!(sessions.writes(), 0);
}

#[tokio::test]
async fn c44_session_lasts_while_a_form_is_filled_in_for_8_minutes() {
    let site = Site::start().await;
    assert_eq!(site.browser.fetch("/page").await.status, 200);
    site.world.heroku.calls().clear();
    site.pass(Duration::from_secs(8 * 60)).await;
    assert!(site.world.heroku.calls().count(Endpoint::Collaborators) > 0);
    let answer = site.browser.get("/page").await;
    assert_eq!(answer.status, 200);
    assert!(!sets_session(&answer));
}

#[tokio::test]
async fn c44_request_fetches_its_list_without_a_sync() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    world.heroku.calls().clear();
    world.clock.advance(REFRESH);
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert_eq!(
        world.heroku.calls().count(Endpoint::Any),
        0,
        "the cached list decides"
    );
    world.clock.advance(Duration::from_millis(1));
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let request = browser.request(reqwest::Method::GET, "/page");
        requests.spawn(async move { request.send().await.unwrap().status() });
    }
    let answers = requests.join_all().await;
    assert!(answers.iter().all(|status| *status == 200));
    assert_eq!(
        world.heroku.calls().count(Endpoint::Collaborators),
        1,
        "one shared fetch"
    );
}

#[tokio::test]
async fn removed_user_gets_403_when_the_request_fetches_the_list() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    addon.app().remove(ANN);
    world.clock.advance(REFRESH + SECOND);
    let answer = browser.fetch("/page").await;
    assert_eq!((answer.status, &*answer.problem()), (403, "not-listed"));
    assert!(!sets_session(&answer));
    assert_eq!(world.reached(), 0);
}

#[tokio::test]
async fn requests_with_an_old_list_wait_for_one_failing_fetch_only() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    world.clock.advance(REFRESH + SECOND);
    world.heroku.calls().clear();
    for _ in 0..20 {
        assert_eq!(browser.fetch("/page").await.status, 200);
    }
    let tried = world.heroku.calls().count(Endpoint::AddOn);
    assert!((1..=2).contains(&tried), "{tried}");
    // Without a sync a later request tries again.
    world.clock.advance(SECOND * 61);
    world.heroku.calls().clear();
    assert_eq!(browser.fetch("/page").await.status, 200);
    assert!(world.heroku.calls().count(Endpoint::Any) > 0);
    world.heroku.faults().clear_all();
    addon.app().remove(ANN);
    world.clock.advance(SECOND * 61);
    assert_eq!(browser.fetch("/page").await.status, 403);
}

#[tokio::test]
async fn heroku_unavailable_keeps_session_and_sends_retry_after() {
    let site = Site::start().await;
    site.world.heroku.faults().set(Endpoint::Any, Fault::Reset);
    site.world.clock.advance(MAX_LIST_AGE);
    assert_eq!(site.browser.fetch("/page").await.status, 200);
    site.world.clock.advance(SECOND);
    for _ in 0..3 {
        let answer = site.browser.get("/page").await;
        assert_eq!(answer.status, 503);
        assert!(answer.header("retry-after").is_some());
        assert!(!sets_session(&answer));
    }
    site.world.clock.advance(MAX_LIST_AGE);
    assert_eq!(site.browser.fetch("/page").await.status, 503);
    site.world.heroku.faults().clear_all();
    assert_eq!(site.browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn unused_session_ends_once_its_list_is_too_old() {
    let world = World::start().await;
    let addon = world.addon().await;
    addon.app().collaborator("bob@example.com");
    let browser = world.signed_in(&addon, ANN).await;
    let other = world.signed_in(&addon, "bob@example.com").await;
    let session = browser.cookie(SESSION).unwrap();
    world.clock.advance(UNUSED);
    world.heroku.calls().clear();
    let answer = browser.get("/page?x=1").await;
    assert_eq!(
        answer.status, 303,
        "the browser is redirected through Heroku"
    );
    assert_eq!(answer.header("location"), Some(&*addon.info().web_url));
    assert!(!sets_session(&answer));
    assert_eq!(world.heroku.calls().count(Endpoint::Any), 0, "no calls");
    // One redirect only, then 401.
    assert_eq!(browser.get("/page?x=1").await.status, 401);
    let answer = other.fetch("/page").await;
    assert_eq!((answer.status, &*answer.problem()), (401, "session-ended"));
    // The session is closed as by a sign-out: a newer list does not restore it.
    let answer = browser.submit(&addon.sign_in_form(ANN)).await;
    assert_eq!(answer.status, 303);
    assert_ne!(browser.cookie(SESSION).unwrap(), session);
    assert_eq!(browser.fetch("/page").await.status, 200);
    let old = world.browser();
    old.set_cookie(SESSION, &session);
    assert_eq!(old.fetch("/page").await.status, 401);
    assert_eq!(world.reached(), 1);
}

#[tokio::test]
async fn use_by_one_user_keeps_all_sessions_of_the_resource() {
    let site = Site::start().await;
    site.world
        .heroku
        .app("shop")
        .collaborator("bob@example.com");
    refresh(&site.world, &site.addon).await;
    let bob = site.world.signed_in(&site.addon, "bob@example.com").await;
    for _ in 0..8 {
        site.pass(Duration::from_secs(500)).await;
        assert_eq!(bob.fetch("/page").await.status, 200);
    }
    assert_eq!(site.browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn resource_is_in_use_for_15_minutes_after_its_last_request() {
    let site = Site::start().await;
    let calls = || site.world.heroku.calls().count(Endpoint::Collaborators);
    site.pass(IN_USE_FOR - SECOND).await;
    site.world.quiet().await;
    let before = calls();
    site.world.clock.advance(REFRESH);
    site.world.quiet().await;
    site.world.clock.advance(REFRESH);
    site.world.quiet().await;
    assert_eq!(calls(), before, "it is no longer in use");
    site.world.clock.advance(REFRESH);
    site.world.quiet().await;
    assert_eq!(site.browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn in_use_for_setting_shortens_the_time_in_use() {
    let world = World::with(|builder| builder.in_use_for(REFRESH)).await;
    let addon = world.addon().await;
    let _sync = world.sso.spawn_sync();
    let browser = world.signed_in(&addon, ANN).await;
    world
        .pass_until_fetched(REFRESH.mul_f64(0.95), SECOND)
        .await;
    let calls = world.heroku.calls().count(Endpoint::Collaborators);
    for _ in 0..3 {
        world.clock.advance(REFRESH);
        world.quiet().await;
    }
    assert_eq!(world.heroku.calls().count(Endpoint::Collaborators), calls);
    assert_eq!(browser.fetch("/page").await.status, 401);
}

#[tokio::test]
async fn c45_short_refresh_intervals_keep_sessions() {
    for with_sync in [true, false] {
        for seconds in [1, 2, 3, 8] {
            let interval = SECOND * seconds;
            let world = World::with(|builder| builder.refresh_interval(interval)).await;
            let addon = world.addon().await;
            let sync = with_sync.then(|| world.sso.spawn_sync());
            world.clock.advance(Duration::from_millis(777));
            let browser = world.signed_in(&addon, ANN).await;
            for _ in 0..60 {
                world.clock.advance(SECOND / 2);
                let status = browser.fetch("/page").await.status;
                assert_eq!(status, 200, "{interval:?}, {with_sync}");
            }
            drop(sync);
        }
    }
}

#[tokio::test]
async fn max_session_ends_a_session_to_the_second() {
    let world = World::with(|builder| builder.max_session(REFRESH * 2)).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    world.clock.advance(REFRESH);
    refresh(&world, &addon).await;
    world.clock.advance(REFRESH - SECOND);
    assert_eq!(browser.fetch("/page").await.status, 200);
    world.clock.advance(SECOND);
    let answer = browser.fetch("/page").await;
    assert_eq!((answer.status, &*answer.problem()), (401, "session-ended"));
    assert!(!sets_session(&answer));
}

/// The store cannot issue a sequence number, so no list is fetched.
#[tokio::test]
async fn r7_store_outage_ends_no_session_before_max_list_age() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    store.fail("*");
    world.clock.advance(MAX_LIST_AGE);
    assert_eq!(browser.fetch("/page").await.status, 200);
    world.clock.advance(SECOND);
    assert_eq!(browser.fetch("/page").await.status, 503);
    store.mend();
    assert_eq!(browser.fetch("/page").await.status, 200);
}

#[tokio::test]
async fn c9_late_response_does_not_replace_a_newer_session_cookie() {
    let world = World::start().await;
    let first = world.addon().await;
    let second = world.heroku.app("books").collaborator(ANN).addon();
    assert_eq!(second.provision().await.unwrap().status, 200);
    let (entered, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (in_handler, waits) = (Arc::clone(&entered), Arc::clone(&go_on));
    let slow = || async move {
        in_handler.notify_one();
        waits.notified().await;
    };
    let whose = |user: HerokuUser| async move { user.resource().to_string() };
    let app = Router::new()
        .route("/slow", get(slow))
        .route("/", get(whose))
        .layer(world.sso.layer());
    let address = serve(app).await;
    let browser = Browser::new(address);
    assert_eq!(browser.submit(&first.sign_in_form(ANN)).await.status, 303);
    world.clock.advance(REFRESH / 2);
    refresh(&world, &first).await;
    // This request starts before the next sign-in.
    let late = browser.request(reqwest::Method::GET, "/slow");
    let admitted = tokio::spawn(late.send());
    entered.notified().await;
    let rejected = browser.at(address);
    let answer = browser.submit(&second.sign_in_form(ANN)).await;
    assert_eq!(answer.status, 303);
    go_on.notify_one();
    let admitted = admitted.await.unwrap().unwrap();
    assert_eq!(admitted.status(), 200);
    assert!(!admitted.headers().contains_key("set-cookie"));
    first.app().remove(ANN);
    refresh(&world, &first).await;
    for status in [403, 401] {
        let answer = rejected.fetch("/").await;
        assert_eq!((answer.status, sets_session(&answer)), (status, false));
    }
    let body = browser.fetch("/").await.body;
    assert_eq!(body, second.resource_id().to_string());
}

#[tokio::test]
async fn c10_cacheable_response_sets_no_session_cookie() {
    let world = World::start().await;
    let addon = world.addon().await;
    let public = get(|| async { ([(CACHE_CONTROL, "public, max-age=60")], "logo") });
    let app = Router::new()
        .route("/logo", public)
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    assert_eq!(browser.submit(&addon.sign_in_form(ANN)).await.status, 303);
    for _ in 0..5 {
        world.clock.advance(REFRESH / 2);
        refresh(&world, &addon).await;
        let answer = browser.fetch("/logo").await;
        assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
        assert!(answer.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn c21_lost_response_ends_no_session() {
    let world = World::start().await;
    let addon = world.addon().await;
    let broken = get(async || -> () { panic!("a handler's bug") });
    let app = Router::new()
        .route("/broken", broken)
        .route("/page", get(|| async { "page" }))
        .layer(world.sso.layer());
    let browser = Browser::new(serve(app).await);
    let answer = browser.submit(&addon.sign_in_form(ANN)).await;
    let cookies = answer.set_cookies();
    let (_, _, attributes) = cookies.iter().find(|(name, ..)| name == SESSION).unwrap();
    assert!(attributes.contains("Max-Age=5400"), "{attributes}");
    for _ in 0..5 {
        world.clock.advance(REFRESH / 2);
        refresh(&world, &addon).await;
        let request = browser.request(reqwest::Method::GET, "/broken");
        assert!(request.send().await.is_err(), "the connection breaks");
        assert_eq!(browser.fetch("/page").await.status, 200);
    }
}

#[tokio::test]
async fn rejections_leave_the_session_cookie_alone() {
    let world = World::start().await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    let unknown = world.browser();
    unknown.set_cookie(SESSION, "AAAAAAAAAAAAAAAAAAAAAA");
    let answer = unknown.get("/page").await;
    assert_eq!((answer.status, sets_session(&answer)), (401, false));
    addon.app().remove(ANN);
    refresh(&world, &addon).await;
    for status in [403, 401, 401] {
        let answer = browser.get("/page").await;
        assert_eq!((answer.status, sets_session(&answer)), (status, false));
    }
    // Only a sign-out removes it.
    let answer = browser
        .send(browser.request(reqwest::Method::POST, "/logout"))
        .await;
    assert_eq!((answer.status, sets_session(&answer)), (204, true));
    assert_eq!(browser.cookie(SESSION), None);
}

#[tokio::test]
async fn session_record_expires_with_the_longest_session_life() {
    let sessions = MemorySessions::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let browser = world.signed_in(&addon, ANN).await;
    let id = browser.cookie(SESSION).unwrap().parse().unwrap();
    let record = sessions.load(&id).await.unwrap().unwrap();
    let life = record.expiry_date - world.clock.now();
    let (least, most) = (Duration::from_secs(5_400), Duration::from_secs(5_400 + 180));
    assert!(life >= least - SECOND && life <= most, "{life}");
    let grant = &record.data["heroku_sso"];
    assert_eq!(grant.get("expires_at"), None, "{grant}");
}
