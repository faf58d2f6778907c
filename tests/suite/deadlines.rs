//! Dependencies of the gate may hang or be slow; each request still ends within its deadline. Tokio's time
//! is paused and jumps to the next timer.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use serde_json::json;
use support::browser::FORM;
use support::ids::AddOnExt as _;
use support::world::{MAX_LIST_AGE, REFRESH, World, grant};
use tokio::time::{Instant, pause, resume};
use tower::ServiceExt as _;
use tower_heroku_sso::partner_api::{Addon, AddonError, NoProvisioning, Outcome, Provision};
use tower_heroku_sso::{
    AccessTokenError, AdmitError, DeprovisionError, Email, HerokuSso, HerokuSsoBuilder,
    MemorySessions, RegisterError, ResourceId, VerifiedEmail, WebhookSecret, Webhooks,
};
use tower_sessions::session::{Id, Record};
use tower_sessions::{ExpiredDeletion, SessionStore, session_store};

use crate::faulty::{Faulty, Leases};
use crate::webhooks::{SECRET, collaborator, sign};

/// All async methods of `Store`: `tests/repository/deadlines` compares them with the trait.
const METHODS: &[&str] = &[
    "begin_deprovisioning",
    "consume",
    "close_session",
    "complete_deprovisioning",
    "note_pending_removal",
    "end",
    "end_dormant",
    "erase",
    "erase_person",
    "find_legacy",
    "get",
    "is_consumed",
    "is_session_closed",
    "load",
    "load_page",
    "make_dormant",
    "members",
    "note_absence",
    "put",
    "revoke",
    "revoke_all",
    "set_list",
    "set_members",
    "set_tokens",
    "set_webhook",
    "next_sequence",
];

/// The deadline of a request, with some tolerance for the clock's steps.
const REQUEST: Duration = Duration::from_millis(15_100);

/// Just within the deadline of one call.
const SLOW: Duration = Duration::from_millis(4_900);

/// Sessions in memory whose calls can be delayed, for ever if `takes` is `MAX`.
#[derive(Clone, Debug, Default)]
struct Sessions {
    inner: MemorySessions,
    takes: Arc<Mutex<Duration>>,
}

impl Sessions {
    fn slow_down(&self, takes: Duration) {
        *self.takes.lock().unwrap() = takes;
    }

    async fn reached(&self) -> &MemorySessions {
        let takes = *self.takes.lock().unwrap();
        if takes == Duration::MAX {
            pending::<()>().await;
        }
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        &self.inner
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.reached().await.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.reached().await.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.reached().await.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.reached().await.delete(id).await
    }
}

fn router(sso: &HerokuSso, addon: impl Addon) -> Router {
    sso.protect(Router::new().route("/page", get(|| async { "page" })))
        .merge(sso.routes().partner_api(addon))
}

/// A gate that is called without a socket, with Ann signed in.
struct Gate {
    world: World,
    addon: AddOn,
    app: Router,
    cookie: String,
}

impl Gate {
    /// The app of a newly started process with empty caches.
    async fn another_process(&self, store: &Faulty, sessions: &Sessions) -> Router {
        let gate = self
            .world
            .another_gate(|builder| set_up(builder, store, sessions));
        router(&gate.await.0, NoProvisioning)
    }

    async fn with(store: &Faulty, sessions: &Sessions) -> Self {
        let world = World::with(|builder| set_up(builder, store, sessions)).await;
        let addon = world.addon().await;
        let cookie = signed_in(&world, &addon).await;
        let app = router(&world.sso, NoProvisioning);
        Self {
            world,
            addon,
            app,
            cookie,
        }
    }

    /// The response to a request, and its duration.
    async fn send(&self, request: Request<Body>) -> (Response, Duration) {
        send(&self.app, request).await
    }

    fn page(&self) -> Request<Body> {
        page(&self.cookie)
    }

    fn sign_out(&self, cookie: &str) -> Request<Body> {
        let request = Request::post("/logout").header("cookie", as_cookie(cookie));
        request.body(Body::empty()).unwrap()
    }

    fn sign_in(&self) -> Request<Body> {
        // A new second makes a new form.
        self.world.clock.advance(Duration::from_secs(1));
        form(&self.addon, "ann@example.com")
    }

