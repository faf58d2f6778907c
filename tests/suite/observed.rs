//! Observe mode: the gate wraps an app with its own login, changes none of its answers, and reports which
//! users it would reject.

use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use http_body::Frame;
use http_body_util::BodyExt as _;
use support::browser::{Browser, FORM};
use support::faulty_sessions::{FaultySessions, Trouble};
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World, serve};
use tokio::time::{Instant, pause};
use tower::ServiceExt as _;
use tower_heroku_sso::audit::{AuditEvent, AuditKind};
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{
    BearerTokens, Enforcement, HerokuSso, HerokuSsoBuilder, HerokuUser, MemorySessions, Observed,
    RejectionKind, Require, Role, SsoPolicy, Verdict,
};

use crate::faulty::Faulty;
use crate::jwt::keys;
use crate::log::Log;

/// The delay that observing may cause, with some tolerance for the clock's steps.
const OBSERVATION: Duration = Duration::from_millis(1_100);

/// An app with its own login, which admits every user. It echoes requests.
fn own_app() -> Router {
    Router::new()
        .route("/heroku/sso", any(own_sign_in))
        .route("/page", any(echo))
        .route("/logout", any(echo))
        .route("/teapot", any(|| async { StatusCode::IM_A_TEAPOT }))
        .route("/read", post(|body: Bytes| async move { body }))
}

async fn own_sign_in(body: Bytes) -> Response {
    let headers = [(LOCATION, "/page"), (SET_COOKIE, "app=1; Path=/")];
    (StatusCode::SEE_OTHER, headers, body).into_response()
}

/// What a handler sees of a request, without what the gate adds to its extensions.
async fn echo(request: Request) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let headers = request.headers().clone();
    let has_user = request.extensions().get::<HerokuUser>().is_some();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = format!("{method} {uri} {headers:?} {has_user} {body:?}");
    let headers = [("vary", "Accept"), ("x-app", "own")];
    (StatusCode::OK, headers, text).into_response()
}

fn observed(sso: &HerokuSso) -> Router {
    own_app().layer(sso.layer())
}

fn observing(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    builder.enforcement(Enforcement::Observe)
}

struct Scene {
    world: World,
    addon: AddOn,
    app: Router,
}

impl Scene {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> Self {
        let world = World::with(|builder| set_up(observing(builder))).await;
        let addon = world.addon().await;
        let app = observed(&world.sso);
        Self { world, addon, app }
    }

    fn form(&self, email: &str) -> Request {
        // A new second makes a new form.
        self.world.clock.advance(Duration::from_secs(1));
        form(self.addon.sign_in_form(email).body())
    }

    /// The gate's cookie after a sign-in.
    async fn signed_in(&self, email: &str) -> String {
        let response = self.send(self.form(email)).await;
        assert_eq!(verdict(&response), Verdict::Allowed);
        gate_cookie(response.headers()).expect("the gate's cookie")
    }

    async fn send(&self, request: Request) -> Response {
        self.app.clone().oneshot(request).await.unwrap()
    }

    async fn page(&self, cookie: &str) -> Response {
        self.send(page(cookie)).await
    }

    async fn remove_ann(&self) {
        self.world.heroku.app("shop").remove("ann@example.com");
        self.world.refresh(&self.addon.resource_id()).await;
    }
}

fn form(body: impl Into<Body>) -> Request {
    let request = Request::post("/heroku/sso").header(CONTENT_TYPE, FORM);
    request.body(body.into()).unwrap()
}

fn page(cookie: &str) -> Request {
    let request = Request::get("/page").header("cookie", cookie);
    request.body(Body::empty()).unwrap()
}

fn gate_cookie(headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(SET_COOKIE).iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
    let session = cookies.find(|cookie| cookie.starts_with("__Host-heroku_sso="))?;
    Some(session.split(';').next().unwrap().to_owned())
}

fn verdict(response: &Response) -> Verdict {
    response.extensions().get::<Observed>().unwrap().verdict()
}

