//! A running add-on with its own simulated Heroku, on loopback, with a test clock.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Endpoint, Simulator, SimulatorBuilder};
use tokio::net::TcpListener;
use tokio_stream::StreamExt as _;
use tower_heroku_sso::access::Snapshot;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::sync::{Change, Changes};
use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, HerokuSsoBuilder, HerokuUser, Manifest, ManualClock,
    OauthGrant, Require, ResourceId, Role, SsoSalt,
};

use crate::browser::Browser;
use crate::ids::AddOnExt as _;

pub const REFRESH: Duration = Duration::from_secs(300);
/// An older list decides no request.
pub const MAX_LIST_AGE: Duration = Duration::from_secs(600);
/// After this time without use and without a sync, the sessions of a resource end.
pub const UNUSED: Duration = Duration::from_secs(601);

pub struct World {
    pub clock: ManualClock,
    pub heroku: Simulator,
    pub sso: HerokuSso,
    pub address: SocketAddr,
    reached: Arc<AtomicUsize>,
}

impl World {
    pub async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    /// A world with another configuration of the gate.
    pub async fn with(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> Self {
        Self::with_heroku(|heroku| heroku, set_up).await
    }

    /// A world with another configuration of Heroku and the gate.
    pub async fn with_heroku(
        heroku: impl FnOnce(SimulatorBuilder) -> SimulatorBuilder,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::build(listener, heroku, set_up).await
    }

    /// A world whose gate uses this listener.
    pub async fn at(
        listener: TcpListener,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Self {
        Self::build(listener, |heroku| heroku, set_up).await
    }

    async fn build(
        listener: TcpListener,
        heroku: impl FnOnce(SimulatorBuilder) -> SimulatorBuilder,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Self {
        let clock = ManualClock::new();
        let heroku = heroku(Simulator::builder().clock(clock.reader()));
        let heroku = heroku.start().await.unwrap();
        let sso = set_up(builder(&heroku, &clock)).build().await.unwrap();
        let reached = Arc::new(AtomicUsize::new(0));
        let address = listener.local_addr().unwrap();
        let app = router(&sso, &reached);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        heroku
            .settings()
            .set_partner_url(format!("http://{address}"));
        Self {
            clock,
            heroku,
            sso,
            address,
            reached,
        }
    }

    /// Another gate of the same add-on, as in another process.
    pub async fn another_gate(
        &self,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> (HerokuSso, SocketAddr) {
        let sso = set_up(builder(&self.heroku, &self.clock))
            .build()
            .await
            .unwrap();
        let address = serve(router(&sso, &self.reached)).await;
        (sso, address)
    }

    /// An add-on of an app with one collaborator, Ann, provisioned through the Partner API.
    pub async fn addon(&self) -> AddOn {
        let app = self.heroku.app("shop").collaborator("ann@example.com");
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        addon
    }

    /// Registers an add-on with a new grant, without the Partner API. Its list is not fetched yet.
    pub async fn register(&self, addon: &AddOn) -> ResourceId {
        let resource = addon.resource_id();
        let resources = self.sso.resources();
        resources.register(&resource, grant(addon)).await.unwrap();
        resource
    }

    /// This many add-ons of apps with one collaborator, Ann, registered and not fetched yet.
    pub async fn addons(&self, count: usize) -> Vec<AddOn> {
        let mut addons = Vec::with_capacity(count);
        for number in 0..count {
            let app = self.heroku.app(&format!("app-{number}"));
            let addon = app.collaborator("ann@example.com").addon();
            self.register(&addon).await;
            addons.push(addon);
        }
        addons
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser with this user signed in.
    pub async fn signed_in(&self, addon: &AddOn, email: &str) -> Browser {
        let browser = self.browser();
        let answer = browser.submit(&addon.sign_in_form(email)).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// The newest list of a resource.
    pub async fn refresh(&self, resource: &ResourceId) -> Arc<Snapshot> {
        self.sso.lists().refresh(resource).await.unwrap()
    }

    /// Advances the clock while the sync runs, until no list in use is older than `age`.
    pub async fn pass_until_fetched(&self, time: Duration, age: Duration) {
        self.clock.advance(time);
        let fetched = async {
            loop {
                let health = self.sso.lists().health().await;
                if health.oldest_in_use.is_some_and(|oldest| oldest <= age) {
                    break;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), fetched)
            .await
            .expect("the sync fetches due lists");
    }

    /// Waits until the sync makes no more calls.
    pub async fn quiet(&self) {
        // On a busy machine the sync may pause for a moment before it is done.
        self.quiet_for(Duration::from_millis(300)).await;
    }

    /// The same, for slower answers.
    pub async fn quiet_for(&self, time: Duration) {
        let step = Duration::from_millis(25);
        let (mut calls, mut rest) = (self.heroku.calls().count(Endpoint::Any), Duration::ZERO);
        for _ in 0..800 {
            tokio::time::sleep(step).await;
            let before = std::mem::replace(&mut calls, self.heroku.calls().count(Endpoint::Any));
            rest = if calls == before {
                rest + step
            } else {
                Duration::ZERO
            };
            if rest >= time {
                return;
            }
        }
        panic!("the sync does not become idle");
    }

    /// The number of requests that reached the wrapped service.
    pub fn reached(&self) -> usize {
        self.reached.load(Ordering::SeqCst)
    }

    /// Advances the clock while the sync runs, until it emits the expected change.
    pub async fn pass_until(&self, time: Duration, expected: impl Fn(&Change) -> bool) {
        let mut changes = self.sso.lists().changes();
        self.clock.advance(time);
        let seen = async { while !expected(&changes.next().await.expect("a running gate")) {} };
        tokio::time::timeout(Duration::from_secs(60), seen)
            .await
            .expect("the sync emits the expected change");
    }
}

/// The next change, without `CaughtUp`.
pub async fn next(changes: &mut Changes) -> Option<Change> {
    loop {
        match changes.next().await {
            Some(Change::CaughtUp) => {}
            change => return change,
        }
    }
}

pub fn builder(heroku: &Simulator, clock: &ManualClock) -> HerokuSsoBuilder {
    HerokuSso::builder(manifest(heroku))
        .api_url(heroku.url().parse().unwrap())
        .id_url(heroku.url().parse().unwrap())
        .clock(clock.clone())
}

pub fn manifest(heroku: &Simulator) -> Manifest {
    Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password()).unwrap(),
        SsoSalt::new(heroku.sso_salt()).unwrap(),
        ClientSecret::new(heroku.client_secret()).unwrap(),
    )
}

pub fn grant(addon: &AddOn) -> OauthGrant {
    OauthGrant::Code(addon.grant_code().into())
}

pub async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    address
}

/// One server-sent event, then open until the gate ends it.
pub async fn events() -> Body {
    endless("data: hello\n\n")
}

/// One line, then open until the gate ends it.
pub fn stream() -> Body {
    endless("here\n")
}

/// This text, then open until the gate ends it.
pub fn endless(text: &'static str) -> Body {
    let text = tokio_stream::once(Ok::<_, Infallible>(text));
    Body::from_stream(text.chain(tokio_stream::pending()))
}

fn router(sso: &HerokuSso, reached: &Arc<AtomicUsize>) -> Router {
    let count = |reached: &Arc<AtomicUsize>| {
        let reached = Arc::clone(reached);
        move || {
            reached.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (index, page, admin) = (count(reached), count(reached), count(reached));
    let admins = Router::new()
        .route(
            "/admin",
            get(move || async move {
                admin();
                "admin"
            }),
        )
        .route_layer(Require::any_of([Role::Admin, Role::Owner]));
    sso.protect(
        Router::new()
            .route(
                "/",
                get(move |user: HerokuUser| async move {
                    index();
                    format!("dashboard of {}", user.email())
                })
                .post(|| async { "posted" }),
            )
            .route("/stream", get(|_: HerokuUser| async { stream() }))
            .route(
                "/page",
                get(move || async move {
                    page();
                    "page"
                }),
            )
            .merge(admins),
    )
    .merge(sso.routes().partner_api(NoProvisioning))
    .route("/healthz", get(|| async { "ok" }))
}
