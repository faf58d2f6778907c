//! Gates of one add-on, as of several processes, with a stop at every call that they await.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::FutureExt as _;
use heroku_addon_simulator::{AddOn, SignInForm, Simulator};
use heroku_sso_store::SessionKey;
use heroku_sso_store::Store as _;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use support::ids::AddOnExt as _;
use support::world::events;
use tokio::task::JoinHandle;
use tower::ServiceExt;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Email, HerokuSso, HerokuSsoBuilder, HerokuUser, Manifest,
    ManualClock, MemorySessions, OauthGrant, ResourceId, SsoSalt, WebhookSecret, Webhooks,
};
use tower_sessions::SessionStore as _;
use tower_sessions::session::Id;

use crate::interleavings::front;
use crate::interleavings::schedule::{Choices, Crew, Task};
use crate::interleavings::stops::Stops;
use crate::interleavings::store::{Database, HeldSessions, HeldStore};

pub const ANN: &str = "ann@example.com";
pub const BOB: &str = "bob@example.com";
pub const COOKIE: &str = "__Host-heroku_sso";
pub const REFRESH: Duration = Duration::from_secs(300);
const WEBHOOK_SECRET: &str = "a-webhook-secret-of-our-own";

/// The public name of the session with this cookie.
pub fn key_of(cookie: &str) -> SessionKey {
    let id: Id = cookie.parse().unwrap();
    let hash = Sha256::digest(id.0.to_le_bytes());
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    SessionKey::from_stored(hash)
}

/// Where the sessions are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SessionsIn {
    /// In the crate's own store.
    Store,
    /// In a given session store.
    Given,
}

impl SessionsIn {
    pub const BOTH: [Self; 2] = [Self::Store, Self::Given];
}

/// Shared by all runs of a scenario: a restart is slow, and a new resource is as good.
pub struct Stage {
    pub stops: Stops,
    pub clock: ManualClock,
    pub heroku: Simulator,
    pub database: Database,
    sessions: MemorySessions,
    sessions_in: SessionsIn,
    is_shared: bool,
    door: String,
    gates: Mutex<HashMap<&'static str, Gate>>,
    runs: AtomicUsize,
}

impl Stage {
    /// `is_shared`: on a store with leases and events.
    pub async fn new(is_shared: bool, sessions_in: SessionsIn) -> Self {
        let stops = Stops::default();
        let clock = ManualClock::new();
        let heroku = Simulator::builder().clock(clock.reader());
        let heroku = heroku.rate_pool(100_000_000, 1_000_000);
        let heroku = heroku.start().await.unwrap();
        let door = front::start(heroku.url(), stops.clone()).await;
        Self {
            stops,
            clock,
            heroku,
            database: Database::default(),
            sessions: MemorySessions::default(),
            sessions_in,
            is_shared,
            door,
            gates: Mutex::default(),
            runs: AtomicUsize::new(0),
        }
    }

