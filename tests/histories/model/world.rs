//! The real gates: two over one store, with a simulated Heroku, in this process.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, header};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heroku_addon_simulator::{AddOn, Endpoint, Simulator, Team};
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use support::ids::AddOnExt as _;
use support::world::events;
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tower::ServiceExt;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::sso::token;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, MemoryStore, SqliteStore};
use tower_heroku_sso::{
    AddonPassword, AdmitError, ClientSecret, Email, HerokuSso, HerokuUser, Manifest, ManualClock,
    MemorySessions, OauthGrant, Require, ResourceId, Role, SsoPolicy, SsoSalt, UserId,
    VerifiedEmail, WebhookSecret, Webhooks,
};
use url::form_urlencoded::Serializer;

use crate::model::reference::{
    Form, MAX_LIST_AGE, MAX_SESSION, Person, Proof, REFRESH, Resource, START, Time, has_team,
};

const WEBHOOK_SECRET: &str = "a-webhook-secret-of-our-own";
const COOKIE: &str = "__Host-heroku_sso";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The last one owns the apps without a team.
pub const EMAILS: [&str; 6] = [
    "ann@example.com",
    "bob@example.com",
    "cleo@example.com",
    "dan@example.com",
    "eve@example.com",
    "owner@example.com",
];
pub const OWNER: Person = EMAILS.len() - 1;

pub struct SetUp {
    pub session_cache: Time,
    pub page_size: usize,
    pub in_a_file: bool,
    /// In the crate's own store, and not in a given one.
    pub own_sessions: bool,
}

enum Place {
    Memory(MemoryStore),
    File(tempfile::TempDir),
}

/// An open stream.
pub struct Stream(JoinHandle<()>);

struct Gate {
    sso: HerokuSso,
    app: Router,
}

pub struct World {
    pub heroku: Simulator,
    clock: ManualClock,
    began: OffsetDateTime,
    set_up: SetUp,
    place: Place,
    sessions: MemorySessions,
    addons: Vec<AddOn>,
    pub team: Team,
    /// By number.
    pub accounts: Vec<UserId>,
    gates: Vec<Gate>,
}

