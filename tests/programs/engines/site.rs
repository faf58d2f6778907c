//! A site behind the gate, a simulated Heroku on another site, and a browser in which Ann is signed in.

use std::fs;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Path;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get, post};
use heroku_addon_simulator::AddOn;
use serde::de::DeserializeOwned;
use support::ids::AddOnExt as _;
use support::world::{UNUSED, World, endless, serve};
use thirtyfour::Cookie;
use tokio::sync::MutexGuard;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tower_heroku_sso::{HerokuSso, HerokuUser};

use super::driver::Engine;
use crate::browser::chromium::TURN;

const ANN: &str = "ann@example.com";
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// The scripts as their projects publish them, installed by scripts/requirements.
const MODULES: &str = "tests/programs/browser/node_modules";

pub(crate) struct Site {
    pub(crate) world: World,
    pub(crate) addon: AddOn,
    pub(crate) engine: Engine,
    origin: String,
    ticking: AbortHandle,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

impl Site {
    /// A browser that has come from Heroku's page to the dashboard.
    pub(crate) async fn signed_in() -> Self {
        let site = Self::start().await;
        site.sign_in().await;
        site
    }

    async fn start() -> Self {
        let turn = TURN.lock().await;
        // WebKit sends no `Secure` cookie over http, not even on loopback.
        let world = World::with(|builder| builder.insecure_cookies()).await;
        let addon = world.addon().await;
        let address = serve(router(&world.sso)).await;
        let origin = format!("http://{address}");
        world.heroku.settings().set_partner_url(origin.clone());
        // Forms have a resolution of a second, so this clock must not stand still.
        let clock = world.clock.clone();
        let ticking = tokio::spawn(async move {
            loop {
                sleep(Duration::from_secs(1)).await;
                clock.advance(Duration::from_secs(1));
            }
        });
        Self {
            world,
            addon,
            engine: Engine::start().await,
            origin,
            ticking: ticking.abort_handle(),
            _turn: turn,
        }
    }

    /// From Heroku's page, by its form.
    pub(crate) async fn sign_in(&self) {
        self.sign_in_anywhere().await;
        self.sees("Dashboard").await;
    }

    /// The same, whichever page it leads to.
    pub(crate) async fn sign_in_anywhere(&self) {
        // A new second makes a new form.
        self.world.clock.advance(Duration::from_secs(1));
        self.browse(&self.world.heroku.dashboard_url()).await;
        self.sees("Apps").await;
        let form = format!("tr[data-email='{ANN}'] form[action*='/open']");
        self.script::<()>(&format!(
            "document.querySelector(\"{form}\").requestSubmit()"
        ))
        .await;
    }

    pub(crate) async fn go(&self, path: &str) {
        self.browse(&format!("{}{path}", self.origin)).await;
    }

    /// A driver may report an error for a navigation that a redirect interrupts.
    async fn browse(&self, url: &str) {
        let _ = self.engine.driver.goto(url).await;
    }

    /// No request has used the add-on for so long that its sessions have ended.
    pub(crate) fn end_sessions(&self) {
        self.world.clock.advance(UNUSED);
    }

    pub(crate) async fn remove_ann(&self) {
        self.world.heroku.app("shop").remove(ANN);
        self.world.refresh(&self.addon.resource_id()).await;
    }

    /// Waits for the page with this heading, and returns its path.
    pub(crate) async fn sees(&self, heading: &str) -> String {
        let script = "
            const title = document.querySelector('h1');
            const is_complete = document.readyState === 'complete';
            return [title && is_complete ? title.textContent : '', location.pathname + location.search];";
        let seen = |(title, _): &(String, String)| title == heading;
        let what = format!("a page headed `{heading}`");
        self.until(PATIENCE, &what, script, seen).await.1
    }

    /// Waits for a page without the mark of the page before, whose heading begins like this, and returns the
    /// heading.
    pub(crate) async fn sees_new(&self, beginning: &str) -> String {
        let script = "
            const title = document.querySelector('h1');
            return title && !('mark' in window) ? title.textContent : '';";
        let is_right = |title: &String| title.starts_with(beginning);
        self.until(PATIENCE, "another page", script, is_right).await
    }

    /// Goes back to a page with another path. A navigation that is still pending may cancel that, so it is
    /// repeated.
    pub(crate) async fn back(&self) {
        let from: String = self.script("return location.pathname").await;
        let script = format!(
            "if (location.pathname !== '{from}') return true;
             if (!(Date.now() - window.wentBack < 5000)) {{ window.wentBack = Date.now(); history.back(); }}
             return false;"
        );
        let is_there = |is_there: &bool| *is_there;
        self.until(PATIENCE, "another page", &script, is_there)
            .await;
    }

    /// Waits until the expression is true.
    pub(crate) async fn holds(&self, what: &str, condition: &str) {
        let script = format!("return !!({condition})");
        self.until(PATIENCE, what, &script, |holds: &bool| *holds)
            .await;
    }