    /// An app of Ann and Bob with a registered add-on and no list yet.
    pub async fn world(&self) -> World<'_> {
        self.stops.open();
        // A new second makes forms differ from those of earlier runs.
        // Gates live for many runs: a minute between runs refills their budgets.
        self.clock.advance(Duration::from_secs(60));
        self.database.forget_sequences();
        let number = self.runs.fetch_add(1, Ordering::Relaxed);
        let app = self.heroku.app(&format!("shop-{number}"));
        let addon = app.collaborator(ANN).collaborator(BOB).addon();
        let resource = addon.mark_provisioned().resource_id();
        let grant = OauthGrant::Code(addon.grant_code().into());
        let gate = self.gate("set-up");
        gate.sso
            .resources()
            .register(&resource, grant)
            .await
            .unwrap();
        self.heroku.calls().clear();
        World {
            stage: self,
            addon,
            resource,
        }
    }

    /// A process that has not loaded this run's resource.
    pub fn gate(&self, name: &'static str) -> Gate {
        self.gate_with(name, |builder| builder)
    }

    /// The same, with a configuration that belongs to its name.
    pub fn gate_with(
        &self,
        name: &'static str,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Gate {
        let mut gates = self.gates.lock().unwrap();
        let gate = gates
            .entry(name)
            .or_insert_with(|| self.new_gate(name, set_up));
        gate.clone()
    }

    fn new_gate(
        &self,
        name: &'static str,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Gate {
        let manifest = Manifest::new(
            self.heroku.slug(),
            AddonPassword::new(self.heroku.password()).unwrap(),
            SsoSalt::new(self.heroku.sso_salt()).unwrap(),
            ClientSecret::new(self.heroku.client_secret()).unwrap(),
        );
        let secret = WebhookSecret::new(WEBHOOK_SECRET).unwrap();
        let builder = HerokuSso::builder(manifest)
            .api_url(self.door.parse().unwrap())
            .id_url(self.door.parse().unwrap())
            .clock(self.clock.clone())
            .refresh_interval(REFRESH)
            .session_cache(Duration::ZERO)
            .webhooks(Webhooks::new(secret))
            .store(self.store(name));
        let builder = match self.sessions_in {
            SessionsIn::Store => builder,
            SessionsIn::Given => builder.session_store(self.session_store(name)),
        };
        let sso = set_up(builder).build().now_or_never();
        let sso = sso.expect("there is no database to connect to").unwrap();
        let app = router(&sso);
        Gate { sso, app }
    }

    pub fn store(&self, name: &'static str) -> HeldStore {
        HeldStore {
            database: self.database.clone(),
            stops: self.stops.clone(),
            name,
            is_shared: self.is_shared,
        }
    }

    /// True if there is a record of the session with this cookie.
    pub async fn has_record(&self, cookie: &str) -> bool {
        let id: Id = cookie.parse().unwrap();
        match self.sessions_in {
            SessionsIn::Given => self.sessions.load(&id).await.unwrap().is_some(),
            SessionsIn::Store => {
                let records = self.database.inner.sessions().unwrap();
                let found = records.find_session(&key_of(cookie)).await;
                found.unwrap().is_some()
            }
        }
    }

    fn session_store(&self, name: &'static str) -> HeldSessions {
        HeldSessions {
            inner: self.sessions.clone(),
            stops: self.stops.clone(),
            name,
        }
    }
}

/// One run.
pub struct World<'a> {
    stage: &'a Stage,
    pub addon: AddOn,
    pub resource: ResourceId,
}

impl Deref for World<'_> {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        self.stage
    }
}

impl World<'_> {
    pub fn form(&self, email: &str) -> SignInForm {
        self.addon.sign_in_form(email)
    }

    /// A gate with a list in memory, at which Ann and Bob are signed in.
    pub async fn warm_gate(&self, name: &'static str) -> Warm {
        self.warm(self.gate(name)).await
    }

    /// The same at a gate with or without a session cache, as chosen.
    pub async fn chosen_gate(&self, choices: &mut Choices) -> Warm {
        let gate = match choices.choose(2) {
            0 => self.gate("a"),
            _ => self.gate_with("a, with copies", |builder| {
                builder.session_cache(Duration::from_secs(5))
            }),
        };
        self.warm(gate).await
    }

    async fn warm(&self, gate: Gate) -> Warm {
        let ann = gate.sign_in(&self.form(ANN)).await.cookie();
        let bob = gate.sign_in(&self.form(BOB)).await.cookie();
        // A new second makes a new form.
        self.clock.advance(Duration::from_secs(1));
        Warm { gate, ann, bob }
    }

    /// A moment later, with a newer list at this gate.
    pub async fn let_lists_be_fetched(&self, gate: &Gate) {
        self.clock.advance(Duration::from_secs(60));
        gate.sso.lists().refresh(&self.resource).await.unwrap();
    }
}

pub struct Warm {
    pub gate: Gate,
    /// The cookies of their sessions.
    pub ann: String,
    pub bob: String,
}

#[derive(Clone)]
pub struct Gate {
    pub sso: HerokuSso,
    pub app: Router,
}

/// An answer of the gate, or of the handler behind it.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// The value of the session cookie that it sets.
    pub fn cookie(&self) -> String {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok()?.strip_prefix(COOKIE));
        let mut values = cookies.filter_map(|value| value.strip_prefix('=')?.split(';').next());
        values
            .next()
            .unwrap_or_else(|| panic!("{self:?}"))
            .to_owned()
    }
}

impl Gate {
    pub async fn send(self, request: Request<Body>) -> Answer {
        let answer: Response<Body> = self.app.oneshot(request).await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    pub fn sign_in(&self, form: &SignInForm) -> impl Future<Output = Answer> + Send + 'static {
        self.clone().send(sign_in(form))
    }

