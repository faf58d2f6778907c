//! The gate is enforced for some resources, and observed for the others: the way from an app's own login to
//! the gate.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use heroku_addon_simulator::AddOn;
use http_body_util::{BodyExt as _, Full};
use support::browser::FORM;
use support::ids::AddOnExt as _;
use support::world::World;
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_heroku_sso::{
    Enforcement, HerokuUser, Observed, RejectionKind, ResourceId, ResourceRule, SetupError, Verdict,
};

use crate::setup;

/// Two add-ons that Ann may open. The gate is enforced for the first one.
struct Scene {
    world: World,
    enforced: AddOn,
    observed: AddOn,
    app: Router,
}

/// The resource of the app's own session: it trusts its cookie.
fn app_session(headers: &HeaderMap) -> Option<ResourceId> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    let mut cookies = cookies.split("; ");
    cookies
        .find_map(|cookie| cookie.strip_prefix("app="))?
        .parse()
        .ok()
}

fn app_resource(parts: &Parts) -> Option<ResourceId> {
    app_session(&parts.headers)
}

/// An app that lets every form in, and shows the resource of its own session.
fn own_app() -> Router {
    Router::new()
        .route("/heroku/sso", any(own_sign_in))
        .route("/page", get(own_page))
        .route("/logout", any(|| async { "signed out of the app" }))
}

async fn own_sign_in(request: Request) -> Response {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let resource = body
        .split('&')
        .find_map(|it| it.strip_prefix("resource_id="));
    let cookie = format!("app={}", resource.unwrap_or_default());
    ([(SET_COOKIE, cookie)], "the app's own sign-in").into_response()
}

async fn own_page(request: Request) -> Response {
    let user = request.extensions().get::<HerokuUser>();
    let user = user.map_or("no user".to_owned(), |user| user.email().to_string());
    match app_session(request.headers()) {
        Some(resource) => format!("data of {resource} for {user}").into_response(),
        None => (StatusCode::UNAUTHORIZED, "the app's own login").into_response(),
    }
}

impl Scene {
    async fn start() -> Self {
        let enforced_ids = Arc::new(Mutex::new(HashSet::new()));
        let ids = Arc::clone(&enforced_ids);
        let world = World::with(|builder| {
            let rule = ResourceRule::new(move |resource| ids.lock().unwrap().contains(resource));
            builder
                .enforcement(Enforcement::For(rule))
                .resource_of(app_resource)
        });
        let world = world.await;
        let enforced = world.addon().await;
        let observed = world
            .heroku
            .app("site")
            .collaborator("ann@example.com")
            .addon();
        assert_eq!(observed.provision().await.unwrap().status, 200);
        enforced_ids.lock().unwrap().insert(enforced.resource_id());
        let app = own_app().layer(world.sso.layer());
        Self {
            world,
            enforced,
            observed,
            app,
        }
    }

    async fn send(&self, request: Request) -> Answer {
        Answer::of(self.app.clone().oneshot(request).await.unwrap()).await
    }

    async fn sign_in(&self, addon: &AddOn) -> Answer {
        // A new second makes a new form.
        self.world.clock.advance(Duration::from_secs(1));
        self.send(form(&addon.sign_in_form("ann@example.com").body()))
            .await
    }

    async fn page(&self, cookies: &[&str]) -> Answer {
        let request = Request::get("/page").header(COOKIE, cookies.join("; "));
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

struct Answer {
    status: u16,
    session: Option<String>,
    verdict: Option<Verdict>,
    rejection: Option<RejectionKind>,
    body: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let cookies = response.headers().get_all(SET_COOKIE).iter();
        let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap());
        let session = cookies.find(|cookie| cookie.starts_with("__Host-heroku_sso="));
        let session = session.map(|cookie| cookie.split(';').next().unwrap().to_owned());
        let extensions = response.extensions();
        Self {
            status: response.status().as_u16(),
            session,
            verdict: extensions.get::<Observed>().map(Observed::verdict),
            rejection: extensions.get().copied(),
            body: {
                let body = response.into_body().collect().await.unwrap().to_bytes();
                String::from_utf8(body.to_vec()).unwrap()
            },
        }
    }
}

fn form(body: &str) -> Request {
    let request = Request::post("/heroku/sso").header(CONTENT_TYPE, FORM);
    request.body(Body::from(body.to_owned())).unwrap()
}

fn app_cookie(addon: &AddOn) -> String {
    format!("app={}", addon.id())
}