    fn webhook(&self, event: &str) -> Request<Body> {
        let body = collaborator(&self.addon, "destroy", "owner@example.com", event).to_string();
        let request = Request::post("/heroku/webhooks")
            .header("heroku-webhook-hmac-sha256", sign(body.as_bytes(), SECRET));
        request.body(Body::from(body)).unwrap()
    }

    fn heroku(&self, method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
        heroku(&self.world, method, path, body)
    }

    fn provision(&self) -> Request<Body> {
        let body = json!({ "uuid": uuid::Uuid::new_v4() }).to_string();
        self.heroku(Method::POST, "/heroku/resources", body)
    }

    fn plan(&self) -> Request<Body> {
        let body = json!({ "plan": "pro" }).to_string();
        self.heroku(Method::PUT, &path_of(&self.addon), body)
    }

    fn deprovision(&self) -> Request<Body> {
        self.heroku(Method::DELETE, &path_of(&self.addon), Body::empty())
    }
}

fn set_up(builder: HerokuSsoBuilder, store: &Faulty, sessions: &Sessions) -> HerokuSsoBuilder {
    builder
        .store(store.clone())
        .session_store(sessions.clone())
        .session_cache(Duration::ZERO)
        .webhooks(Webhooks::new(WebhookSecret::new(SECRET).unwrap()))
}

async fn signed_in(world: &World, addon: &AddOn) -> String {
    let browser = world.signed_in(addon, "ann@example.com").await;
    browser.cookie("__Host-heroku_sso").unwrap()
}

async fn send(app: &Router, request: Request<Body>) -> (Response, Duration) {
    let begun = Instant::now();
    let answer = app.clone().oneshot(request).await.unwrap();
    (answer, begun.elapsed())
}

fn as_cookie(value: &str) -> String {
    format!("__Host-heroku_sso={value}")
}

fn page(cookie: &str) -> Request<Body> {
    let request = Request::get("/page").header("cookie", as_cookie(cookie));
    request.body(Body::empty()).unwrap()
}

fn form(addon: &AddOn, email: &str) -> Request<Body> {
    let form = addon.sign_in_form(email);
    let request = Request::post("/heroku/sso").header("content-type", FORM);
    request.body(Body::from(form.body())).unwrap()
}

fn path_of(addon: &AddOn) -> String {
    format!("/heroku/resources/{}", addon.resource_id())
}

fn heroku(world: &World, method: Method, path: &str, body: impl Into<Body>) -> Request<Body> {
    use base64::Engine;
    let (slug, password) = (world.heroku.slug(), world.heroku.password());
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{slug}:{password}"));
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Basic {basic}"))
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap()
}

#[tokio::test]
async fn r10_hanging_store_method_never_blocks_a_request() {
    for &method in METHODS {
        let (store, sessions) = (Faulty::default(), Sessions::default());
        let gate = Gate::with(&store, &sessions).await;
        gate.world.clock.advance(Duration::from_secs(1));
        let other = signed_in(&gate.world, &gate.addon).await;
        pause();
        store.hold(method);
        let answers = async |requests: Vec<(Request<Body>, u16)>| {
            for (request, usual) in requests {
                let what = format!("{} {}, {method}", request.method(), request.uri());
                let (answer, took) = gate.send(request).await;
                let status = answer.status().as_u16();
                assert!(status == usual || status == 503, "{what}: {status}");
                assert!(took <= REQUEST, "{what}: {took:?}");
            }
        };
        answers(vec![
            (gate.page(), 200),
            (page(&Id::default().to_string()), 401),
            (gate.sign_in(), 303),
            (gate.webhook("1"), 204),
            (gate.plan(), 200),
            (gate.provision(), 200),
        ])
        .await;
        store.let_go(method);
        let (answer, _) = gate.send(gate.page()).await;
        assert_eq!(answer.status(), 200, "{method}: the session is kept");
        store.hold(method);
        answers(vec![
            (gate.sign_out(&other), 204),
            (gate.deprovision(), 204),
        ])
        .await;
        resume();
    }
}