async fn body(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

#[tokio::test]
async fn observing_changes_nothing_of_the_apps_answers() {
    let scene = Scene::start().await;
    let valid = scene.signed_in("ann@example.com").await;
    let bob = scene.world.heroku.app("shop");
    bob.collaborator("bob@example.com");
    let removed = scene.signed_in("bob@example.com").await;
    bob.remove("bob@example.com");
    scene.world.refresh(&scene.addon.resource_id()).await;
    let protected = scene.world.sso.protect(own_app());
    let optional = own_app().layer(scene.world.sso.optional_layer());
    let cookies = [
        "",
        "app=1",
        &valid,
        &removed,
        "__Host-heroku_sso=x; app=1",
        "__Host-heroku_sso=7e3YFzHzVqnVSHgAXVGhOw",
    ];
    let requests = [
        (Method::GET, "/page"),
        (Method::HEAD, "/page"),
        (Method::POST, "/page"),
        (Method::OPTIONS, "/page"),
        (Method::GET, "/"),
        (Method::GET, "/logout"),
        (Method::POST, "/logout"),
        (Method::GET, "/teapot"),
        (Method::GET, "/missing"),
        (Method::DELETE, "/read"),
        (Method::GET, "/heroku/sso"),
        (Method::PUT, "/heroku/sso"),
        (Method::GET, "/heroku/resources/1?token=a"),
    ];
    let gates = cookies.into_iter().flat_map(|cookie| {
        let gates = [&scene.app, &protected, &optional];
        gates.map(|app| (cookie, app.clone()))
    });
    for (cookie, app) in gates {
        for (method, path) in &requests {
            let request = || {
                let request = Request::builder().method(method).uri(*path);
                let request = request
                    .header("cookie", cookie)
                    .header("accept", "text/html");
                let request = request.header("authorization", "Bearer of-the-app");
                request.body(Body::from("sent")).unwrap()
            };
            let what = format!("{method} {path} {cookie}");
            let plain = own_app().oneshot(request()).await.unwrap();
            let gated = app.clone().oneshot(request()).await.unwrap();
            assert_eq!(plain.status(), gated.status(), "{what}");
            assert_eq!(plain.headers(), gated.headers(), "{what}");
            assert_eq!(body(plain).await, body(gated).await, "{what}");
        }
    }
}

#[tokio::test]
async fn observed_sign_in_adds_only_cookies_of_the_gate() {
    let scene = Scene::start().await;
    let sent = scene.addon.sign_in_form("ann@example.com").body();
    let plain = own_app().oneshot(form(sent.clone())).await.unwrap();
    let gated = scene.send(form(sent.clone())).await;
    assert_eq!(gated.status(), plain.status());
    let (mut own, mut both) = (plain.headers().clone(), gated.headers().clone());
    assert!(gate_cookie(&both).is_some());
    let added = both.get_all(SET_COOKIE).iter().skip(1);
    for cookie in added {
        assert!(
            cookie.to_str().unwrap().starts_with("__Host-heroku_sso"),
            "{cookie:?}"
        );
    }
    assert_eq!(own.remove(SET_COOKIE), both.remove(SET_COOKIE));
    both.remove(SET_COOKIE);
    assert_eq!(own, both);
    assert_eq!(body(gated).await, sent);
}

#[tokio::test]
async fn protected_app_answers_forms_itself_while_observed() {
    let scene = Scene::start().await;
    let routes = scene.world.sso.routes();
    let app = scene.world.sso.protect(own_app());
    let app = app.merge(routes.partner_api(NoProvisioning));
    let sent = scene.addon.sign_in_form("ann@example.com").body();
    let response = app.clone().oneshot(form(sent.clone())).await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(verdict(&response), Verdict::Allowed);
    let cookie = gate_cookie(response.headers()).unwrap();
    assert_eq!(body(response).await, sent);
    let response = app.oneshot(page(&cookie)).await.unwrap();
    assert_eq!(response.headers()["x-app"], "own");
    assert_eq!(verdict(&response), Verdict::Allowed);
}

/// An enforced gate rejects it, although the session is valid.
#[tokio::test]
async fn observed_websocket_of_another_site_passes_and_is_reported() {
    let scene = Scene::start().await;
    let cookie = scene.signed_in("ann@example.com").await;
    let foreign = Verdict::Rejected(RejectionKind::ForeignOrigin);
    for (origin, expected) in [
        ("https://evil.example", foreign),
        ("https://own.example", Verdict::Allowed),
    ] {
        let request = Request::get("/page")
            .header("cookie", &cookie)
            .header("host", "own.example")
            .header("connection", "upgrade")
            .header("upgrade", "websocket")
            .header("origin", origin);
        let response = scene.send(request.body(Body::empty()).unwrap()).await;
        let status = response.status().as_u16();
        assert_eq!((status, verdict(&response)), (200, expected));
    }
}

#[tokio::test]
async fn observed_signed_link_goes_to_the_app() {
    let scene = Scene::start().await;
    let lists = scene.world.sso.lists();
    let link = lists.link(&scene.addon.resource_id(), "/page").unwrap();
    let request = Request::get(&link).body(Body::empty()).unwrap();
    let response = scene.send(request).await;
    assert_eq!(response.headers()[LOCATION], "/page");
    assert_eq!(response.headers()[SET_COOKIE], "app=1; Path=/");
}

#[tokio::test]
async fn verdicts_are_in_audit_events() {
    let (sender, events) = std::sync::mpsc::channel();
    let on_audit = move |event: &AuditEvent| drop(sender.send(event.clone()));
    let scene = Scene::with(|builder| builder.on_audit(on_audit)).await;
    let cookie = scene.signed_in("ann@example.com").await;
    scene.remove_ann().await;
    let request = Request::get("/page")
        .header("cookie", &cookie)
        .header("x-request-id", "request-of-ann");
    scene.send(request.body(Body::empty()).unwrap()).await;
    let mut forged = scene.addon.sign_in_form("ann@example.com");
    forged.set("email", "eve@example.com");
    scene.send(form(forged.body())).await;
    let next = |kind| {
        let found = events.iter().find(|event| event.event == kind);
        found.unwrap()
    };
    let event = next(AuditKind::RequestObserved);
    assert_eq!(event.verdict.as_deref(), Some("rejected"));
    assert_eq!(event.reason.as_deref(), Some("not_listed"));
    assert_eq!(event.resource, Some(scene.addon.resource_id()));
    assert_eq!(event.email.unwrap().as_str(), "ann@example.com");
    assert_eq!(event.request_id.as_deref(), Some("request-of-ann"));
    assert!(event.session.is_some());
    let event = next(AuditKind::SignInObserved);
    assert_eq!(event.verdict.as_deref(), Some("rejected"));
    assert_eq!((event.email, event.resource), (None, None));
}

#[tokio::test]
async fn rejected_form_reaches_the_app_and_opens_no_session() {
    let scene = Scene::start().await;
    let mut stranger = scene.addon.sign_in_form("ann@example.com");
    stranger.set("email", "eve@example.com");
    let mut unsigned = scene.addon.sign_in_form("ann@example.com");
    unsigned.remove("user_scoped_resource_token");
    let repeated = scene.addon.sign_in_form("ann@example.com");
    scene.send(form(repeated.body())).await;
    for (sent, kind) in [
        (stranger.body(), RejectionKind::InvalidSignIn),
        (unsigned.body(), RejectionKind::InvalidSignIn),
        (repeated.body(), RejectionKind::UsedSignIn),
        (
            scene.addon.sign_in_form("eve@example.com").body(),
            RejectionKind::NotListed,
        ),
        ("%zz".to_owned(), RejectionKind::InvalidSignIn),
        (String::new(), RejectionKind::InvalidSignIn),
        ("x".repeat(64 * 1024 + 1), RejectionKind::TooLarge),
        ("y".repeat(1024 * 1024), RejectionKind::TooLarge),
    ] {
        let what = sent.chars().take(80).collect::<String>();
        let response = scene.send(form(sent.clone())).await;
        assert_eq!(verdict(&response), Verdict::Rejected(kind), "{what}");
        assert_eq!(gate_cookie(response.headers()), None, "{what}");
        assert_eq!(response.status(), 303, "{what}");
        assert!(body(response).await == sent, "{what}");
    }
}

#[tokio::test]
async fn forms_reach_the_app_whole_over_a_socket() {
    let scene = Scene::start().await;
    let browser = Browser::new(serve(scene.app.clone()).await);
    let sent = scene.addon.sign_in_form("ann@example.com");
    let answer = browser.submit(&sent).await;
    assert_eq!((answer.status, answer.body), (303, sent.body()));
    assert!(browser.cookie("__Host-heroku_sso").is_some());
    for length in [0, 1, 64 * 1024, 64 * 1024 + 1, 1_500_000] {
        let sent = "z".repeat(length);
        let answer = browser.submit_body("/heroku/sso", &sent).await;
        assert!(answer.status == 303 && answer.body == sent, "{length}");
    }
    let answer = browser.get("/page").await;
    assert_eq!(
        (answer.status, answer.header("vary")),
        (200, Some("Accept"))
    );
}

#[tokio::test]
async fn removed_person_passes_and_is_reported() {
    let log = Log::listen();
    let scene = Scene::start().await;
    let cookie = scene.signed_in("ann@example.com").await;
    let response = scene.page(&cookie).await;
    let seen = response.extensions().get::<Observed>().unwrap();
    assert_eq!(seen.verdict(), Verdict::Allowed);
    assert_eq!(seen.user().unwrap().email().as_str(), "ann@example.com");
    assert_eq!(seen.resource(), Some(&scene.addon.resource_id()));
    scene.remove_ann().await;
    let response = scene.page(&cookie).await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        verdict(&response),
        Verdict::Rejected(RejectionKind::NotListed)
    );
    // As if the gate were enforced, the session is closed.
    let response = scene.page(&cookie).await;
    let signed_out = Verdict::SignInNeeded(RejectionKind::NoSession);
    assert_eq!(verdict(&response), signed_out);
    let response = scene.send(scene.form("ann@example.com")).await;
    assert_eq!(
        verdict(&response),
        Verdict::Rejected(RejectionKind::NotListed)
    );
    assert_eq!(
        log.with(&["request_observed", "ann@example.com", "not_listed"])
            .len(),
        1
    );
    assert_eq!(log.with(&["sign_in_observed", "ann@example.com"]).len(), 1);
    assert_eq!(log.with(&["request_rejected"]), [""; 0]);
    assert_eq!(log.with(&["sign_in_rejected"]), [""; 0]);
}

