//! Handlers panic or hang, clients disconnect at any moment: the gate keeps working for later requests.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::routing::get;
use heroku_addon_simulator::Endpoint;
use http::{Request, StatusCode};
use support::ids::AddOnExt as _;
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tower::ServiceExt;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{HerokuUser, MemorySessions, Require, Role, VerifiedEmail};
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use support::browser::{Browser, FORM};
use support::world::{World, serve};

#[tokio::test]
async fn a60_panicking_handler_leaves_the_gate_working() {
    let world = World::start().await;
    let addon = world.addon().await;
    let panics = |user: HerokuUser| async move {
        if !user.email().as_str().is_empty() {
            panic!("a bug of the partner's");
        }
    };
    let app = world
        .sso
        .protect(Router::new().route("/panic", get(panics)).route(
            "/",
            get(|user: HerokuUser| async move { user.email().to_string() }),
        ));
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    for _ in 0..20 {
        let request = browser.request(reqwest::Method::GET, "/panic");
        assert!(request.send().await.is_err(), "the connection breaks");
        assert_eq!(browser.fetch("/").await.body, "ann@example.com");
    }
    is_well(&world, &browser).await;
}

#[tokio::test]
async fn a60_hanging_handlers_block_no_request_and_end_on_disconnect() {
    let world = World::start().await;
    let addon = world.addon().await;
    let inside = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&inside);
    let hangs = move || {
        let counter = Arc::clone(&counter);
        async move {
            counter.fetch_add(1, Ordering::SeqCst);
            let _left = Left(counter);
            std::future::pending::<()>().await;
        }
    };
    let app = world
        .sso
        .protect(Router::new().route("/hang", get(hangs)).route(
            "/",
            get(|user: HerokuUser| async move { user.email().to_string() }),
        ));
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..100 {
        waiting.spawn(browser.request(reqwest::Method::GET, "/hang").send());
    }
    until(|| inside.load(Ordering::SeqCst) == 100).await;
    is_well(&world, &browser).await;
    waiting.shutdown().await;
    until(|| inside.load(Ordering::SeqCst) == 0).await;
    is_well(&world, &browser).await;
}

struct Left(Arc<AtomicUsize>);

impl Drop for Left {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn until(reached: impl Fn() -> bool) {
    let wait = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("the condition holds in time");
}

/// The gate works: lists are fetched, tokens renewed, sessions opened and ended.
async fn is_well(world: &World, browser: &Browser) {
    let addon = world.heroku.app("shop").addon();
    let all = async {
        world.clock.advance(Duration::from_secs(1));
        world.heroku.tokens().expire_access();
        world.refresh(&addon.resource_id()).await;
        assert_eq!(browser.fetch("/").await.status, 200);
        let other = world.signed_in(&addon, "ann@example.com").await;
        let sign_out = other.request(reqwest::Method::POST, "/logout");
        assert_eq!(other.send(sign_out).await.status, 204);
        world.register(&addon).await;
    };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("no lock is left by a cancelled request");
}

/// Polls `future` this many times, then drops it. True if it completed.
async fn leave_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(false);
        }
        left -= 1;
        future.as_mut().poll(cx).map(|_| true)
    })
    .await
}

/// Sends a request and drops it after one step, then another after two, until one is answered. Panics if
/// none is answered in `most` steps.
async fn at_each_step(app: &Router, most: usize, mut request: impl FnMut() -> Request<Body>) {
    for steps in 0..most {
        let service = app.clone();
        if leave_after(steps, service.oneshot(request())).await {
            assert!(steps > 1, "the request has several steps");
            return;
        }
    }
    panic!("not answered in {most} steps");
}

#[tokio::test]
async fn a60_client_disconnect_at_any_step_leaves_the_gate_working() {
    // Each call of this real store is a step, as it answers from another thread.
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(folder.path()).await;
    let world = World::with(|builder| {
        let builder = builder.store(store).session_cache(Duration::ZERO);
        builder.session_store(Stepwise::default())
    })
    .await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    let app = world
        .sso
        .protect(Router::new().route(
            "/",
            get(|user: HerokuUser| async move { user.email().to_string() }),
        ))
        .merge(world.sso.routes().partner_api(NoProvisioning));
    let browser = Browser::new(serve(app.clone()).await);
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);

    // Sign-ins with new forms, each of which fetches a list and renews a token.
    at_each_step(&app, 300, || {
        world.clock.advance(Duration::from_secs(1));
        world.heroku.app("shop").collaborator("new@example.com");
        world.heroku.tokens().expire_access();
        world.heroku.app("shop").remove("new@example.com");
        post(
            "/heroku/sso",
            FORM,
            addon.sign_in_form("new@example.com").body(),
        )
    })
    .await;
    at_each_step(&app, 300, || {
        world.clock.advance(Duration::from_secs(1));
        post(
            "/heroku/sso",
            FORM,
            addon.sign_in_form("ann@example.com").body(),
        )
    })
    .await;
    // A request whose session follows to a newer list.
    world.clock.advance(Duration::from_secs(60));
    world.refresh(&resource).await;
    let form = addon.sign_in_form("ann@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    world.clock.advance(Duration::from_secs(60));
    world.refresh(&resource).await;
    let cookie = format!(
        "__Host-heroku_sso={}",
        browser.cookie("__Host-heroku_sso").unwrap()
    );
    at_each_step(&app, 50, || {
        let request = Request::get("/").header("cookie", &cookie);
        request.body(Body::empty()).unwrap()
    })
    .await;
    is_well(&world, &browser).await;
    // Repeated provisioning, each time with a new grant.
    let basic = {
        use base64::Engine;
        let text = format!("{}:{}", world.heroku.slug(), world.heroku.password());
        format!(
            "Basic {}",
            base64::engine::general_purpose::STANDARD.encode(text)
        )
    };
    at_each_step(&app, 300, || {
        let body = addon.provisioning_body().to_string();
        let mut request = post("/heroku/resources", "application/json", body);
        let basic = basic.parse().unwrap();
        request.headers_mut().insert("authorization", basic);
        request
    })
    .await;
    is_well(&world, &browser).await;
    // A cancelled sign-out has either ended the session or can be repeated.
    at_each_step(&app, 50, || {
        let mut request = post("/logout", "text/plain", String::new());
        let cookie = cookie.parse().unwrap();
        request.headers_mut().insert("cookie", cookie);
        request
    })
    .await;
    assert_eq!(browser.fetch("/").await.status, 401);
    assert!(world.heroku.calls().count(Endpoint::Any) > 0);
}