#[tokio::test]
async fn r10_hanging_session_records_never_block_a_request() {
    for method in [
        "insert_session",
        "find_session",
        "list_sessions",
        "note_seen",
        "close_session",
    ] {
        let store = Faulty::default().keeping_sessions();
        let own = store.clone();
        let world = World::with(|builder| builder.store(own).session_cache(Duration::ZERO)).await;
        let addon = world.addon().await;
        let cookie = signed_in(&world, &addon).await;
        world.clock.advance(Duration::from_secs(120));
        let app = router(&world.sso, NoProvisioning);
        let (sessions, resource) = (world.sso.sessions(), addon.resource_id());
        let listed = sessions.of(&resource).await.unwrap();
        pause();
        store.hold(method);
        let sign_out = Request::post("/logout").header("cookie", as_cookie(&cookie));
        for (request, usual) in [
            (page(&cookie), 200),
            (form(&addon, "owner@example.com"), 303),
            (sign_out.body(Body::empty()).unwrap(), 204),
        ] {
            let (answer, took) = send(&app, request).await;
            let status = answer.status().as_u16();
            assert!(status == usual || status == 503, "{method}: {status}");
            assert!(took <= REQUEST, "{method}: {took:?}");
        }
        let begun = Instant::now();
        drop(tokio::join!(
            sessions.of(&resource),
            sessions.end(&listed[0].id)
        ));
        assert!(begun.elapsed() <= REQUEST, "{method}");
        resume();
    }
}

#[tokio::test]
async fn r10_hanging_store_method_never_blocks_partner_calls() {
    for &method in METHODS {
        let (store, sessions) = (Faulty::default(), Sessions::default());
        let gate = Gate::with(&store, &sessions).await;
        let (sso, resource) = (&gate.world.sso, gate.addon.resource_id());
        let owner: Email = "owner@example.com".parse().unwrap();
        let verified = VerifiedEmail::assume_verified("ann@example.com".parse().unwrap());
        pause();
        store.hold(method);
        let begun = Instant::now();
        let in_time = |what: &str| {
            assert!(begun.elapsed() <= REQUEST, "{what}, {method}");
        };
        let headers = axum::http::HeaderMap::new();
        let admitted = sso.sessions().admit(&resource, &verified, &headers).await;
        let is_told = matches!(admitted, Ok(_) | Err(AdmitError::CannotCheck { .. }));
        assert!(is_told, "{method}");
        in_time("admit");
        // Their results depend on the method; only the time counts here.
        drop(tokio::join!(
            sso.lists().get(&resource),
            sso.lists().health()
        ));
        in_time("list and health");
        resume();
        pause();
        let begun = Instant::now();
        let _ = tokio::join!(
            sso.sessions().revoke(&resource, &owner),
            sso.sessions().end_all(&resource),
            sso.lists().erase(&owner),
            sso.resources().access_token(&resource)
        );
        assert!(begun.elapsed() <= REQUEST, "{method}");
        let begun = Instant::now();
        let _ = sso.resources().deprovision(&resource).await;
        assert!(begun.elapsed() <= REQUEST, "{method}");
        resume();
    }
}