#[tokio::test]
async fn only_enforced_resources_need_a_session_of_the_gate() {
    let scene = Scene::start().await;
    let answer = scene.page(&[&app_cookie(&scene.observed)]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.verdict,
        Some(Verdict::SignInNeeded(RejectionKind::NoSession))
    );
    let answer = scene.page(&[&app_cookie(&scene.enforced)]).await;
    assert_eq!((answer.status, answer.verdict), (401, None));
    assert_eq!(answer.rejection, Some(RejectionKind::NoSession));
    let session = scene.sign_in(&scene.enforced).await.session.unwrap();
    let answer = scene.page(&[&app_cookie(&scene.enforced), &session]).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.ends_with("for ann@example.com"),
        "{}",
        answer.body
    );
    let session = scene.sign_in(&scene.observed).await.session.unwrap();
    let answer = scene.page(&[&app_cookie(&scene.observed), &session]).await;
    assert_eq!(
        (answer.status, answer.verdict),
        (200, Some(Verdict::Allowed))
    );
    assert!(answer.body.ends_with("for no user"), "{}", answer.body);
}

#[tokio::test]
async fn request_without_a_known_resource_is_enforced() {
    let scene = Scene::start().await;
    for cookies in [&[][..], &["app=x"], &["other=1"]] {
        let answer = scene.page(cookies).await;
        assert_eq!((answer.status, answer.verdict), (401, None), "{cookies:?}");
    }
    let missing = Request::get("/missing").body(Body::empty()).unwrap();
    assert_eq!(scene.send(missing).await.status, 401);
}

#[tokio::test]
async fn removed_person_of_an_enforced_resource_stays_out() {
    let scene = Scene::start().await;
    let of_enforced = scene.sign_in(&scene.enforced).await.session.unwrap();
    let of_observed = scene.sign_in(&scene.observed).await.session.unwrap();
    let (app_enforced, app_observed) = (app_cookie(&scene.enforced), app_cookie(&scene.observed));
    let data = format!("data of {}", scene.enforced.id());
    let before = scene.page(&[&app_enforced, &of_enforced]).await;
    assert!(before.body.starts_with(&data), "{}", before.body);
    scene.world.heroku.app("shop").remove("ann@example.com");
    scene.world.refresh(&scene.enforced.resource_id()).await;
    // Whichever of the cookies the user keeps.
    for app in ["", &app_enforced, &app_observed] {
        for gate in ["", &of_enforced, &of_observed, "__Host-heroku_sso=x"] {
            let answer = scene.page(&[app, gate]).await;
            assert!(!answer.body.contains(&data), "{app} {gate}");
            let is_in = answer.status == 200;
            assert_eq!(
                is_in,
                app == app_observed,
                "{app} {gate}: {}",
                answer.status
            );
        }
    }
    let answer = scene.sign_in(&scene.enforced).await;
    assert_eq!((answer.status, answer.session), (403, None));
    assert_eq!(answer.rejection, Some(RejectionKind::NotListed));
}

#[tokio::test]
async fn form_of_an_enforced_resource_does_not_reach_the_app() {
    let scene = Scene::start().await;
    let answer = scene.sign_in(&scene.enforced).await;
    assert_eq!((answer.status, answer.verdict), (303, None));
    let mut forged = scene.enforced.sign_in_form("ann@example.com");
    forged.set("email", "eve@example.com");
    let answer = scene.send(form(&forged.body())).await;
    assert_eq!((answer.status, answer.verdict), (403, None));
    let answer = scene.sign_in(&scene.observed).await;
    assert_eq!(
        (answer.status, answer.verdict),
        (200, Some(Verdict::Allowed))
    );
    assert_eq!(answer.body, "the app's own sign-in");
    // The app would accept it.
    let mut unsigned = scene.observed.sign_in_form("ann@example.com");
    unsigned.remove("user_scoped_resource_token");
    let answer = scene.send(form(&unsigned.body())).await;
    assert_eq!(answer.body, "the app's own sign-in");
    let rejected = Verdict::Rejected(RejectionKind::InvalidSignIn);
    assert_eq!(answer.verdict, Some(rejected));
}

