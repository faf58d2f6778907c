//! The readiness report: what a partner must do before the gate is enforced.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, SET_COOKIE};
use heroku_addon_simulator::{AddOn, Endpoint, Fault};
use support::browser::FORM;
use support::ids::AddOnExt as _;
use support::world::{REFRESH, World};
use tower::ServiceExt as _;
use tower_heroku_sso::readiness::Readiness;
use tower_heroku_sso::{Clock as _, Enforcement, HerokuSsoBuilder, ImportRecord, Tokens};

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
        let observing = |builder: HerokuSsoBuilder| builder.enforcement(Enforcement::Observe);
        let world = World::with(|builder| set_up(observing(builder))).await;
        let addon = world.addon().await;
        let app = Router::new()
            .fallback(|| async { "app" })
            .layer(world.sso.layer());
        Self { world, addon, app }
    }

    async fn submit(&self, body: String) -> Option<String> {
        let request = Request::post("/heroku/sso").header(CONTENT_TYPE, FORM);
        let response = self
            .app
            .clone()
            .oneshot(request.body(Body::from(body)).unwrap());
        let response = response.await.unwrap();
        let cookie = response.headers().get(SET_COOKIE)?.to_str().unwrap();
        Some(cookie.split(';').next().unwrap().to_owned())
    }

    async fn sign_in(&self, addon: &AddOn, email: &str) -> Option<String> {
        self.submit(addon.sign_in_form(email).body()).await
    }

    async fn page(&self, cookie: &str) {
        let request = Request::get("/page").header("cookie", cookie);
        let request = request.body(Body::empty()).unwrap();
        self.app.clone().oneshot(request).await.unwrap();
    }

    fn report(&self) -> Readiness {
        self.world.sso.readiness()
    }
}

#[tokio::test]
async fn nothing_observed_is_not_ready() {
    let scene = Scene::start().await;
    let report = scene.report();
    assert!(!report.ready);
    assert!(report.to_string().starts_with("not ready: "), "{report}");
    assert!(
        report.to_string().contains("no sign-in was observed"),
        "{report}"
    );
    scene
        .sign_in(&scene.addon, "ann@example.com")
        .await
        .unwrap();
    let report = scene.report();
    assert!(report.ready, "{report}");
    assert!(report.to_string().starts_with("ready"), "{report}");
}

#[tokio::test]
async fn rejected_requests_are_counted_by_reason_and_day() {
    let scene = Scene::start().await;
    let cookie = scene
        .sign_in(&scene.addon, "ann@example.com")
        .await
        .unwrap();
    let bob = scene.world.heroku.app("shop");
    bob.collaborator("bob@example.com");
    let bobs = scene
        .sign_in(&scene.addon, "bob@example.com")
        .await
        .unwrap();
    bob.remove("bob@example.com");
    scene.world.refresh(&scene.addon.resource_id()).await;
    for cookie in [&cookie, &cookie, &cookie, &bobs, &bobs] {
        scene.page(cookie).await;
    }
    scene.world.clock.advance(Duration::from_secs(24 * 3600));
    scene.page("").await;
    let report = scene.report();
    let [first, second] = &report.days[..] else {
        panic!("{:?}", report.days);
    };
    assert_eq!((first.requests.allowed, second.requests.allowed), (3, 0));
    assert_eq!(first.requests.rejected["not-listed"], 1);
    assert_eq!(
        (
            first.requests.sign_in_needed,
            second.requests.sign_in_needed
        ),
        (1, 1)
    );
    assert_eq!(report.requests().rejected_share(), Some(0.25));
    assert_eq!(report.sign_ins().allowed, 2);
    let json = serde_json::to_value(&report).unwrap();
    let today = scene.world.clock.now().date().to_string();
    assert_eq!(json["days"][1]["date"], today);
    assert_eq!(json["days"][0]["requests"]["rejected"]["not-listed"], 1);
    let off_list = json["off_list"].as_object().unwrap();
    assert_eq!(off_list.values().collect::<Vec<_>>(), [1]);
    // To reject a removed user is the gate's purpose, and no reason against enforcing it.
    assert!(report.ready, "{report}");
    assert!(!json.to_string().contains('@'), "{json}");
    assert!(!format!("{report:?}").contains('@'));
}

/// Users of these attached apps would get 503.
#[tokio::test]
async fn list_whose_attached_apps_cannot_be_read_is_failing() {
    let scene = Scene::with(HerokuSsoBuilder::include_attached_apps).await;
    let (world, id) = (&scene.world, scene.addon.resource_id());
    world.heroku.app("bank").attach(&scene.addon);
    let faults = world.heroku.faults();
    faults.set(Endpoint::AttachedCollaborators, Fault::Html503);
    let signed_in = scene.sign_in(&scene.addon, "ann@example.com").await;
    assert!(signed_in.is_some());
    world.sso.lists().refresh(&id).await.unwrap_err();
    let report = scene.report();
    let failing = |report: &Readiness| report.failing.clone().into_iter().collect::<Vec<_>>();
    assert_eq!(failing(&report), [(id, "unavailable")]);
    assert!(!report.ready, "{report}");
    faults.clear_all();
    world.clock.advance(Duration::from_secs(60));
    world.refresh(&id).await;
    let report = scene.report();
    assert_eq!(failing(&report), []);
    assert!(report.ready, "{report}");
}