#[tokio::test]
async fn r10_silent_leases_delay_a_call_by_seconds() {
    let leases = Arc::new(Leases::default());
    let gate = Gate::with(&Faulty::shared(&leases), &Sessions::default()).await;
    pause();
    leases.silent.store(true, Ordering::SeqCst);
    for request in [gate.plan(), gate.provision(), gate.deprovision()] {
        let (answer, took) = gate.send(request).await;
        assert_eq!(answer.status(), 503);
        assert!(took <= REQUEST, "{took:?}");
    }
    let (answer, _) = gate.send(gate.page()).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn r10_lease_held_by_another_process_delays_a_call_by_seconds() {
    let leases = Arc::new(Leases::default());
    let gate = Gate::with(&Faulty::shared(&leases), &Sessions::default()).await;
    let (sso, resource) = (&gate.world.sso, gate.addon.resource_id());
    let grant = grant(&gate.addon);
    // The access token has expired.
    gate.world.clock.advance(Duration::from_secs(24 * 3600));
    pause();
    leases.elsewhere.store(true, Ordering::SeqCst);
    let timed = async |work: Pin<&mut (dyn Future<Output = bool> + Send)>| {
        let begun = Instant::now();
        (work.await, begun.elapsed().as_secs_f32().round())
    };
    let register = pin!(async {
        let registered = sso.resources().register(&resource, grant).await;
        matches!(registered, Err(RegisterError::Busy))
    });
    assert_eq!(timed(register).await, (true, 10.0));
    let token = pin!(async {
        let token = sso.resources().access_token(&resource).await;
        matches!(token, Err(AccessTokenError::Busy))
    });
    assert_eq!(timed(token).await, (true, 5.0));
    let plan = pin!(async { gate.send(gate.plan()).await.0.status() == 503 });
    assert_eq!(timed(plan).await, (true, 10.0));
}

#[tokio::test]
async fn team_members_are_fetched_here_if_the_other_process_stalls() {
    let leases = Arc::new(Leases::default());
    let world = World::with(|builder| builder.store(Faulty::shared(&leases))).await;
    let team = world.heroku.team("acme").member("mia@example.com", "admin");
    let addon = world.heroku.app("shop").owned_by_team(&team).addon();
    let resource = world.register(&addon).await;
    world.refresh(&resource).await;
    world.clock.advance(REFRESH + Duration::from_secs(1));
    world.heroku.calls().clear();
    leases.elsewhere.store(true, Ordering::SeqCst);
    let app = router(&world.sso, NoProvisioning);
    pause();
    let (answer, took) = send(&app, form(&addon, "mia@example.com")).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(world.heroku.calls().count(Endpoint::TeamMembers), 1);
    assert!((1..=2).contains(&took.as_secs()), "{took:?}");
}

#[tokio::test]
async fn r10_silent_session_store_delays_a_request_by_seconds() {
    let (store, sessions) = (Faulty::default(), Sessions::default());
    let gate = Gate::with(&store, &sessions).await;
    pause();
    sessions.slow_down(Duration::MAX);
    for request in [
        gate.page(),
        page(&Id::default().to_string()),
        gate.sign_in(),
        gate.sign_out(&gate.cookie),
    ] {
        let (answer, took) = gate.send(request).await;
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        assert!(took <= REQUEST, "{took:?}");
    }
}

#[tokio::test]
async fn r10_slow_answers_stay_within_the_request_budget() {
    let (store, sessions) = (Faulty::default(), Sessions::default());
    let gate = Gate::with(&store, &sessions).await;
    // Another process with empty caches, and a list that is too old to decide.
    let there = store.another();
    let app = gate.another_process(&there, &sessions).await;
    gate.world
        .clock
        .advance(MAX_LIST_AGE + Duration::from_secs(1));
    gate.world.heroku.faults().set(Endpoint::Any, Fault::Hang);
    pause();
    there.slow_down("*", SLOW);
    sessions.slow_down(SLOW);
    let (answer, took) = send(&app, page(&gate.cookie)).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    assert!(!answer.headers().contains_key("set-cookie"));
    assert!(took <= REQUEST && took > Duration::from_secs(9), "{took:?}");
    for request in [
        gate.sign_in(),
        gate.webhook("1"),
        gate.plan(),
        gate.provision(),
        gate.sign_out(&gate.cookie),
        gate.deprovision(),
    ] {
        let what = format!("{} {}", request.method(), request.uri());
        let (_, took) = send(&app, request).await;
        assert!(took <= REQUEST, "{what}: {took:?}");
    }
}

#[tokio::test]
async fn r10_slow_stores_leave_time_for_the_list() {
    let (store, sessions) = (Faulty::default(), Sessions::default());
    let gate = Gate::with(&store, &sessions).await;
    let there = store.another();
    let app = gate.another_process(&there, &sessions).await;
    pause();
    there.slow_down("*", SLOW);
    sessions.slow_down(SLOW);
    // Two session reads and one of the resource, then the stored list decides.
    let (answer, took) = send(&app, page(&gate.cookie)).await;
    assert!(took <= REQUEST, "{took:?}");
    assert_eq!(answer.status(), 200, "{took:?}: within the deadline");
    // With that little time left, an old list decides without a fetch.
    let app = gate.another_process(&there, &sessions).await;
    there.slow_down("is_session_closed", Duration::from_millis(4_990));
    there.slow_down("load", Duration::from_millis(4_990));
    gate.world.clock.advance(REFRESH + Duration::from_secs(1));
    let (answer, took) = send(&app, page(&gate.cookie)).await;
    assert_eq!(answer.status(), 200);
    assert!(took <= REQUEST, "{took:?}");
    there.slow_down("*", Duration::ZERO);
    there.slow_down("is_session_closed", Duration::ZERO);
    there.slow_down("load", Duration::ZERO);
    sessions.slow_down(Duration::ZERO);
    resume();
    let (answer, _) = send(&app, page(&gate.cookie)).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn r10_hanging_heroku_leaves_time_for_the_cached_list() {
    let gate = Gate::with(&Faulty::default(), &Sessions::default()).await;
    gate.world.clock.advance(REFRESH + Duration::from_secs(1));
    gate.world.heroku.faults().set(Endpoint::Any, Fault::Hang);
    pause();
    let (answer, took) = gate.send(gate.sign_in()).await;
    assert_eq!(answer.status(), 303);
    assert!(took <= REQUEST, "{took:?}");
    let (answer, took) = gate.send(gate.page()).await;
    assert_eq!(answer.status(), 200);
    assert!(took <= REQUEST, "{took:?}");
    gate.world.clock.advance(MAX_LIST_AGE);
    for request in [gate.page(), gate.sign_in()] {
        let (answer, took) = gate.send(request).await;
        assert_eq!(answer.status(), 503);
        assert!(took <= REQUEST, "{took:?}");
    }
}

#[tokio::test]
async fn request_waits_nine_seconds_for_a_list_and_the_next_one_none() {
    let store = Faulty::default();
    let gate = Gate::with(&store, &Sessions::default()).await;
    gate.world.clock.advance(REFRESH + Duration::from_secs(1));
    pause();
    // The fetch needs a sequence number and the tokens before it calls Heroku.
    for method in ["next_sequence", "get"] {
        store.slow_down(method, SLOW);
    }
    let (answer, took) = gate.send(gate.page()).await;
    assert_eq!(answer.status(), 200);
    assert!((9_000..9_100).contains(&took.as_millis()), "{took:?}");
    let (answer, took) = gate.send(gate.page()).await;
    assert_eq!(answer.status(), 200);
    assert!(took < Duration::from_millis(100), "{took:?}");
}

#[tokio::test]
async fn sign_in_falls_back_to_the_last_list_when_fetch_is_slow() {
    let (store, sessions) = (Faulty::default(), Sessions::default());
    let world = World::with(|builder| set_up(builder, &store, &sessions)).await;
    let team = world.heroku.team("acme").member("mia@example.com", "admin");
    let addon = world.heroku.app("shop").owned_by_team(&team).addon();
    world.register(&addon).await;
    world.signed_in(&addon, "mia@example.com").await;
    world.clock.advance(REFRESH + Duration::from_secs(1));
    let request = form(&addon, "mia@example.com");
    pause();
    // Tokens for two parts, and members before and after: 20 seconds.
    for method in ["get", "members", "set_members"] {
        store.slow_down(method, SLOW);
    }
    // Deciding by the last list is slow as well.
    store.slow_down("next_sequence", Duration::from_secs(1));
    let (answer, took) = send(&router(&world.sso, NoProvisioning), request).await;
    assert_eq!(answer.status(), 303, "{took:?}");
    assert!(took <= REQUEST, "{took:?}");
}

#[tokio::test]
async fn r10_slow_webhook_or_provisioning_body_gets_408() {
    let gate = Gate::with(&Faulty::default(), &Sessions::default()).await;
    pause();
    let never = || Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
    let plan = path_of(&gate.addon);
    for request in [
        gate.heroku(Method::POST, "/heroku/resources", never()),
        gate.heroku(Method::PUT, &plan, never()),
        Request::post("/heroku/webhooks").body(never()).unwrap(),
    ] {
        let (answer, took) = gate.send(request).await;
        assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(answer.headers()["connection"], "close");
        assert_eq!(took.as_secs(), 10);
    }
    // The body of an unauthenticated request is not read at all.
    let stranger = Request::post("/heroku/resources").body(never()).unwrap();
    let (answer, took) = gate.send(stranger).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(took, Duration::ZERO);
    // Too large and truncated bodies are rejected.
    let large = gate.heroku(Method::POST, "/heroku/resources", vec![b' '; 64 * 1024 + 1]);
    assert_eq!(gate.send(large).await.0.status(), 413);
    let cut_off = tokio_stream::once(Err::<Bytes, _>(std::io::Error::other("cut off")));
    let broken = Body::from_stream(cut_off);
    let broken = gate.heroku(Method::POST, "/heroku/resources", broken);
    assert_eq!(gate.send(broken).await.0.status(), 400);
}

/// Takes an hour to provision.
struct Thorough;

impl Addon for Thorough {
    async fn provision(&self, _: Provision) -> Result<Outcome, AddonError> {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(Outcome::done())
    }
}

#[tokio::test]
async fn slow_partner_method_makes_the_next_call_get_503() {
    let gate = Gate::with(&Faulty::default(), &Sessions::default()).await;
    let app = router(&gate.world.sso, Thorough);
    let id = ResourceId::from(uuid::Uuid::new_v4());
    let call = |method: Method, path: &str| {
        let body = json!({ "uuid": id, "plan": "pro" }).to_string();
        gate.heroku(method, path, body)
    };
    pause();
    let first = send(&app, call(Method::POST, "/heroku/resources"));
    let next = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let path = format!("/heroku/resources/{id}");
        send(&app, call(Method::DELETE, &path)).await
    };
    let ((first, took), (next, waited)) = tokio::join!(first, next);
    assert_eq!(first.status(), 200);
    assert_eq!(took.as_secs(), 3600);
    assert_eq!(next.status(), 503);
    assert_eq!(waited.as_secs(), 10);
}

#[tokio::test]
async fn r10_waiting_deprovision_gets_busy_after_its_deadline() {
    let store = Faulty::default();
    let gate = Gate::with(&store, &Sessions::default()).await;
    let (sso, resource) = (&gate.world.sso, gate.addon.resource_id());
    pause();
    store.slow_down("*", SLOW);
    // Each deprovisioning holds the lock for two store calls.
    let waiting = tokio::join!(
        gate.send(gate.deprovision()),
        sso.resources().deprovision(&resource),
        sso.resources().deprovision(&resource),
        sso.resources().deprovision(&resource),
        sso.resources().deprovision(&resource),
    );
    let ((_, took), others) = (waiting.0, [waiting.1, waiting.2, waiting.3, waiting.4]);
    assert!(took <= REQUEST, "{took:?}");
    let busy = |it: &Result<bool, DeprovisionError>| matches!(it, Err(DeprovisionError::Busy));
    assert!(others.iter().any(busy), "{others:?}");
    assert!(others.iter().any(Result::is_ok), "{others:?}");
}

/// A session store whose sweep hangs.
#[derive(Clone, Debug, Default)]
struct NeverSwept(Arc<Mutex<usize>>, MemorySessions);

#[async_trait]
impl SessionStore for NeverSwept {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.1.create(record).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.1.save(record).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.1.load(id).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.1.delete(id).await
    }
}

