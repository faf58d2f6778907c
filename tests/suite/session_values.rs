//! Values of the partner's own in the session of a user: `Sessions::layer`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::extract::Path;
use axum::routing::{get, post};
use heroku_addon_simulator::AddOn;
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret as _;
use tower_heroku_sso::tower_sessions::session::{Id, Record};
use tower_heroku_sso::tower_sessions::{
    Session, SessionManagerLayer, SessionStore, session, session_store,
};
use tower_heroku_sso::{
    BearerTokens, CookieSessions, Enforcement, HerokuSso, HerokuUser, MemorySessions,
};

use support::browser::{Answer, Browser};
use support::ids::AddOnExt as _;
use support::world::{World, serve};

use crate::jwt::keys;
use crate::log::Log;

const COOKIE: &str = "__Host-heroku_sso";

/// An app that keeps a draft in the session.
fn drafts() -> Router {
    async fn read(session: Session) -> Result<String, StatusCode> {
        let draft = session.get::<String>("draft").await.map_err(failed)?;
        Ok(draft.unwrap_or_else(|| "none".to_owned()))
    }
    async fn write(session: Session, Path(text): Path<String>) -> Result<(), StatusCode> {
        session.insert("draft", text).await.map_err(failed)
    }
    async fn broken(session: Session) -> StatusCode {
        session.insert("draft", "half").await.unwrap();
        StatusCode::BAD_GATEWAY
    }
    Router::new()
        .route("/draft", get(read))
        .route("/draft/{text}", post(write))
        .route("/broken", post(broken))
        .route(
            "/renew",
            post(|it: Session| async move { it.cycle_id().await.unwrap() }),
        )
        .route(
            "/clear",
            post(|it: Session| async move { it.clear().await }),
        )
        .route(
            "/flush",
            post(|it: Session| async move { it.flush().await.unwrap() }),
        )
}

fn failed(_: session::Error) -> StatusCode {
    StatusCode::SERVICE_UNAVAILABLE
}

fn app(sso: &HerokuSso, store: impl SessionStore) -> Router {
    sso.protect(drafts().layer(sso.sessions().layer(store)))
}

/// An app with values in a store, and Ann's browser, signed in.
struct Scene {
    world: World,
    addon: AddOn,
    address: SocketAddr,
    ann: Browser,
}

impl Scene {
    async fn on(store: impl SessionStore) -> Self {
        Self::of(World::start().await, store).await
    }

    async fn of(world: World, store: impl SessionStore) -> Self {
        let addon = world.addon().await;
        let address = serve(app(&world.sso, store)).await;
        let ann = world.signed_in(&addon, "ann@example.com").await.at(address);
        Self {
            world,
            addon,
            address,
            ann,
        }
    }

    /// In the same browser.
    async fn ann_signs_in_again(&self) {
        self.world.clock.advance(Duration::from_secs(1));
        let form = self.addon.sign_in_form("ann@example.com");
        assert_eq!(self.ann.submit(&form).await.status, 303);
    }
}

async fn post_to(browser: &Browser, path: &str) -> u16 {
    browser
        .send(browser.request(Method::POST, path))
        .await
        .status
}

async fn draft(browser: &Browser) -> String {
    let Answer { status, body, .. } = browser.fetch("/draft").await;
    if status == 200 {
        body
    } else {
        status.to_string()
    }
}

#[tokio::test]
async fn values_belong_to_one_session() {
    let scene = Scene::on(MemorySessions::default()).await;
    let (world, laptop, address) = (&scene.world, &scene.ann, scene.address);
    world.clock.advance(Duration::from_secs(1));
    let phone = world.signed_in(&scene.addon, "ann@example.com").await;
    let phone = phone.at(address);
    assert_eq!(draft(laptop).await, "none");
    assert_eq!(post_to(laptop, "/draft/hello").await, 200);
    assert_eq!(draft(laptop).await, "hello");
    assert_eq!(draft(&phone).await, "none");
    assert_eq!(post_to(&phone, "/draft/other").await, 200);
    assert_eq!(draft(laptop).await, "hello");
    assert_eq!(draft(&Browser::new(address)).await, "401");
}

#[tokio::test]
async fn sign_out_ends_the_values() {
    let scene = Scene::on(MemorySessions::default()).await;
    let (ann, copy) = (&scene.ann, scene.ann.at(scene.address));
    assert_eq!(post_to(ann, "/draft/hello").await, 200);
    assert_eq!(post_to(ann, "/logout").await, 204);
    assert_eq!(draft(&copy).await, "401");
    scene.ann_signs_in_again().await;
    assert_eq!(draft(ann).await, "none");
}

/// The session is in the cookie, and the values are not.
#[tokio::test]
async fn sessions_in_signed_cookies_have_values_too() {
    let sessions = CookieSessions::new(keys::only(keys::hs256(0)));
    let world = World::with(|builder| builder.session_store(sessions)).await;
    let scene = Scene::of(world, MemorySessions::default()).await;
    let ann = &scene.ann;
    let cookie = ann.cookie(COOKIE);
    assert_eq!(post_to(ann, "/draft/hello").await, 200);
    assert_eq!(draft(ann).await, "hello");
    assert_eq!(ann.cookie(COOKIE), cookie);
    assert_eq!(post_to(ann, "/logout").await, 204);
    scene.ann_signs_in_again().await;
    assert_eq!(draft(ann).await, "none");
}