#[tokio::test]
async fn verdict_is_in_the_extensions_of_the_request() {
    let scene = Scene::start().await;
    let handler = |request: Request| async move {
        let observed = request.extensions().get::<Observed>().cloned();
        let is_user = request.extensions().get::<HerokuUser>().is_some();
        format!("{:?} {is_user}", observed.map(|it| it.verdict()))
    };
    let app = Router::new()
        .fallback(handler)
        .layer(scene.world.sso.layer());
    let cookie = scene.signed_in("ann@example.com").await;
    for (cookie, expected) in [
        (&*cookie, "Some(Allowed) false"),
        ("", "Some(SignInNeeded(NoSession)) false"),
    ] {
        let response = app.clone().oneshot(page(cookie)).await.unwrap();
        assert_eq!(body(response).await, expected);
    }
    let response = app.oneshot(scene.form("ann@example.com")).await.unwrap();
    assert_eq!(body(response).await, "Some(Allowed) false");
}

#[tokio::test]
async fn observed_body_continues_after_a_removal() {
    let scene = Scene::start().await;
    let (sender, frames) = tokio::sync::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let frames = Arc::new(Mutex::new(Some(frames)));
    let stream = move || async move {
        let frames = frames.lock().unwrap().take().unwrap();
        Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(frames))
    };
    let app = Router::new()
        .route("/page", any(stream))
        .layer(scene.world.sso.layer());
    let cookie = scene.signed_in("ann@example.com").await;
    let response = app.oneshot(page(&cookie)).await.unwrap();
    let mut read = response.into_body();
    scene.remove_ann().await;
    for _ in 0..50 {
        sender.send(Ok("line\n".into())).await.unwrap();
        let frame = read.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "line\n");
    }
}