#[async_trait]
impl ExpiredDeletion for NeverSwept {
    async fn delete_expired(&self) -> session_store::Result<()> {
        *self.0.lock().unwrap() += 1;
        pending().await
    }
}

/// Advances both clocks in steps until the condition holds.
async fn until(world: &World, step: Duration, is_so: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if is_so() {
            return;
        }
        world.clock.advance(step);
        tokio::time::sleep(step).await;
    }
    panic!("the condition never holds");
}

#[tokio::test]
async fn r10_hanging_session_sweep_is_restarted() {
    let world = World::start().await;
    let sessions = NeverSwept::default();
    let period = Duration::from_secs(60);
    let sweep = tokio::spawn(
        world
            .sso
            .sessions()
            .delete_expired(sessions.clone(), period),
    );
    pause();
    let begun = Instant::now();
    let step = Duration::from_secs(10);
    until(&world, step, || *sessions.0.lock().unwrap() == 2).await;
    assert!(begun.elapsed() >= Duration::from_secs(300));
    assert!(!sweep.is_finished());
}

#[tokio::test]
async fn r10_store_hanging_at_startup_is_retried() {
    let store = Faulty::default();
    let world = World::with(|builder| builder.store(store.clone())).await;
    store.hold("load_page");
    let sync = world.sso.spawn_sync();
    pause();
    let step = Duration::from_secs(1);
    until(&world, step, || store.calls("load_page") >= 2).await;
    assert!(sync.is_alive());
}

#[tokio::test]
#[should_panic(expected = "the period must not be zero")]
async fn sweep_without_a_pause_is_refused() {
    let world = World::start().await;
    let sessions = world.sso.sessions();
    drop(sessions.delete_expired(NeverSwept::default(), Duration::ZERO));
}