#[tokio::test]
async fn revocation_and_removal_end_the_values() {
    let scene = Scene::on(MemorySessions::default()).await;
    let (world, addon, ann) = (&scene.world, &scene.addon, &scene.ann);
    let id = addon.resource_id();
    let email = "ann@example.com".parse().unwrap();
    assert_eq!(post_to(ann, "/draft/hello").await, 200);
    world.sso.sessions().revoke(&id, &email).await.unwrap();
    assert_eq!(draft(ann).await, "401");

    scene.ann_signs_in_again().await;
    assert_eq!(draft(ann).await, "none");
    assert_eq!(post_to(ann, "/draft/again").await, 200);
    addon.app().remove("ann@example.com");
    world.refresh(&id).await;
    assert_eq!(draft(ann).await, "403");
    addon.app().collaborator("ann@example.com");
    world.refresh(&id).await;
    assert_eq!(draft(ann).await, "401");
}

#[tokio::test]
async fn values_are_deleted_when_none_is_left() {
    let scene = Scene::on(Strict::on(MemorySessions::default())).await;
    let ann = &scene.ann;
    for path in ["/clear", "/flush"] {
        assert_eq!(post_to(ann, "/draft/hello").await, 200);
        assert_eq!(post_to(ann, path).await, 200, "{path}");
        assert_eq!(draft(ann).await, "none", "{path}");
    }
    // A handler that gives the session a new id still has the same session.
    assert_eq!(post_to(ann, "/draft/hello").await, 200);
    assert_eq!(post_to(ann, "/renew").await, 200);
    assert_eq!(draft(ann).await, "hello");
    assert_eq!(post_to(ann, "/draft/more").await, 200);
    assert_eq!(draft(ann).await, "more");
}

#[tokio::test]
async fn failed_handler_changes_no_value() {
    let scene = Scene::on(MemorySessions::default()).await;
    let ann = &scene.ann;
    assert_eq!(post_to(ann, "/broken").await, 502);
    assert_eq!(draft(ann).await, "none");
}

#[tokio::test]
async fn values_that_cannot_be_stored_are_a_500() {
    let log = Log::listen();
    let store = Strict::on(MemorySessions::default());
    let scene = Scene::on(store.clone()).await;
    let ann = &scene.ann;
    assert_eq!(post_to(ann, "/draft/hello").await, 200);
    store.is_full.store(true, Ordering::SeqCst);
    assert_eq!(post_to(ann, "/draft/other").await, 500);
    assert_eq!(
        log.with(&["ERROR", "values of a session"]).len(),
        1,
        "{log:?}"
    );
    assert_eq!(draft(ann).await, "hello");
}

/// The partner may give the store of the gate's sessions, or that of a login of the partner's own.
#[tokio::test]
async fn c8_values_in_a_shared_store_are_no_session() {
    let store = Recording::default();
    let given = store.clone();
    let world = World::with(|builder| builder.session_store(given)).await;
    let addon = world.addon().await;
    let others = drafts().layer(SessionManagerLayer::new(store.clone()).with_secure(false));
    let app = app(&world.sso, store.clone()).nest("/open", others);
    let address = serve(app).await;
    let ann = world.signed_in(&addon, "ann@example.com").await.at(address);
    assert_eq!(post_to(&ann, "/draft/hello").await, 200);
    assert_eq!(draft(&ann).await, "hello");

    let values = store.last_created();
    let session = ann.cookie(COOKIE).unwrap();
    assert_ne!(values.to_string(), session);
    let thief = Browser::new(address);
    thief.set_cookie(COOKIE, &values.to_string());
    assert_eq!(draft(&thief).await, "401");
    for id in [values.to_string(), session] {
        let thief = Browser::new(address);
        thief.set_cookie("id", &id);
        assert_eq!(thief.fetch("/open/draft").await.body, "none");
    }
}

#[tokio::test]
async fn values_expire_with_the_longest_session() {
    let store = Recording::default();
    let scene = Scene::on(store.clone()).await;
    let began = tower_heroku_sso::Clock::now(&scene.world.clock);
    assert_eq!(post_to(&scene.ann, "/draft/hello").await, 200);
    let record = store.load(&store.last_created()).await.unwrap().unwrap();
    let lasts = record.expiry_date - began;
    assert!((lasts - time::Duration::minutes(90)).abs() < time::Duration::SECOND);
}

