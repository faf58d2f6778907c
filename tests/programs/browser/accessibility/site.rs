//! A site that gives every page of the gate, a simulated Heroku on another site, and a Chromium.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::COOKIE;
use axum::http::request::Parts;
use axum::middleware::map_request;
use axum::response::{Html, IntoResponse as _};
use axum::routing::get;
use heroku_addon_simulator::{AddOn, SignInForm};
use serde_json::json;
use support::process::Process;
use support::world::{UNUSED, World, endless, serve};
use tempfile::TempDir;
use thirtyfour::{Cookie, WebDriver, WindowHandle};
use tokio::sync::MutexGuard;
use tower_heroku_sso::{HerokuSso, Permission, Require, ResourceId, Role, SsoPolicy};

use super::check::load_axe;
use crate::browser::chromium::{TURN, chromium};
use crate::browser::page;

pub(super) const ANN: &str = "ann@example.com";
/// Fills more than a line of a phone.
const OWNER: &str = "owner.with.a.long.name@subsidiary.of.a.company.with.a.long.name.example.com";

const APP_SESSION: &str = "app";

/// How forms are encoded unless they say otherwise.
pub(super) const ENCODED: &str = "application/x-www-form-urlencoded";

/// Fields are dropped in order: the browser is closed while its driver still runs.
pub(super) struct Site {
    pub(super) driver: WebDriver,
    pub(super) world: World,
    pub(super) addon: AddOn,
    origin: String,
    /// The landing page leaves the browser on the page before.
    is_landing_empty: Arc<AtomicBool>,
    _chromedriver: Process,
    _files: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Site {
    pub(super) async fn start() -> Self {
        let turn = TURN.lock().await;
        let world = World::with(|builder| {
            builder
                .sso_policy(SsoPolicy::AllowUnsignedEmail)
                .show_expired_page()
                .resource_of(app_session)
        })
        .await;
        let app = world.heroku.app("shop").owner(OWNER);
        app.collaborator_as(ANN, "collaborator", &["view"]);
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        let is_landing_empty = Arc::new(AtomicBool::new(false));
        let address = serve(router(&world.sso, &is_landing_empty)).await;
        let origin = format!("http://{address}");
        world.heroku.settings().set_partner_url(&origin);
        let files = tempfile::tempdir().unwrap();
        let (driver, chromedriver) = chromium(&files).await;
        load_axe(&driver).await;
        Self {
            driver,
            world,
            addon,
            origin,
            is_landing_empty,
            _chromedriver: chromedriver,
            _files: files,
            _turn: turn,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// True for an address of the site, or of the simulator in place of Heroku.
    pub(super) fn is_address_here(&self, url: &str) -> bool {
        let heroku = &self.world.heroku;
        let here = [self.origin.clone(), heroku.url(), heroku.dashboard_url()];
        here.iter().any(|origin| url.starts_with(origin.as_str()))
    }

    pub(super) async fn go(&self, path: &str) {
        self.driver.goto(self.url(path)).await.unwrap();
    }

    /// Posts Heroku's form from Heroku's page.
    pub(super) async fn submit(&self, form: &SignInForm) {
        self.post(&form.action(), form, ENCODED, 0).await;
    }

    /// Posts the fields of a form from Heroku's page to any address, in this encoding, after a time.
    pub(super) async fn post(&self, url: &str, form: &SignInForm, encoding: &str, millis: u32) {
        let heroku = self.world.heroku.dashboard_url();
        self.driver.goto(heroku).await.unwrap();
        let script = "
            const [action, fields, encoding, millis] = arguments;
            const form = document.createElement('form');
            Object.assign(form, { method: 'post', action, enctype: encoding });
            for (const [name, value] of fields) {
                const field = document.createElement('input');
                form.append(Object.assign(field, { type: 'hidden', name, value }));
            }
            document.body.append(form);
            if (millis) setTimeout(() => form.submit(), millis);
            else form.submit();";
        let arguments = vec![
            json!(url),
            json!(form.fields()),
            json!(encoding),
            json!(millis),
        ];
        self.driver.execute(script, arguments).await.unwrap();
    }

    /// Begins a sign-in in another window, whose body does not arrive. The gate waits for it in real time.
    pub(super) async fn begin_stalled_sign_in(&self) -> WindowHandle {
        let first = self.driver.window().await.unwrap();
        let second = self.driver.new_tab().await.unwrap();
        self.driver.switch_to_window(second.clone()).await.unwrap();
        load_axe(&self.driver).await;
        // Of its own, as Chromium sends a request again that a connection in use has answered with 408.
        let stalled = self.world.sso.routes().sign_in().layer(map_request(stall));
        let url = format!("http://{}/heroku/sso", serve(stalled).await);
        let form = self.addon.sign_in_form("stalled@example.com");
        // Later, as the driver waits for a navigation that a script has begun.
        self.post(&url, &form, ENCODED, 500).await;
        self.driver.switch_to_window(first).await.unwrap();
        second
    }

    /// A form of Ann's that was not used: each second makes another one.
    pub(super) fn new_form(&self) -> SignInForm {
        self.world.clock.advance(Duration::from_secs(1));
        self.addon.sign_in_form(ANN)
    }

    /// Ann sees a page of the app.
    pub(super) async fn sign_in(&self) {
        self.submit(&self.new_form()).await;
        self.sees_own_page().await;
    }

    /// The app's page, and none of the gate's.
    pub(super) async fn sees_own_page(&self) {
        page::sees(&self.driver, "Page").await;
    }

    /// A form of that page.
    pub(super) async fn send_form(&self) {
        let submit = "document.forms[0].requestSubmit()";
        self.driver.execute(submit, vec![]).await.unwrap();
    }

    /// Ann sees a page of the app, and her session ends, as no request uses it.
    pub(super) async fn sign_in_and_end(&self) {
        self.sign_in().await;
        self.world.clock.advance(UNUSED);
    }

    pub(super) fn keep_landing_empty(&self, is_empty: bool) {
        self.is_landing_empty.store(is_empty, Ordering::SeqCst);
    }

    /// The resource of the app's own session, if it has one.
    pub(super) async fn set_app_session(&self, resource: Option<&str>) {
        let set = match resource {
            Some(id) => self.driver.add_cookie(Cookie::new(APP_SESSION, id)).await,
            None => self.driver.delete_cookie(APP_SESSION).await,
        };
        set.unwrap();
    }
}

fn app_session(request: &Parts) -> Option<ResourceId> {
    let cookies = request.headers.get(COOKIE)?.to_str().ok()?;
    let mut cookies = cookies.split("; ");
    let id = cookies.find_map(|cookie| cookie.strip_prefix(&format!("{APP_SESSION}=")))?;
    id.parse().ok()
}

async fn own_page() -> Html<&'static str> {
    Html(
        "<!doctype html><html lang=en><title>Page</title><link rel=icon href='data:,'><h1>Page</h1>\
         <form method=post action=/><button>Send</button></form>",
    )
}

fn router(sso: &HerokuSso, is_landing_empty: &Arc<AtomicBool>) -> Router {
    let is_empty = Arc::clone(is_landing_empty);
    let landing = move || {
        let is_empty = is_empty.load(Ordering::SeqCst);
        async move {
            match is_empty {
                true => StatusCode::NO_CONTENT.into_response(),
                false => own_page().await.into_response(),
            }
        }
    };
    let admins = get(own_page).layer(Require::role(Role::Admin));
    let no_one = get(own_page).layer(Require::only_if(|_| false));
    let deployers = get(own_page).layer(Require::permission(Permission::Deploy));
    let pages = Router::new()
        .route("/", get(landing).post(own_page))
        .route("/admin", admins)
        .route("/deploy", deployers)
        .route("/closed", no_one);
    sso.protect(pages)
}

/// As if nothing of the body had arrived yet.
async fn stall(request: Request) -> Request {
    request.map(|_| endless(""))
}
