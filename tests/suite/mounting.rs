//! Mounting: the layer around every supported kind of service.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use heroku_addon_simulator::SignInForm;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use http_body_util::{BodyExt, Full};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_heroku_sso::{HerokuSso, HerokuUser, RejectionKind, Require, Role};

use support::browser::{Browser, FORM};
use support::world::{UNUSED, World, serve};

/// `page` answers 401 without a session and 200 after Ann's sign-in at `sso_path`.
async fn assert_guards(world: &World, app: Router, sso_path: &str, landing: &str, page: &str) {
    let addon = world.addon().await;
    let browser = Browser::new(serve(app).await);
    assert_eq!(browser.fetch(page).await.status, 401);
    let form = addon.sign_in_form("ann@example.com").body();
    let answer = browser.submit_body(sso_path, &form).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some(landing))
    );
    let answer = browser.fetch(page).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "ann@example.com")
    );
    // The landing page exists.
    assert_ne!(browser.fetch(landing).await.status, 404, "{landing}");
}

async fn email(user: HerokuUser) -> String {
    user.email().to_string()
}

#[tokio::test]
async fn layer_guards_a_whole_router() {
    let world = World::start().await;
    let app = Router::new()
        .route("/", get(email))
        .layer(world.sso.layer());
    assert_guards(&world, app, "/heroku/sso", "/", "/").await;
}

#[tokio::test]
async fn layer_guards_nested_routes_and_fallback() {
    let world = World::start().await;
    let app = Router::new()
        .route("/", get(email))
        .nest("/api", Router::new().route("/me", get(email)))
        .fallback(|| async { (StatusCode::NOT_FOUND, "our own 404") })
        .layer(world.sso.layer());
    let addon = world.addon().await;
    let browser = Browser::new(serve(app).await);
    for path in ["/", "/api/me", "/api/nothing", "/nothing"] {
        assert_eq!(browser.fetch(path).await.status, 401, "{path}");
    }
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/api/me").await.body, "ann@example.com");
    assert_eq!(browser.fetch("/nothing").await.body, "our own 404");
}

#[tokio::test]
async fn a54_route_layer_with_merged_endpoints_guards_the_page() {
    let world = World::with(|builder| builder.landing_path("/me")).await;
    let app = Router::new()
        .route("/me", get(email))
        .route_layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    assert_guards(&world, app, "/heroku/sso", "/me", "/me").await;
}

#[tokio::test]
async fn a54_nested_gate_has_its_paths_below_the_prefix() {
    let world = World::start().await;
    let inner = Router::new()
        .route("/", get(email))
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let app = Router::new()
        .nest("/addon", inner)
        .route("/", get(|| async { "public" }));
    assert_guards(&world, app, "/addon/heroku/sso", "/addon", "/addon").await;
}

#[tokio::test]
async fn nested_gate_has_its_sign_out_path_below_the_prefix() {
    let world = World::start().await;
    let addon = world.addon().await;
    let sign_out = get(|user: HerokuUser| async move { user.sign_out_path() });
    let inner = Router::new()
        .route("/", sign_out.clone())
        .route("/page", sign_out)
        .layer(world.sso.layer())
        .merge(world.sso.routes().sign_in());
    let browser = Browser::new(serve(Router::new().nest("/addon", inner)).await);
    let form = addon.sign_in_form("ann@example.com").body();
    let answer = browser.submit_body("/addon/heroku/sso", &form).await;
    assert_eq!(answer.status, 303);
    for page in ["/addon/page", "/addon"] {
        assert_eq!(browser.fetch(page).await.body, "/addon/logout", "{page}");
    }
}

#[tokio::test]
async fn a54_gate_around_nested_routers_uses_full_paths() {
    let world =
        World::with(|builder| builder.sso_path("/addon/heroku/sso").landing_path("/addon")).await;
    let inner = Router::new().route("/", get(email));
    let app = Router::new().nest("/addon", inner).layer(world.sso.layer());
    assert_guards(&world, app, "/addon/heroku/sso", "/addon", "/addon").await;
}