#[tokio::test]
async fn observed_sign_out_is_the_apps_own() {
    let scene = Scene::start().await;
    let cookie = scene.signed_in("ann@example.com").await;
    let request = Request::post("/logout").header("cookie", &cookie);
    let response = scene.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["x-app"], "own");
    assert!(response.extensions().get::<Observed>().is_none());
}

/// Otherwise the next user of this browser would have this session once the gate is enforced.
#[tokio::test]
async fn observed_sign_out_ends_the_gates_session_too() {
    let scene = Scene::start().await;
    let cookie = scene.signed_in("ann@example.com").await;
    let elsewhere = scene.signed_in("ann@example.com").await;
    for (method, origin, expected) in [
        ("GET", None, Verdict::Allowed),
        ("POST", Some("https://evil.example"), Verdict::Allowed),
        (
            "POST",
            None,
            Verdict::SignInNeeded(RejectionKind::NoSession),
        ),
    ] {
        let request = Request::builder().method(method).uri("/logout");
        let mut request = request.header("cookie", &cookie).header("host", "addon");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let response = scene.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.headers()["x-app"], "own");
        assert!(gate_cookie(response.headers()).is_none());
        assert_eq!(verdict(&scene.page(&cookie).await), expected, "{method}");
    }
    assert_eq!(verdict(&scene.page(&elsewhere).await), Verdict::Allowed);
}