/// The app might read another field than the gate, or the other one of two.
#[tokio::test]
async fn form_that_names_its_resource_ambiguously_is_enforced() {
    let scene = Scene::start().await;
    let (enforced, observed) = (scene.enforced.id(), scene.observed.id());
    let good = scene.observed.sign_in_form("ann@example.com").body();
    for body in [
        format!("{good}&id={enforced}"),
        format!("{good}&id=unknown"),
        format!("{good}&id="),
        format!("{good}&resource_id={enforced}"),
        format!("{good}&resource_id[]={enforced}"),
        format!("{good}&%72esource_id={enforced}"),
        good.replace(&observed.to_string(), "x"),
        good.replace("resource_id=", "resource="),
        good.replace("resource_id=", "id=x&resource_id="),
        "%zz".to_owned(),
        String::new(),
        "z".repeat(70_000),
    ] {
        let answer = scene.send(form(&body)).await;
        let what = body.chars().take(300).collect::<String>();
        assert_eq!(answer.verdict, None, "{what}");
        assert_ne!(answer.body, "the app's own sign-in", "{what}");
    }
    let query = Request::post(format!("/heroku/sso?resource_id={enforced}"));
    let query = query
        .header(CONTENT_TYPE, FORM)
        .body(Body::from(good.clone()))
        .unwrap();
    let get = Request::get(format!("/heroku/sso?{good}"))
        .body(Body::empty())
        .unwrap();
    let json = Request::post("/heroku/sso").header(CONTENT_TYPE, "application/json");
    let json = json.body(Body::from(good.clone())).unwrap();
    for request in [query, get, json] {
        let what = format!("{request:?}");
        assert_eq!(scene.send(request).await.verdict, None, "{what}");
    }
    // Both names of the same resource.
    let answer = scene.send(form(&format!("{good}&id={observed}"))).await;
    assert_eq!(answer.body, "the app's own sign-in");
}

/// The gate cannot replay a body of an unknown type to the app, so it answers every form itself.
#[tokio::test]
async fn form_in_a_body_of_another_type_is_enforced() {
    let scene = Scene::start().await;
    let app = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Body::from("the app")))
    });
    let gate = scene.world.sso.layer().layer(app);
    let sign_in = async |addon: &AddOn, email: &str| {
        let request = Request::post("/heroku/sso").header(CONTENT_TYPE, FORM);
        let body = Full::from(addon.sign_in_form(email).body());
        let response = gate.clone().oneshot(request.body(body).unwrap()).await;
        response.unwrap().status()
    };
    for addon in [&scene.observed, &scene.enforced] {
        assert_eq!(sign_in(addon, "ann@example.com").await, 303);
        assert_eq!(sign_in(addon, "eve@example.com").await, 403);
    }
}

/// Without the rule's decision the request must not pass.
#[tokio::test]
async fn panic_in_a_rule_stops_the_request_before_the_app() {
    let says_nothing: fn(&Parts) -> Option<ResourceId> = |_| panic!("no resource");
    for (resource_of, path) in [
        (app_resource as fn(&Parts) -> _, "/page"),
        (app_resource, "/heroku/sso"),
        (says_nothing, "/page"),
    ] {
        let world = World::with(|builder| {
            let rule = ResourceRule::new(|_| panic!("no decision"));
            builder
                .enforcement(Enforcement::For(rule))
                .resource_of(resource_of)
        });
        let world = world.await;
        let addon = world.addon().await;
        let reached = Arc::new(Mutex::new(0));
        let count = Arc::clone(&reached);
        let app = Router::new()
            .fallback(move || async move { *count.lock().unwrap() += 1 })
            .layer(world.sso.layer());
        let mut request = form(&addon.sign_in_form("ann@example.com").body());
        *request.uri_mut() = path.parse().unwrap();
        let cookie = app_cookie(&addon).parse().unwrap();
        request.headers_mut().insert(COOKIE, cookie);
        let sent = tokio::spawn(app.oneshot(request)).await;
        assert!(sent.unwrap_err().is_panic(), "{path}");
        assert_eq!(*reached.lock().unwrap(), 0, "{path}");
    }
}

#[tokio::test]
async fn sign_out_is_the_gates_for_enforced_resources_only() {
    let scene = Scene::start().await;
    let session = scene.sign_in(&scene.enforced).await.session.unwrap();
    let sign_out = |cookies: String| {
        let request = Request::post("/logout").header(COOKIE, cookies);
        scene.send(request.body(Body::empty()).unwrap())
    };
    let answer = sign_out(app_cookie(&scene.observed)).await;
    assert_eq!(answer.body, "signed out of the app");
    let cookies = format!("{}; {session}", app_cookie(&scene.enforced));
    assert_eq!(sign_out(cookies).await.status, 204);
    let answer = scene.page(&[&app_cookie(&scene.enforced), &session]).await;
    assert_eq!(answer.status, 401);
}