/// The prefix is taken off between the gate's own paths and the pages, or before both.
#[tokio::test]
async fn c46_deep_link_survives_nest() {
    for (landing, is_protect) in [("/admin", false), ("/", true)] {
        let world = World::with(|builder| builder.landing_path(landing)).await;
        let addon = world.addon().await;
        let pages = Router::new()
            .route("/", get(email))
            .route("/deep", get(email))
            .route("/other", get(email));
        let sso = &world.sso;
        let (app, sso_path) = match is_protect {
            true => {
                let app = Router::new().nest("/admin", sso.protect(pages));
                (app, "/admin/heroku/sso")
            }
            false => {
                let app = Router::new().nest("/admin", pages.layer(sso.layer()));
                (app.merge(sso.routes().sign_in()), "/heroku/sso")
            }
        };
        let browser = Browser::new(serve(app).await);
        let form = || addon.sign_in_form("ann@example.com").body();
        let answer = browser.submit_body(sso_path, &form()).await;
        assert_eq!(answer.header("location"), Some("/admin"));
        assert_eq!(browser.get("/admin").await.status, 200);
        world.clock.advance(UNUSED);
        let bounced = browser.get("/admin/deep?x=1").await;
        assert_eq!(bounced.status, 303, "{bounced:?}");
        let answer = browser.submit_body(sso_path, &form()).await;
        assert_eq!(answer.header("location"), Some("/admin"));
        // Only the landing page leads back.
        assert_eq!(browser.get("/admin/other").await.status, 200);
        let landing = browser.get("/admin").await;
        assert_eq!(landing.header("location"), Some("/admin/deep?x=1"));
        assert_eq!(browser.get("/admin/deep?x=1").await.status, 200);
    }
}

/// The one way in which it compiles with `axum::serve`, as the docs show it.
#[tokio::test]
async fn c51_layer_guards_a_service_builder_around_a_router() {
    let world = World::start().await;
    let router = Router::new().route("/", get(email));
    let gated = tower::ServiceBuilder::new()
        .layer(world.sso.layer())
        .layer(tower::layer::util::Identity::new())
        .service(router);
    let app = Router::new().fallback_service(gated);
    assert_guards(&world, app, "/heroku/sso", "/", "/").await;
}

#[tokio::test]
async fn layer_guards_a_single_method_router() {
    let world = World::start().await;
    let app = Router::new()
        .route("/", get(email).layer(world.sso.layer()))
        .merge(world.sso.routes().sign_in());
    assert_guards(&world, app, "/heroku/sso", "/", "/").await;
}

/// A path rewritten between the router and the gate is not taken for a prefix.
#[tokio::test]
async fn path_rewriting_layer_does_not_change_the_sign_out_path() {
    let world = World::start().await;
    let addon = world.addon().await;
    let sign_out = get(|user: HerokuUser| async move { user.sign_out_path() });
    let rewrite = |mut request: Request<Body>| async {
        if request.uri().path() == "/old" {
            *request.uri_mut() = "/new".parse().unwrap();
        }
        request
    };
    let app = Router::new()
        .route("/old", sign_out)
        .layer(world.sso.layer())
        .layer(axum::middleware::map_request(rewrite))
        .merge(world.sso.routes().sign_in());
    let browser = Browser::new(serve(app).await);
    browser.submit(&addon.sign_in_form("ann@example.com")).await;
    assert_eq!(browser.fetch("/old").await.body, "/logout");
}

#[tokio::test]
async fn layer_guards_a_plain_tower_service() {
    let world = World::start().await;
    let addon = world.addon().await;
    let plain = service_fn(|request: Request<Full<Bytes>>| async move {
        let user = request.extensions().get::<HerokuUser>().unwrap();
        let body = match request.uri().path() {
            "/nothing" => String::new(),
            _ => user.email().to_string(),
        };
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(body))))
    });
    let gate = world.sso.layer().layer(plain);

    let request = Request::get("/").body(Full::default()).unwrap();
    let refused = gate.clone().oneshot(request).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);

    let signed_in = gate
        .clone()
        .oneshot(post(&addon.sign_in_form("ann@example.com")))
        .await;
    let signed_in = signed_in.unwrap();
    assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().to_owned();

    let get = |path: &str| {
        let request = Request::get(path).header("cookie", &cookie);
        gate.clone().oneshot(request.body(Full::default()).unwrap())
    };
    let answer = get("/").await.unwrap();
    // A server needs the exact length and the end of the stream.
    assert_eq!(answer.body().size_hint().exact(), Some(15));
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "ann@example.com");
    assert!(get("/nothing").await.unwrap().body().is_end_stream());
}