#[tokio::test(start_paused = true)]
async fn hanging_store_delays_an_observed_sign_out_by_a_second() {
    let store = Faulty::default();
    let scene = Scene::with(|builder| builder.store(store.clone())).await;
    let cookie = scene.signed_in("ann@example.com").await;
    store.hold("close_session");
    let began = Instant::now();
    let request = Request::post("/logout").header("cookie", &cookie);
    let response = scene.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(response.headers()["x-app"], "own");
    assert!(began.elapsed() <= OBSERVATION, "{:?}", began.elapsed());
    store.let_pass("close_session", 10);
}

#[tokio::test]
async fn form_in_a_thousand_pieces_reaches_the_app_undecided() {
    let scene = Scene::start().await;
    let sent = scene.form("ann@example.com");
    let sent = sent.into_body().collect().await.unwrap().to_bytes();
    let pieces = sent.iter().map(|byte| Ok::<_, std::io::Error>(vec![*byte]));
    let pieces: Vec<_> = pieces.collect();
    assert!(pieces.len() > 256, "{}", pieces.len());
    let response = scene
        .send(form(Body::from_stream(tokio_stream::iter(pieces))))
        .await;
    assert_eq!(verdict(&response), Verdict::Undecided);
    assert_eq!(body(response).await, sent);
}

#[tokio::test]
async fn unsigned_form_is_observed_by_the_policy() {
    for (policy, expected) in [
        (
            SsoPolicy::UserScoped,
            Verdict::Rejected(RejectionKind::InvalidSignIn),
        ),
        (SsoPolicy::AllowUnsignedEmail, Verdict::Allowed),
    ] {
        let scene = Scene::with(|builder| builder.sso_policy(policy)).await;
        let mut unsigned = scene.addon.sign_in_form("ann@example.com");
        unsigned.remove("user_scoped_resource_token");
        let response = scene.send(form(unsigned.body())).await;
        assert_eq!(verdict(&response), expected, "{policy}");
    }
}

/// A body whose first bytes arrive, and whose rest takes forever.
struct Stalled(Option<Bytes>);