/// Another policy would accept it, but its email needs no weaker one.
#[tokio::test]
async fn form_by_get_with_a_signed_email_is_no_unsigned_sign_in() {
    let scene = Scene::start().await;
    let mut form = scene.addon.sign_in_form("ann@example.com");
    for unsigned in [0, 1] {
        let uri = format!("/heroku/sso?{}", form.body());
        let request = Request::get(uri).body(Body::empty()).unwrap();
        scene.app.clone().oneshot(request).await.unwrap();
        assert_eq!(scene.report().unsigned_sign_ins, unsigned);
        form.remove("user_scoped_resource_token");
    }
}

#[tokio::test]
async fn report_names_everything_that_is_missing() {
    let scene = Scene::start().await;
    scene
        .sign_in(&scene.addon, "ann@example.com")
        .await
        .unwrap();
    // An add-on that was never registered.
    let foreign = scene
        .world
        .heroku
        .app("other")
        .collaborator("eve@example.com")
        .addon();
    assert_eq!(scene.sign_in(&foreign, "eve@example.com").await, None);
    // A form that Heroku did not sign for the email.
    let mut unsigned = scene.addon.sign_in_form("ann@example.com");
    unsigned.remove("user_scoped_resource_token");
    scene.submit(unsigned.body()).await;
    // Two strangers, one of them twice.
    for email in ["eve@example.com", "mia@example.com", "eve@example.com"] {
        scene.world.clock.advance(Duration::from_secs(1));
        scene.sign_in(&scene.addon, email).await;
    }
    // A resource whose tokens Heroku does not know.
    let lost = scene.world.heroku.app("lost").addon();
    let at = scene.world.clock.now();
    let tokens = Tokens::new("HRKU-AA-no-such", "no-such-refresh", at);
    let grant = tower_heroku_sso::OauthGrant::Tokens(tokens);
    let lists = scene.world.sso.lists();
    let resources = scene.world.sso.resources();
    resources
        .register(&lost.resource_id(), grant)
        .await
        .unwrap();
    lists.refresh(&lost.resource_id()).await.unwrap_err();
    // One that was imported and not fetched yet.
    let imported = scene.world.heroku.app("imported").addon();
    let tokens = Tokens::new("HRKU-AA-imported", "imported", at);
    let row = ImportRecord::new(imported.resource_id(), tokens);
    let rows = [Ok::<_, Infallible>(row)];
    resources.import(rows).run().await.unwrap();
    // One whose list cannot be fetched.
    scene.world.clock.advance(REFRESH);
    scene
        .world
        .heroku
        .faults()
        .set(Endpoint::AddOn, Fault::Html503);
    lists.refresh(&scene.addon.resource_id()).await.unwrap_err();
    let report = scene.report();
    assert_eq!(report.unregistered, [foreign.resource_id()]);
    assert_eq!(report.unsigned_sign_ins, 1);
    assert_eq!(report.off_list.values().collect::<Vec<_>>(), [&2]);
    assert_eq!(report.without_grant, [lost.resource_id()]);
    let failing = [(scene.addon.resource_id(), "unavailable")];
    assert_eq!(report.failing, failing.into());
    assert_eq!((report.resources, report.without_list), (3, 2));
    assert_eq!(report.not_fetched_yet, 1);
    assert!(!report.ready);
    for part in [
        "1 resource has no grant",
        "1 resource with sign-ins is not registered",
        "1 list could not be fetched",
        "1 list was not fetched yet",
        "1 sign-in had no email that Heroku signed",
        "people off their list: 2",
    ] {
        assert!(report.to_string().contains(part), "{report}");
    }
}

#[tokio::test]
async fn deprovisioned_resource_is_not_missing() {
    let scene = Scene::start().await;
    let cookie = scene.sign_in(&scene.addon, "ann@example.com").await;
    let cookie = cookie.unwrap();
    let id = scene.addon.resource_id();
    scene.world.sso.resources().deprovision(&id).await.unwrap();
    scene.page(&cookie).await;
    scene.world.clock.advance(Duration::from_secs(1));
    assert_eq!(scene.sign_in(&scene.addon, "ann@example.com").await, None);
    let report = scene.report();
    assert_eq!(report.requests().total(), 1);
    assert_eq!(report.unregistered, []);
    assert!(report.ready, "{report}");
}