#[tokio::test]
async fn session_layer_outside_of_the_gate_is_warned_of() {
    let log = Log::listen();
    let world = World::start().await;
    let layer = world.sso.sessions().layer(MemorySessions::default());
    let browser = Browser::new(serve(drafts().layer(layer.clone())).await);
    assert_eq!(draft(&browser).await, "500");
    assert_eq!(draft(&browser).await, "500");
    let warned = |log: &Log| log.with(&["WARN", "is not inside of the gate"]).len();
    assert_eq!(warned(&log), 1, "{log:?}");
    // A visitor without a session is no mistake.
    let world = World::start().await;
    let layer = world.sso.sessions().layer(MemorySessions::default());
    let app = drafts().layer(layer).layer(world.sso.optional_layer());
    assert_eq!(draft(&Browser::new(serve(app).await)).await, "500");
    assert_eq!(warned(&log), 1, "{log:?}");
}

#[tokio::test]
async fn session_of_an_outer_layer_is_out_of_reach_without_a_user() {
    let world = World::start().await;
    let outer = Recording::default();
    let layer = world.sso.sessions().layer(MemorySessions::default());
    let app = drafts().layer(layer).layer(world.sso.optional_layer());
    let app = app.layer(SessionManagerLayer::new(outer.clone()).with_secure(false));
    let visitor = Browser::new(serve(app).await);
    assert_eq!(draft(&visitor).await, "500");
    assert_eq!(post_to(&visitor, "/draft/hello").await, 500);
    assert!(outer.created.lock().unwrap().is_none());
}

#[tokio::test]
async fn observed_request_has_no_values() {
    let log = Log::listen();
    let world = World::with(|builder| builder.enforcement(Enforcement::Observe)).await;
    let addon = world.addon().await;
    let (values, outer) = (Recording::default(), Recording::default());
    let layer = world.sso.sessions().layer(values.clone());
    let app = drafts().layer(layer).layer(world.sso.layer());
    let app = app.layer(SessionManagerLayer::new(outer.clone()).with_secure(false));
    let ann = Browser::new(serve(app).await);
    // The gate would admit her.
    ann.submit(&addon.sign_in_form("ann@example.com")).await;
    assert!(ann.cookie(COOKIE).is_some());
    assert_eq!(draft(&ann).await, "500");
    assert_eq!(post_to(&ann, "/draft/hello").await, 500);
    for store in [values, outer] {
        assert!(store.created.lock().unwrap().is_none());
    }
    assert_eq!(log.with(&["is not inside of the gate"]).len(), 0, "{log:?}");
}

#[tokio::test]
async fn bearer_token_shares_the_values_of_its_session() {
    let bearers = BearerTokens::new(keys::only(keys::ed25519(0)));
    let world = World::with(|builder| builder.bearer_tokens(bearers)).await;
    let scene = Scene::of(world, MemorySessions::default()).await;
    let (ann, sso) = (&scene.ann, scene.world.sso.clone());
    let token = Router::new().route(
        "/token",
        get(move |user: HerokuUser| async move {
            let token = sso.sessions().bearer(&user).unwrap();
            token.secret().expose_secret().to_owned()
        }),
    );
    let address = serve(token.layer(scene.world.sso.layer())).await;
    let token = ann.at(address).fetch("/token").await.body;
    let program = Browser::new(scene.address);
    let send = async |method, path| {
        let request = program.request(method, path).bearer_auth(&token);
        let answer = program.send(request).await;
        (answer.status, answer.body)
    };
    assert_eq!(post_to(ann, "/draft/hello").await, 200);
    let seen = send(Method::GET, "/draft").await;
    assert_eq!(seen, (200, "hello".to_owned()));
    assert_eq!(send(Method::POST, "/draft/more").await.0, 200);
    assert_eq!(draft(ann).await, "more");
    assert_eq!(post_to(ann, "/logout").await, 204);
    assert_eq!(send(Method::GET, "/draft").await.0, 401);
    scene.ann_signs_in_again().await;
    assert_eq!(draft(ann).await, "none");
}

/// A store that saves only existing records, as that of Redis does, and that may be full.
#[derive(Clone, Debug)]
struct Strict {
    inner: MemorySessions,
    is_full: Arc<AtomicBool>,
}

impl Strict {
    fn on(inner: MemorySessions) -> Self {
        let is_full = Arc::default();
        Self { inner, is_full }
    }
}

#[async_trait]
impl SessionStore for Strict {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.inner.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        if self.is_full.load(Ordering::SeqCst) {
            return Err(session_store::Error::Backend("full".into()));
        }
        match self.inner.load(&record.id).await? {
            Some(_) => self.inner.save(record).await,
            None => Ok(()),
        }
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.inner.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.inner.delete(id).await
    }
}

/// A store that remembers the id of the last created record.
#[derive(Clone, Debug, Default)]
struct Recording {
    inner: MemorySessions,
    created: Arc<std::sync::Mutex<Option<Id>>>,
}

impl Recording {
    fn last_created(&self) -> Id {
        self.created.lock().unwrap().unwrap()
    }
}

#[async_trait]
impl SessionStore for Recording {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.inner.create(record).await?;
        *self.created.lock().unwrap() = Some(record.id);
        Ok(())
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.inner.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.inner.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.inner.delete(id).await
    }
}