impl http_body::Body for Stalled {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.0.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None => Poll::Pending,
        }
    }
}

#[tokio::test]
async fn slow_form_reaches_the_app_after_a_second() {
    let scene = Scene::start().await;
    let first_frame = |request: Request| async move {
        let seen = request.extensions().get::<Observed>().unwrap().verdict();
        let frame = request.into_body().frame().await.unwrap().unwrap();
        format!("{seen:?} {:?}", frame.into_data().unwrap())
    };
    let app = Router::new()
        .fallback(first_frame)
        .layer(scene.world.sso.layer());
    pause();
    let begun = Instant::now();
    let stalled = Body::new(Stalled(Some("email=a".into())));
    let response = app.oneshot(form(stalled)).await.unwrap();
    assert!(begun.elapsed() <= OBSERVATION, "{:?}", begun.elapsed());
    assert_eq!(body(response).await, r#"Undecided b"email=a""#);
}

#[tokio::test]
async fn no_trouble_of_the_gate_fails_or_delays_an_observed_request() {
    for trouble in [Trouble::Fails, Trouble::Hangs, Trouble::Panics] {
        let sessions = FaultySessions::default();
        let scene = Scene::with(|builder| {
            let builder = builder.session_store(sessions.clone());
            builder.session_cache(Duration::ZERO)
        });
        let scene = scene.await;
        let cookie = scene.signed_in("ann@example.com").await;
        sessions.set(trouble);
        let sign_in = scene.form("ann@example.com");
        pause();
        for request in [page(&cookie), sign_in] {
            let is_form = request.method() == Method::POST;
            let what = format!("{trouble:?} {}", request.uri());
            let begun = Instant::now();
            let response = scene.send(request).await;
            assert!(
                begun.elapsed() <= OBSERVATION,
                "{what}: {:?}",
                begun.elapsed()
            );
            assert!(matches!(response.status().as_u16(), 200 | 303), "{what}");
            assert_eq!(gate_cookie(response.headers()), None, "{what}");
            let expected = match trouble {
                // A session is created in a task of its own, whose panic is an error of the store.
                Trouble::Panics if is_form => Verdict::Rejected(RejectionKind::CannotCheck),
                Trouble::Fails => Verdict::Rejected(RejectionKind::CannotCheck),
                _ => Verdict::Undecided,
            };
            assert_eq!(verdict(&response), expected, "{what}");
        }
        tokio::time::resume();
        sessions.set(Trouble::None);
        assert_eq!(
            verdict(&scene.page(&cookie).await),
            Verdict::Allowed,
            "{trouble:?}"
        );
    }
}

#[tokio::test]
async fn hanging_store_and_heroku_delay_an_observed_sign_in_by_a_second() {
    let store = Faulty::default();
    let scene = Scene::with(|builder| builder.store(store.clone())).await;
    let form = scene.form("ann@example.com");
    pause();
    store.hold("is_consumed");
    let begun = Instant::now();
    let response = scene.send(form).await;
    assert!(begun.elapsed() <= OBSERVATION, "{:?}", begun.elapsed());
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (303, Verdict::Undecided)
    );
    store.let_go("is_consumed");
    tokio::time::resume();
    let cookie = scene.signed_in("ann@example.com").await;
    scene.world.clock.advance(REFRESH + Duration::from_secs(1));
    scene.world.heroku.faults().set(Endpoint::Any, Fault::Hang);
    pause();
    let begun = Instant::now();
    let response = scene.page(&cookie).await;
    assert!(begun.elapsed() <= OBSERVATION, "{:?}", begun.elapsed());
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (200, Verdict::Undecided)
    );
}