    pub fn visit(&self, cookie: &str) -> impl Future<Output = Answer> + Send + 'static {
        self.clone().send(visit(cookie))
    }

    /// Opens and reads an endless stream. Resolves with the moment at which it ends.
    pub async fn open_stream(&self, stops: &Stops, cookie: &str) -> JoinHandle<u64> {
        let request = Request::get("/events").header(header::COOKIE, format!("{COOKIE}={cookie}"));
        let request = request.body(Body::empty()).unwrap();
        let answer = self.app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let (stops, body) = (stops.clone(), answer.into_body());
        let reading = tokio::spawn(async move {
            drop(to_bytes(body, usize::MAX).await);
            stops.moment()
        });
        // Until it waits for the next event.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        reading
    }

    /// Three concurrent requests: before, during and after other work.
    pub fn visits(&self, crew: &mut Crew<'_>, cookie: &str) -> [Task<Answer>; 3] {
        ["a visit", "another visit", "a third visit"].map(|name| crew.add(name, self.visit(cookie)))
    }

    pub fn sign_out(&self, cookie: &str) -> impl Future<Output = Answer> + Send + 'static {
        self.clone().send(sign_out(cookie))
    }

    /// Sends the webhook of a removal.
    pub fn hears_that_left(
        &self,
        world: &World<'_>,
        email: &str,
    ) -> impl Future<Output = Answer> + Send + 'static {
        self.clone().send(word_that_left(world, email))
    }

    pub fn revoke(
        &self,
        world: &World<'_>,
        email: &str,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (sso, resource, email) = (self.sso.clone(), world.resource, address(email));
        async move { sso.sessions().revoke(&resource, &email).await.unwrap() }
    }

    /// Whether the new list contains this person; none without a new list.
    pub fn refresh(
        &self,
        world: &World<'_>,
        email: &str,
    ) -> impl Future<Output = Option<bool>> + Send + 'static {
        let (sso, resource, email) = (self.sso.clone(), world.resource, address(email));
        async move {
            let list = sso.lists().refresh(&resource).await.ok()?;
            Some(list.list.members().any(|member| member.email == email))
        }
    }
}

pub fn address(email: &str) -> Email {
    email.parse().unwrap()
}

pub fn sign_in(form: &SignInForm) -> Request<Body> {
    Request::post("/heroku/sso")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.body()))
        .unwrap()
}

pub fn visit(cookie: &str) -> Request<Body> {
    let request = Request::get("/page").header(header::COOKIE, format!("{COOKIE}={cookie}"));
    request.body(Body::empty()).unwrap()
}

pub fn sign_out(cookie: &str) -> Request<Body> {
    let request = Request::post("/logout").header(header::COOKIE, format!("{COOKIE}={cookie}"));
    request.body(Body::empty()).unwrap()
}

pub fn word_that_left(world: &World<'_>, email: &str) -> Request<Body> {
    let app = world.addon.app().id().to_string();
    let body = json!({
        "id": format!("{app} left"), "action": "destroy", "resource": "collaborator",
        "data": { "app": { "id": app }, "user": { "email": email } },
    });
    signed(body.to_string())
}

/// As Heroku signs its webhooks.
fn signed(body: String) -> Request<Body> {
    let mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
    let mac = mac.chain_update(&body).finalize().into_bytes();
    Request::post("/heroku/webhooks")
        .header("heroku-webhook-hmac-sha256", STANDARD.encode(mac))
        .body(Body::from(body))
        .unwrap()
}

/// A webhook of a change of the app.
pub fn word_of_change(world: &World<'_>) -> Request<Body> {
    let app = world.addon.app().id().to_string();
    let body = json!({
        "id": format!("{app} update"), "action": "update", "resource": "app", "data": { "id": app },
    });
    signed(body.to_string())
}

/// A request of the Partner API, by Heroku.
pub fn by_heroku(world: &World<'_>, method: &str, path: &str, body: String) -> Request<Body> {
    let credentials = format!("{}:{}", world.heroku.slug(), world.heroku.password());
    Request::builder()
        .method(method)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::AUTHORIZATION,
            format!("Basic {}", STANDARD.encode(credentials)),
        )
        .body(Body::from(body))
        .unwrap()
}

fn router(sso: &HerokuSso) -> Router {
    let page = |user: HerokuUser| async move { user.email().to_string() };
    sso.protect(
        Router::new()
            .route("/page", get(page))
            .route("/events", get(events)),
    )
    .merge(sso.routes().partner_api(NoProvisioning))
}

/// Whether the answer rejects a session.
pub fn is_rejected(answer: &Answer) -> bool {
    let status = StatusCode::from_u16(answer.status).unwrap();
    status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN
}