/// Under full enforcement too, the app's own session could be of another resource than the gate's.
#[tokio::test]
async fn app_session_of_another_resource_than_the_gates_is_refused() {
    let world = World::with(|builder| builder.resource_of(app_resource)).await;
    let shop = world.addon().await;
    let site = world
        .heroku
        .app("site")
        .collaborator("ann@example.com")
        .addon();
    assert_eq!(site.provision().await.unwrap().status, 200);
    let app = own_app().layer(world.sso.layer());
    let send = async |request| Answer::of(app.clone().oneshot(request).await.unwrap()).await;
    let sent = form(&site.sign_in_form("ann@example.com").body());
    let session = send(sent).await.session.unwrap();
    for (addon, status) in [(&shop, 403), (&site, 200), (&shop, 403)] {
        let cookies = format!("{}; {session}", app_cookie(addon));
        let request = Request::get("/page").header(COOKIE, cookies);
        let answer = send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, status);
        let other = (status == 403).then_some(RejectionKind::OtherResource);
        assert_eq!(answer.rejection, other);
    }
}

#[tokio::test]
async fn resource_in_the_path_decides_what_is_enforced() {
    let enforced_ids = Arc::new(Mutex::new(HashSet::new()));
    let ids = Arc::clone(&enforced_ids);
    let world = World::with(|builder| {
        let rule = ResourceRule::new(move |resource| ids.lock().unwrap().contains(resource));
        builder
            .enforcement(Enforcement::For(rule))
            .resource_in_path("/addons/{resource}")
    });
    let world = world.await;
    let (shop, site) = (world.addon().await, world.heroku.app("site").addon());
    enforced_ids.lock().unwrap().insert(shop.resource_id());
    let app = Router::new()
        .fallback(|| async { "app" })
        .layer(world.sso.layer());
    for (path, status) in [
        (format!("/addons/{}", shop.id()), 401),
        (format!("/addons/{}/x", site.id()), 200),
        (format!("/addons/{}/../{}", site.id(), shop.id()), 401),
        ("/".to_owned(), 401),
    ] {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{path}");
    }
}

#[tokio::test]
async fn partial_enforcement_needs_the_resource_of_a_request() {
    let partial = || setup::builder().enforcement(Enforcement::share(50));
    let error = partial().build().await.unwrap_err();
    assert!(matches!(error, SetupError::Needs { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("resource_of or resource_in_path"),
        "{error}"
    );
    let by_session = partial().resource_of(app_resource);
    by_session.build().await.unwrap();
    let by_path = partial().resource_in_path("/addons/{resource}");
    by_path.build().await.unwrap();
    let both = partial()
        .resource_of(app_resource)
        .resource_in_path("/addons/{resource}");
    let error = both.build().await.unwrap_err();
    assert!(matches!(error, SetupError::Excluded { .. }), "{error}");
}

#[tokio::test]
async fn signed_link_leads_through_heroku_under_partial_enforcement() {
    let scene = Scene::start().await;
    scene.world.refresh(&scene.enforced.resource_id()).await;
    let lists = scene.world.sso.lists();
    let link = lists.link(&scene.enforced.resource_id(), "/page").unwrap();
    let request = Request::get(&link).body(Body::empty()).unwrap();
    let answer = scene.send(request).await;
    assert_eq!((answer.status, answer.verdict), (303, None));
    assert_ne!(answer.body, "the app's own sign-in");
}

#[tokio::test]
async fn protect_enforces_and_observes_by_resource() {
    let mut scene = Scene::start().await;
    scene.app = scene.world.sso.protect(own_app());
    let (enforced, observed) = (app_cookie(&scene.enforced), app_cookie(&scene.observed));
    let answer = scene.page(&[&enforced]).await;
    assert_eq!((answer.status, answer.verdict), (401, None));
    assert_eq!(scene.page(&[&observed]).await.status, 200);
    assert_eq!(scene.page(&[]).await.status, 401);
    let answer = scene.sign_in(&scene.observed).await;
    assert_eq!(answer.body, "the app's own sign-in");
    let session = scene.sign_in(&scene.enforced).await.session.unwrap();
    let answer = scene.page(&[&enforced, &session]).await;
    let is_anns = answer.body.ends_with("for ann@example.com");
    assert!(is_anns, "{}", answer.body);
}