fn post(form: &SignInForm) -> Request<Full<Bytes>> {
    let request = Request::post("/heroku/sso").header("content-type", FORM);
    request.body(Full::from(form.body())).unwrap()
}

#[tokio::test]
async fn gate_follows_inner_readiness_and_rejects_without_calling_it() {
    let world = World::start().await;
    let (mut gate, mut inner) = tower_test::mock::spawn_layer(world.sso.layer());
    inner.allow(0);
    assert!(gate.poll_ready().is_pending());
    inner.allow(1);
    assert!(gate.poll_ready().is_ready());
    let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let response: Response<_> = gate.call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    drop((gate, response));
    // A forwarded request would arrive here.
    let none: Option<(_, tower_test::mock::SendResponse<Response<Full<Bytes>>>)> =
        inner.next_request().await;
    assert!(none.is_none());
}

#[tokio::test]
async fn role_guard_follows_inner_readiness() {
    let layer = Require::any_of([Role::Admin]);
    let (mut guard, mut inner) = tower_test::mock::spawn_layer(layer);
    inner.allow(0);
    assert!(guard.poll_ready().is_pending());
    inner.allow(1);
    assert!(guard.poll_ready().is_ready());
    let request = Request::get("/").body(Full::<Bytes>::default()).unwrap();
    let response: Response<_> = guard.call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    drop((guard, response));
    let none: Option<(_, tower_test::mock::SendResponse<Response<Full<Bytes>>>)> =
        inner.next_request().await;
    assert!(none.is_none());
}

/// Tokio's time is paused and jumps to the next timer.
#[tokio::test(start_paused = true)]
async fn a20_sign_in_with_a_stalled_body_gets_408() {
    let sso = crate::setup::builder().build().await.unwrap();
    let inner =
        service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let never = tokio_stream::pending::<Result<Bytes, Infallible>>();
    let request = Request::post("/heroku/sso").header("content-type", FORM);
    let request = request.body(Body::from_stream(never)).unwrap();
    let begun = tokio::time::Instant::now();
    let answer = sso.layer().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answer.headers()["connection"], "close");
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[test]
fn public_types_are_send_sync_and_clone() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<HerokuSso>();
    shared::<HerokuUser>();
    shared::<tower_heroku_sso::gate::HerokuSsoLayer>();
}

#[tokio::test]
async fn gate_exposes_the_inner_service() {
    let world = World::start().await;
    let mut gate = world.sso.layer().layer(7);
    assert_eq!((*gate.get_ref(), *gate.get_mut()), (7, 7));
    assert_eq!(gate.into_inner(), 7);
    let _: &dyn Fn(Router) -> _ = &|router: Router| {
        fn is_service<S: Service<Request<axum::body::Body>>>(_: &S) {}
        let gate = world.sso.layer().layer(router);
        is_service(&gate);
    };
}

#[tokio::test]
async fn truncated_form_body_is_rejected_as_invalid_sign_in() {
    let world = World::start().await;
    let plain = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Body::empty())) });
    let gate = world.sso.layer().layer(plain);
    let cut_off = tokio_stream::once(Err::<Bytes, _>(std::io::Error::other("cut off")));
    let request = Request::post("/heroku/sso").header("content-type", FORM);
    let request = request.body(Body::from_stream(cut_off)).unwrap();
    let answer = gate.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    let kind = answer.extensions().get::<RejectionKind>();
    assert_eq!(kind, Some(&RejectionKind::InvalidSignIn));
}