#[tokio::test]
async fn a60_sign_in_dropped_at_any_step_leaves_no_session() {
    let sessions = Stepwise::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let app = Router::new()
        .route("/", get(|| async { "page" }))
        .layer(world.sso.layer());
    world.signed_in(&addon, "ann@example.com").await;
    at_each_step(&app, 300, || {
        world.clock.advance(Duration::from_secs(1));
        let form = addon.sign_in_form("ann@example.com");
        post("/heroku/sso", FORM, form.body())
    })
    .await;
    // The first and the last one were completed.
    assert!(sessions.made.load(Ordering::SeqCst) > 2);
    until(|| sessions.ids.lock().unwrap().len() == 2).await;
}

/// The partner's own login is dropped likewise.
#[tokio::test]
async fn a60_own_login_dropped_at_any_step_leaves_no_session() {
    let sessions = Stepwise::default();
    let world = World::with(|builder| builder.session_store(sessions.clone())).await;
    let addon = world.addon().await;
    let resource = addon.resource_id();
    world.refresh(&resource).await;
    let ann = VerifiedEmail::assume_verified("ann@example.com".parse().unwrap());
    let headers = http::HeaderMap::new();
    let admitted = async |steps: usize| {
        let handle = world.sso.sessions();
        leave_after(steps, handle.admit(&resource, &ann, &headers)).await
    };
    let mut steps = 0;
    while !admitted(steps).await {
        steps += 1;
    }
    assert!(steps > 1 && sessions.made.load(Ordering::SeqCst) > 1);
    until(|| sessions.ids.lock().unwrap().len() == 1).await;
}

/// Sessions in memory, with a step before and after each call.
#[derive(Clone, Debug, Default)]
struct Stepwise {
    inner: MemorySessions,
    /// The ids of those that exist.
    ids: Arc<Mutex<HashSet<Id>>>,
    /// How many ever existed.
    made: Arc<AtomicUsize>,
}

#[async_trait]
impl SessionStore for Stepwise {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        yield_now().await;
        self.inner.create(record).await?;
        self.ids.lock().unwrap().insert(record.id);
        self.made.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
        Ok(())
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        yield_now().await;
        self.inner.save(record).await?;
        yield_now().await;
        Ok(())
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        yield_now().await;
        let record = self.inner.load(id).await?;
        yield_now().await;
        Ok(record)
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        yield_now().await;
        self.inner.delete(id).await?;
        self.ids.lock().unwrap().remove(id);
        yield_now().await;
        Ok(())
    }
}

async fn sqlite(folder: &std::path::Path) -> tower_heroku_sso::store::SqliteStore {
    use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, SqliteStore};

    let key = EncryptionKey::from_base64("c2VhbGluZ19rZXlfb2ZfMzJfYnl0ZXNfZm9yX3Rlc3Q=").unwrap();
    let file = folder.join("state.sqlite");
    SqliteStore::open(file, EncryptionKeys::new(key))
        .await
        .unwrap()
}

fn post(path: &str, kind: &str, body: String) -> Request<Body> {
    let request = Request::post(path).header("content-type", kind);
    request.body(Body::from(body)).unwrap()
}

#[tokio::test]
async fn a41_request_keeps_its_list_when_a_newer_one_arrives() {
    let world = World::start().await;
    let addon = world.addon().await;
    let (app, resource) = (world.heroku.app("shop"), addon.resource_id());
    app.collaborator_as("bob@example.com", "admin", &["deploy"]);
    world.refresh(&resource).await;
    // The request waits between the gate and the guard.
    let (arrived, go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let hold = {
        let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
        axum::middleware::from_fn(move |request, next: axum::middleware::Next| {
            let (arrived, go_on) = (Arc::clone(&arrived), Arc::clone(&go_on));
            async move {
                arrived.add_permits(1);
                go_on.acquire().await.unwrap().forget();
                next.run(request).await
            }
        })
    };
    let what_it_sees = |user: HerokuUser| async move {
        let roles: Vec<_> = user.roles().iter().map(ToString::to_string).collect();
        let may: Vec<_> = user.permissions().iter().map(ToString::to_string).collect();
        format!("{} {}", roles.join("+"), may.join("+"))
    };
    let router = world.sso.protect(
        Router::new()
            .route("/", get(what_it_sees))
            .route_layer(Require::role(Role::Admin))
            .layer(hold),
    );
    let browser = Browser::new(serve(router).await);
    let form = addon.sign_in_form("bob@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    let request = browser.request(reqwest::Method::GET, "/");
    let in_flight = tokio::spawn(request.send());
    arrived.acquire().await.unwrap().forget();
    app.remove("bob@example.com")
        .collaborator_as("bob@example.com", "collaborator", &["view"]);
    world.refresh(&resource).await;
    go_on.add_permits(2);
    let answer = in_flight.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.text().await.unwrap(), "admin deploy");
    assert_eq!(browser.fetch("/").await.status, 403);
}
