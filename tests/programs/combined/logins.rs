//! Cookie jars, sessions and logins of the app itself, inside the gate.

use std::convert::Infallible;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, Key, SignedCookieJar};
use axum_login::{
    AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend, UserId, login_required,
};
use reqwest::Method;
use support::browser::{Answer, Browser};
use support::world::{World, serve};
use tower_heroku_sso::HerokuUser;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

const SESSION: &str = "__Host-heroku_sso";
const HINT: &str = "__Host-heroku_sso_hint";

async fn signed_in(world: &World, app: Router) -> Browser {
    let addon = world.addon().await;
    let app = app
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let browser = Browser::new(serve(app).await);
    let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(answer.status, 303);
    browser
}

async fn post_to(browser: &Browser, path: &str) -> Answer {
    browser.send(browser.request(Method::POST, path)).await
}

fn names(answer: &Answer) -> Vec<String> {
    answer
        .set_cookies()
        .into_iter()
        .map(|(name, ..)| name)
        .collect()
}

#[tokio::test]
async fn cookie_jars_of_the_app_and_the_gate_leave_each_other_alone() {
    let world = World::start().await;
    let plain = async |jar: CookieJar| {
        let seen = jar.get(SESSION).is_some();
        (jar.add(Cookie::new("plain", "1")), seen.to_string())
    };
    let signed =
        async |State(_): State<Key>, jar: SignedCookieJar| jar.add(Cookie::new("signed", "2"));
    let read = async |jar: SignedCookieJar| {
        jar.get("signed")
            .map_or(String::new(), |it| it.value().to_owned())
    };
    let app = Router::new()
        .route("/plain", get(plain))
        .route("/signed", get(signed))
        .route("/read", get(read))
        .with_state(Key::generate());
    let browser = signed_in(&world, app).await;
    let answer = browser.fetch("/plain").await;
    assert_eq!(
        (names(&answer), &*answer.body),
        (vec!["plain".to_owned()], "true")
    );
    assert_eq!(names(&browser.fetch("/signed").await), ["signed"]);
    assert_eq!(browser.fetch("/read").await.body, "2");
    assert_eq!(names(&post_to(&browser, "/logout").await), [SESSION, HINT]);
    assert_eq!(browser.cookie("plain").as_deref(), Some("1"));
    assert_eq!(browser.fetch("/read").await.status, 401);
}

async fn count(session: Session, user: HerokuUser) -> String {
    let visits = session.get::<u32>("visits").await.unwrap();
    let visits = visits.unwrap_or_default() + 1;
    session.insert("visits", visits).await.unwrap();
    format!("{} {visits}", user.email())
}

#[tokio::test]
async fn sessions_of_the_app_and_the_gate_end_separately() {
    for is_outside in [false, true] {
        let world = World::start().await;
        let addon = world.addon().await;
        let own = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
        let clear = async |session: Session| session.flush().await.unwrap();
        let pages = Router::new()
            .route("/count", get(count))
            .route("/clear", post(clear));
        let gate = |pages: Router| {
            pages
                .layer(world.sso.layer())
                .merge(world.sso.routes().sign_in())
        };
        let app = match is_outside {
            true => gate(pages).layer(own),
            false => gate(pages.layer(own)),
        };
        let browser = Browser::new(serve(app).await);
        let answer = browser.submit(&addon.sign_in_form("ann@example.com")).await;
        assert_eq!(names(&answer), [SESSION, HINT], "{is_outside}");
        let first = browser.fetch("/count").await;
        assert_eq!(
            (names(&first), &*first.body),
            (vec!["id".to_owned()], "ann@example.com 1")
        );
        assert_eq!(browser.fetch("/count").await.body, "ann@example.com 2");
        // The app's own session ends, the gate's does not.
        assert_eq!(names(&post_to(&browser, "/clear").await), ["id"]);
        assert_eq!(browser.fetch("/count").await.body, "ann@example.com 1");
        // The gate's ends, and the app's is as it was after the next sign-in.
        assert_eq!(names(&post_to(&browser, "/logout").await), [SESSION, HINT]);
        assert_eq!(browser.fetch("/count").await.status, 401);
        world.clock.advance(std::time::Duration::from_secs(1));
        browser.submit(&addon.sign_in_form("ann@example.com")).await;
        assert_eq!(browser.fetch("/count").await.body, "ann@example.com 2");
    }
}

#[derive(Clone, Debug)]
struct Operator;

impl AuthUser for Operator {
    type Id = u8;

    fn id(&self) -> u8 {
        1
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"operator"
    }
}

#[derive(Clone, Debug)]
struct Operators;

impl AuthnBackend for Operators {
    type User = Operator;
    type Credentials = ();
    type Error = Infallible;

    async fn authenticate(&self, (): ()) -> Result<Option<Operator>, Infallible> {
        Ok(Some(Operator))
    }

    async fn get_user(&self, _: &UserId<Self>) -> Result<Option<Operator>, Infallible> {
        Ok(Some(Operator))
    }
}

async fn log_in(mut auth: AuthSession<Operators>) -> impl IntoResponse {
    auth.login(&Operator).await.unwrap();
    StatusCode::NO_CONTENT
}

async fn log_out(mut auth: AuthSession<Operators>) -> impl IntoResponse {
    auth.logout().await.unwrap();
    StatusCode::NO_CONTENT
}

#[tokio::test]
async fn login_of_the_app_inside_the_gate_is_independent_of_it() {
    let world = World::start().await;
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let auth = AuthManagerLayerBuilder::new(Operators, sessions).build();
    let who = async |user: HerokuUser, auth: AuthSession<Operators>| {
        format!("{} {}", user.email(), auth.user.is_some())
    };
    let app = Router::new()
        .route("/protected", get(async || "protected"))
        .route_layer(login_required!(Operators))
        .route("/who", get(who))
        .route("/log-in", post(log_in))
        .route("/log-out", post(log_out))
        .layer(auth);
    let browser = signed_in(&world, app).await;
    assert_eq!(browser.fetch("/protected").await.status, 401);
    assert_eq!(browser.fetch("/who").await.body, "ann@example.com false");
    assert_eq!(names(&post_to(&browser, "/log-in").await), ["id"]);
    assert_eq!(browser.fetch("/protected").await.body, "protected");
    assert_eq!(browser.fetch("/who").await.body, "ann@example.com true");
    assert_eq!(names(&post_to(&browser, "/log-out").await), ["id"]);
    assert_eq!(browser.fetch("/who").await.body, "ann@example.com false");
    assert_eq!(post_to(&browser, "/logout").await.status, 204);
    // Neither is the app's own login enough without the gate.
    assert_eq!(browser.fetch("/who").await.status, 401);
}