    async fn until<T>(
        &self,
        time: Duration,
        what: &str,
        script: &str,
        is_right: impl Fn(&T) -> bool,
    ) -> T
    where
        T: DeserializeOwned + std::fmt::Debug,
    {
        let deadline = Instant::now() + time;
        loop {
            // During a navigation the old page cannot be read.
            let read = self.try_script::<T>(script).await;
            match read {
                Ok(value) if is_right(&value) => return value,
                _ if Instant::now() < deadline => sleep(BETWEEN_LOOKS).await,
                last => panic!("expected {what}, but there is {last:?}"),
            }
        }
    }

    pub(crate) async fn script<T: DeserializeOwned>(&self, script: &str) -> T {
        self.try_script(script).await.unwrap()
    }

    async fn try_script<T: DeserializeOwned>(
        &self,
        script: &str,
    ) -> Result<T, thirtyfour::error::WebDriverError> {
        self.engine.driver.execute(script, vec![]).await?.convert()
    }

    /// Clicks by a script: a driver's own click keeps the page out of Firefox's back/forward cache.
    pub(crate) async fn click(&self, selector: &str) {
        self.script::<()>(&format!("document.querySelector('{selector}').click()"))
            .await;
    }

    pub(crate) async fn cookie(&self, name: &str) -> Option<Cookie> {
        let cookies = self.engine.driver.get_all_cookies().await.unwrap();
        cookies.into_iter().find(|cookie| cookie.name == name)
    }
}

fn page(title: &str, content: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=en><title>{title}</title><link rel=icon href='data:,'>\
         <h1>{title}</h1>{content}"
    ))
}

const SIGN_OUT: &str = "<form method=post action=/logout><button id=out>Sign out</button></form>";

/// Path, title and content of the pages with what only browsers do.
const PAGES: [(&str, &str, &[&str]); 4] = [
    (
        "/frames",
        "Frames",
        &["<iframe id=frame src=/page/inner></iframe>"],
    ),
    (
        "/turbo",
        "Turbo",
        &[
            "<script src=/scripts/turbo.js></script><p><a id=next href=/page/next>Next</a>",
            SIGN_OUT,
        ],
    ),
    (
        "/htmx",
        "Htmx",
        &[
            "<script src=/scripts/htmx.js></script><div id=part>nothing</div>\
           <button id=get hx-get=/part hx-target='#part'>Get</button>\
           <button id=out hx-post=/logout hx-target='#part'>Sign out</button>",
        ],
    ),
    (
        "/links",
        "Links",
        &["<link rel=prefetch href=/page/ahead>\
           <script type=speculationrules>{\"prerender\":[{\"urls\":[\"/page/ahead\"]}]}</script>\
           <a id=ahead href=/page/ahead>Ahead</a>"],
    ),
];

fn router(sso: &HerokuSso) -> Router {
    let dashboard =
        |user: HerokuUser| async move { page("Dashboard", &format!("{}{SIGN_OUT}", user.email())) };
    let named = |Path(name): Path<String>| async move { page(&format!("Page {name}"), SIGN_OUT) };
    let script = |path: &'static str| {
        get(move || async move {
            let script = fs::read_to_string(support::root().join(MODULES).join(path));
            let script =
                script.unwrap_or_else(|error| panic!("{path}: {error}; run scripts/requirements"));
            ([("content-type", "text/javascript")], script)
        })
    };
    let mut pages = Router::new();
    for (path, title, content) in PAGES {
        let page = move || async move { page(title, &content.concat()) };
        pages = pages.route(path, get(page));
    }
    pages
        .route("/", get(dashboard))
        .route("/page/{name}", get(named))
        .route("/part", get(async || Html("a part")))
        .route("/upload", post(async || "in"))
        .route("/events", get(events))
        .route("/download", get(download))
        .route("/sized", get(sized))
        .route("/socket", any(socket))
        .layer(sso.layer())
        .merge(sso.routes().sign_in())
        .route(
            "/scripts/turbo.js",
            script("@hotwired/turbo/dist/turbo.es2017-umd.js"),
        )
        .route("/scripts/htmx.js", script("htmx.org/dist/htmx.min.js"))
}

async fn events() -> impl IntoResponse {
    let body = endless("retry: 100\ndata: hello\n\n");
    ([("content-type", "text/event-stream")], body)
}

async fn download() -> impl IntoResponse {
    (
        [("content-type", "application/octet-stream")],
        endless("the first part"),
    )
}

async fn sized() -> impl IntoResponse {
    ([("content-length", "1000000")], download().await)
}

async fn socket(upgrade: WebSocketUpgrade, user: HerokuUser) -> Response {
    upgrade.on_upgrade(|mut socket: WebSocket| async move {
        let _ = socket.send(Message::text("hello")).await;
        user.ended().await;
        let _ = socket.send(Message::Close(None)).await;
    })
}