impl Stream {
    pub fn is_open(&self) -> bool {
        !self.0.is_finished()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl World {
    pub async fn start(set_up: SetUp) -> Self {
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap();
        let clock = ManualClock::at(now);
        let heroku = Simulator::builder()
            .clock(clock.reader())
            .page_size(set_up.page_size)
            .rate_pool(1_000_000, 1_000_000);
        let heroku = heroku.start().await.unwrap();
        let team = heroku.team("acme");
        let apps = ["solo", "left", "right", "spare"].map(|name| heroku.app(name));
        for (resource, app) in apps.iter().enumerate() {
            if has_team(resource) {
                app.owned_by_team(&team);
            }
        }
        let mut world = Self {
            accounts: EMAILS
                .map(|email| heroku.accounts().id(email).into())
                .into(),
            addons: apps.iter().map(|app| app.addon()).collect(),
            sessions: MemorySessions::default(),
            place: match set_up.in_a_file {
                true => Place::File(tempfile::tempdir().unwrap()),
                false => Place::Memory(MemoryStore::default()),
            },
            gates: Vec::new(),
            heroku,
            clock,
            began: now - Duration::from_secs(START),
            set_up,
            team,
        };
        let first = world.gate().await;
        for addon in &world.addons {
            let grant = OauthGrant::Code(addon.grant_code().into());
            let resource = addon.mark_provisioned().resource_id();
            first
                .sso
                .resources()
                .register(&resource, grant)
                .await
                .unwrap();
        }
        for _ in 0..2 {
            let gate = world.gate().await;
            world.gates.push(gate);
        }
        world
    }

    /// A new process that has loaded the store's state.
    async fn gate(&self) -> Gate {
        let manifest = Manifest::new(
            self.heroku.slug(),
            AddonPassword::new(self.heroku.password()).unwrap(),
            SsoSalt::new(self.heroku.sso_salt()).unwrap(),
            ClientSecret::new(self.heroku.client_secret()).unwrap(),
        );
        let secret = WebhookSecret::new(WEBHOOK_SECRET).unwrap();
        let builder = HerokuSso::builder(manifest)
            .api_url(self.heroku.url().parse().unwrap())
            .id_url(self.heroku.url().parse().unwrap())
            .clock(self.clock.clone())
            .sso_policy(SsoPolicy::AllowUnsignedEmail)
            .refresh_interval(Duration::from_secs(REFRESH))
            .max_list_age(Duration::from_secs(MAX_LIST_AGE))
            .max_session(Duration::from_secs(MAX_SESSION))
            .session_cache(Duration::from_secs(self.set_up.session_cache))
            .webhooks(Webhooks::new(secret));
        let builder = match self.set_up.own_sessions {
            true => builder,
            false => builder.session_store(self.sessions.clone()),
        };
        let builder = match &self.place {
            Place::Memory(store) => builder.store(store.clone()),
            Place::File(folder) => {
                let keys = EncryptionKeys::new(EncryptionKey::from_base64(KEY).unwrap());
                let store = SqliteStore::open(folder.path().join("sso.db"), keys);
                builder.store(store.await.unwrap())
            }
        };
        let sso = builder.build().await.unwrap();
        for addon in &self.addons {
            let _ = sso.lists().get(&addon.resource_id()).await;
        }
        let app = router(&sso);
        Gate { sso, app }
    }

    pub async fn restart(&mut self, at: usize) {
        self.gates[at] = self.gate().await;
    }

    pub fn is_in_a_file(&self) -> bool {
        matches!(self.place, Place::File(_))
    }

    pub fn advance(&self, seconds: Time) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub fn resource(&self, resource: Resource) -> ResourceId {
        self.addons[resource].resource_id()
    }

    pub fn addon(&self, resource: Resource) -> &AddOn {
        &self.addons[resource]
    }

    /// The status, and the user that the handler got.
    pub async fn visit(&self, at: usize, cookie: &str, path: &str) -> (u16, String) {
        let request = Request::get(path).header(header::COOKIE, format!("{COOKIE}={cookie}"));
        let answer = self.send(at, request.body(Body::empty()).unwrap()).await;
        let status = answer.status().as_u16();
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    /// Opens a stream. Returns the status and the stream.
    pub async fn open_stream(&self, at: usize, cookie: &str) -> (u16, Option<Stream>) {
        let request = Request::get("/events").header(header::COOKIE, format!("{COOKIE}={cookie}"));
        let answer = self.send(at, request.body(Body::empty()).unwrap()).await;
        let status = answer.status().as_u16();
        let body = answer.into_body();
        let stream = (status == 200).then(|| {
            let reading = tokio::spawn(async move { drop(to_bytes(body, usize::MAX).await) });
            Stream(reading)
        });
        self.settle().await;
        (status, stream)
    }

    /// The status, and the cookie of the session.
    pub async fn sign_in(
        &self,
        at: usize,
        form: &Form,
        cookie: Option<&str>,
    ) -> (u16, Option<String>) {
        let cookie = cookie.map(|cookie| format!("{COOKIE}={cookie}"));
        if form.proof == Proof::OwnLogin {
            return self.own_login(at, form, cookie).await;
        }
        let mut request = Request::post("/heroku/sso")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let request = request.body(Body::from(self.body_of(form))).unwrap();
        let answer = self.send(at, request).await;
        let status = answer.status().as_u16();
        let cookie = (status == 303).then(|| cookie_in(answer.headers()));
        (status, cookie)
    }

    async fn own_login(
        &self,
        at: usize,
        form: &Form,
        cookie: Option<String>,
    ) -> (u16, Option<String>) {
        let resource = self.resource(form.resource.unwrap());
        let email = VerifiedEmail::assume_verified(email(form.person));
        let mut headers = HeaderMap::new();
        if let Some(cookie) = cookie {
            headers.insert(header::COOKIE, cookie.parse().unwrap());
        }
        match self.gates[at]
            .sso
            .sessions()
            .admit(&resource, &email, &headers)
            .await
        {
            Ok(signed_in) => {
                let mut headers = HeaderMap::new();
                signed_in.set_cookies(&mut headers);
                (303, Some(cookie_in(&headers)))
            }
            Err(AdmitError::NotListed) => (403, None),
            Err(_) => (503, None),
        }
    }

    pub async fn sign_out(&self, at: usize, cookie: &str) -> u16 {
        let request = Request::post("/logout").header(header::COOKIE, format!("{COOKIE}={cookie}"));
        let answer = self.send(at, request.body(Body::empty()).unwrap()).await;
        answer.status().as_u16()
    }

    /// Whether the refresh succeeded, and the members of the list.
    pub async fn refresh(&self, at: usize, resource: Resource) -> Option<Vec<Email>> {
        let resource = self.resource(resource);
        let list = self.gates[at].sso.lists().refresh(&resource).await.ok()?;
        Some(list.list.members().map(|member| member.email).collect())
    }

    pub async fn revoke(&self, at: usize, resource: Resource, person: Person) -> bool {
        let (resource, email) = (self.resource(resource), email(person));
        self.gates[at]
            .sso
            .sessions()
            .revoke(&resource, &email)
            .await
            .is_ok()
    }

    pub async fn forget(&self, at: usize, resource: Resource) {
        let resource = self.resource(resource);
        self.gates[at]
            .sso
            .resources()
            .deprovision(&resource)
            .await
            .unwrap();
    }

    /// A webhook that a collaborator has left, or that the app was changed.
    pub async fn webhook(
        &self,
        at: usize,
        resource: Resource,
        event: u64,
        left: Option<Person>,
        secret_is_right: bool,
    ) -> u16 {
        let app = self.addons[resource].app().id().to_string();
        let body = match left {
            Some(person) => json!({
                "id": event.to_string(), "action": "destroy", "resource": "collaborator",
                "data": { "app": { "id": app }, "user": { "email": EMAILS[person] } },
            }),
            None => json!({
                "id": event.to_string(), "action": "update", "resource": "app",
                "data": { "id": app },
            }),
        };
        let body = body.to_string();
        let secret = if secret_is_right {
            WEBHOOK_SECRET
        } else {
            "another"
        };
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let mac = mac.chain_update(&body).finalize().into_bytes();
        let request = Request::post("/heroku/webhooks")
            .header("heroku-webhook-hmac-sha256", STANDARD.encode(mac))
            .body(Body::from(body));
        let answer = self.send(at, request.unwrap()).await;
        self.settle().await;
        answer.status().as_u16()
    }

    /// Waits for the work that a webhook or a stream has started. All of it runs on this thread, which
    /// polls its sockets after each task.
    pub async fn settle(&self) {
        let mut calls = self.heroku.calls().count(Endpoint::Any);
        let mut quiet = 0;
        while quiet < 500 {
            tokio::task::yield_now().await;
            let before = std::mem::replace(&mut calls, self.heroku.calls().count(Endpoint::Any));
            quiet = if calls == before { quiet + 1 } else { 0 };
        }
    }

    async fn send(&self, at: usize, request: Request<Body>) -> Response<Body> {
        self.gates[at].app.clone().oneshot(request).await.unwrap()
    }

    /// The form as a browser posts it.
    fn body_of(&self, form: &Form) -> String {
        let id = |resource| self.resource(resource).to_string();
        let unknown = "0badc0de-0000-4000-8000-000000000000";
        let resource = form.resource.map_or_else(|| unknown.to_owned(), id);
        let at = self.began.unix_timestamp() + i64::try_from(form.signed_at).unwrap();
        let (at, email) = (at.to_string(), EMAILS[form.person]);
        let user = form
            .account
            .map(|account| self.accounts[account].to_string());
        let (salt, signed_user) = (&self.heroku.sso_salt(), user.clone().unwrap_or_default());
        let scoped = |resource: &str, salt: &str, user: &str, email: &str| {
            token::hex(&token::user_scoped_resource(
                resource, salt, &at, user, email,
            ))
        };
        let scoped = match form.proof {
            Proof::Scoped => Some(scoped(&resource, salt, &signed_user, email)),
            Proof::Wrong(0) => Some(scoped(&resource, "guess", &signed_user, email)),
            Proof::Wrong(1) => Some(scoped(&resource, salt, &signed_user, "mallory@example.com")),
            Proof::Wrong(2) => Some(scoped(&resource, salt, &signed_user[1..], email)),
            Proof::Wrong(3) => Some(scoped(unknown, salt, &signed_user, email)),
            Proof::Wrong(_) | Proof::Plain | Proof::OwnLogin => None,
        };
        // A valid weak token must not help beside a wrong strong one.
        let plain_is_right = !matches!(form.proof, Proof::Wrong(4..));
        let plain = token::resource(&resource, if plain_is_right { salt } else { "guess" }, &at);
        let mut body = Serializer::new(String::new());
        body.append_pair("resource_id", &resource);
        body.append_pair("resource_token", &token::hex(&plain));
        body.append_pair("timestamp", &at);
        body.append_pair("email", email);
        body.extend_pairs(user.map(|user| ("user_id", user)));
        body.extend_pairs(scoped.map(|scoped| ("user_scoped_resource_token", scoped)));
        body.finish()
    }
}

pub fn email(person: Person) -> Email {
    EMAILS[person].parse().unwrap()
}

fn cookie_in(headers: &HeaderMap) -> String {
    let cookies = headers.get_all(header::SET_COOKIE).iter();
    let values = cookies.filter_map(|value| value.to_str().ok()?.strip_prefix(COOKIE));
    let mut values = values.filter_map(|value| value.strip_prefix('=')?.split(';').next());
    values.next().expect("a session").to_owned()
}

fn router(sso: &HerokuSso) -> Router {
    let who = |user: HerokuUser| async move { format!("{} {}", user.resource(), user.email()) };
    let admin = Router::new()
        .route("/admin", get(who))
        .route_layer(Require::role(Role::Admin));
    sso.protect(
        Router::new()
            .route("/page", get(who))
            .route("/events", get(events))
            .merge(admin),
    )
    .merge(sso.routes().partner_api(NoProvisioning))
}