#[tokio::test]
async fn late_sign_in_leaves_no_session() {
    let store = Faulty::default();
    let sessions = MemorySessions::default();
    let scene = Scene::with(|builder| builder.store(store.clone()).session_store(sessions.clone()));
    let scene = scene.await;
    // With a list in memory the sign-in needs no socket, beside which the paused time would jump.
    scene.world.refresh(&scene.addon.resource_id()).await;
    let form = scene.form("ann@example.com");
    store.hold("consume");
    pause();
    let response = scene.send(form).await;
    assert_eq!(verdict(&response), Verdict::Undecided);
    becomes(&sessions, 1).await;
    store.let_pass("consume", 10);
    becomes(&sessions, 0).await;
}

#[tokio::test]
async fn sign_in_of_a_disconnected_client_leaves_no_session() {
    let sessions = MemorySessions::default();
    let scene = Scene::with(|builder| builder.session_store(sessions.clone())).await;
    let mut response = Box::pin(scene.send(scene.form("ann@example.com")));
    let poll = poll_fn(|cx| Poll::Ready(response.as_mut().poll(cx).is_pending()));
    assert!(poll.await);
    becomes(&sessions, 1).await;
    // By now the gate has its answer, which the dropped response will not take.
    for _ in 0..1_000 {
        tokio::task::yield_now().await;
    }
    drop(response);
    becomes(&sessions, 0).await;
}

/// Waits until the store has this number of records.
async fn becomes(sessions: &MemorySessions, count: usize) {
    let number = format!("records: {count}");
    for _ in 0..10_000 {
        if format!("{sessions:?}").contains(&number) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    panic!("not {number}, but {sessions:?}");
}

#[test]
fn verdict_has_the_rejection_of_an_enforced_gate() {
    let kind = RejectionKind::SessionEnded;
    for (verdict, rejection) in [
        (Verdict::Allowed, None),
        (Verdict::Undecided, None),
        (Verdict::Rejected(kind), Some(kind)),
        (Verdict::SignInNeeded(kind), Some(kind)),
    ] {
        assert_eq!(verdict.rejection(), rejection, "{verdict:?}");
    }
}

/// An enforced gate leads no program through Heroku.
#[tokio::test]
async fn program_without_a_session_is_reported_as_rejected() {
    let tokens = BearerTokens::new(keys::only(keys::es256(0)));
    let scene = Scene::with(|builder| builder.bearer_tokens(tokens)).await;
    let request = Request::get("/page").header("authorization", "Bearer none");
    let response = scene.send(request.body(Body::empty()).unwrap()).await;
    let rejected = Verdict::Rejected(RejectionKind::NoSession);
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (200, rejected)
    );
    let response = scene.page("").await;
    let needed = Verdict::SignInNeeded(RejectionKind::NoSession);
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (200, needed)
    );
}

#[tokio::test]
async fn guard_behind_an_observing_gate_shows_a_browser_its_page() {
    let world = World::with(observing).await;
    let guarded = Router::new().route("/admin", any(echo));
    let guarded = guarded.route_layer(Require::role(Role::Admin));
    let request = Request::get("/admin").header("accept", "text/html");
    let request = request.body(Body::empty()).unwrap();
    let app = guarded.layer(world.sso.layer());
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    let format = response.headers()[CONTENT_TYPE].to_str().unwrap();
    assert_eq!(format, "text/html; charset=utf-8");
}

#[tokio::test]
async fn sign_in_path_of_programs_is_the_observed_apps_own() {
    let tokens = BearerTokens::new(keys::only(keys::es256(0)));
    let tokens = tokens.cli_sign_in_path("/page");
    let scene = Scene::with(|builder| builder.bearer_tokens(tokens)).await;
    let response = scene.page("").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(body(response).await.starts_with(b"GET /page"));
}

#[tokio::test]
async fn routes_of_the_gate_leave_the_sso_path_to_an_observed_app() {
    let world = World::with(observing).await;
    let addon = world.addon().await;
    let app = own_app()
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let sent = addon.sign_in_form("ann@example.com").body();
    let response = app.oneshot(form(sent.clone())).await.unwrap();
    assert_eq!(
        (response.status().as_u16(), verdict(&response)),
        (303, Verdict::Allowed)
    );
    assert_eq!(body(response).await, sent);
}
