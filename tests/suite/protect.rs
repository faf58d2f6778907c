//! `protect`: every way of mounting the router that it returns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{any, get, post};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use tower::ServiceExt;
use tower::layer::util::Identity;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::store::MemoryStore;
use tower_heroku_sso::{HerokuSso, HerokuUser, RejectionKind, WebhookSecret, Webhooks};

use support::browser::FORM;
use support::ids::AddOnExt as _;
use support::world::{World, builder};

use crate::log::Log;

type Step = fn(&HerokuSso, Router) -> Router;

/// Changes of the router before `protect`. Each keeps `/page`.
const BEFORE: &[(&str, Step)] = &[
    ("nothing", |_, router| router),
    ("route", |_, router| router.route("/other", get(email))),
    ("merge", |_, router| {
        router.merge(Router::new().route("/merged", get(email)))
    }),
    ("nest", |_, router| {
        router.nest("/api", Router::new().route("/me", get(email)))
    }),
    ("nest_service", |_, router| {
        router.nest_service("/files", Router::new().route("/one", get(email)))
    }),
    ("route_layer", |_, router| {
        router.route_layer(map_response(mark))
    }),
    ("layer", |_, router| router.layer(map_response(mark))),
    ("fallback", |_, router| router.fallback(email)),
    ("fallback_service", |_, router| {
        router.fallback_service(Router::new().fallback(email))
    }),
    ("method_not_allowed_fallback", |_, router| {
        router.method_not_allowed_fallback(email)
    }),
    ("with_state", |_, router| {
        let stateful = Router::new().route("/state", get(|State(()): State<()>| async {}));
        router.merge(stateful.with_state(()))
    }),
    ("a catch-all route", |_, router| {
        router.route("/{*rest}", any(email))
    }),
    ("a route with a parameter", |_, router| {
        router.route("/{name}", get(email))
    }),
    ("a page at the root", |_, router| {
        router.route("/", get(email))
    }),
    ("a sign-out of its own", |_, router| {
        router.route("/logout", get(email))
    }),
    ("an sso path of its own", |_, router| {
        router.route("/heroku/sso", post(|| async { "own" }))
    }),
    ("sign_in", |sso, router| {
        router.merge(sso.routes().sign_in())
    }),
    ("layer of the gate", |sso, router| router.layer(sso.layer())),
    ("protect", |sso, router| sso.protect(router)),
    ("partner_api", |sso, router| {
        router.merge(sso.routes().partner_api(NoProvisioning))
    }),
    ("webhooks", |sso, router| {
        router.merge(sso.routes().webhooks())
    }),
];

/// Changes of the router that `protect` returns.
const AFTER: &[(&str, Step)] = &[
    ("nothing", |_, router| router),
    ("partner_api", |sso, router| {
        router.merge(sso.routes().partner_api(NoProvisioning))
    }),
    ("sign_in", |sso, router| {
        router.merge(sso.routes().sign_in())
    }),
    ("webhooks", |sso, router| {
        router.merge(sso.routes().webhooks())
    }),
    ("route", |_, router| router.route("/open", get(open))),
    ("merge", |_, router| {
        router.merge(Router::new().route("/open", get(open)))
    }),
    ("merge into", |_, router| {
        Router::new().route("/open", get(open)).merge(router)
    }),
    ("merge with a fallback", |_, router| {
        router.merge(Router::new().fallback(open))
    }),
    ("merge into one with a fallback", |_, router| {
        Router::new().fallback(open).merge(router)
    }),
    ("nest", |_, router| Router::new().nest("/base", router)),
    ("nest with a fallback", |_, router| {
        Router::new().nest("/base", router).fallback(open)
    }),
    ("nest_service", |_, router| {
        Router::new().nest_service("/base", router)
    }),
    ("fallback_service of", |_, router| {
        Router::new().fallback_service(router)
    }),
    ("fallback", |_, router| router.fallback(open)),
    ("reset_fallback", |_, router| router.reset_fallback()),
    ("method_not_allowed_fallback", |_, router| {
        router.method_not_allowed_fallback(open)
    }),
    ("layer", |_, router| router.layer(map_response(mark))),
    ("route_layer", |_, router| {
        router.route_layer(map_response(mark))
    }),
    ("ServiceBuilder", |_, router| {
        let outermost = tower::ServiceBuilder::new().layer(Identity::new());
        Router::new().fallback_service(outermost.service(router))
    }),
    ("layer of the gate", |sso, router| router.layer(sso.layer())),
    ("protect", |sso, router| sso.protect(router)),
    ("merge with another one", |sso, router| {
        router.merge(sso.protect(Router::new().route("/second", get(email))))
    }),
    ("nest another one", |sso, router| {
        router.nest(
            "/second",
            sso.protect(Router::new().route("/page", get(email))),
        )
    }),
];

const MERGE_FALLBACK: &str = "Cannot merge two `Router`s that both have a fallback";
const RESOURCES_INSIDE: &str = "`/heroku/resources` is inside of `protect`, where Heroku cannot call it: \
    merge `partner_api` into what `protect` returns: \
    `sso.protect(router).merge(sso.routes().partner_api(addon))`";
const SIGN_IN_INSIDE: &str = "`/heroku/sso` has a route inside of `protect`, which never gets a request: \
    remove `routes().sign_in()` from the router, as `protect` has these routes";
const WEBHOOKS_INSIDE: &str = "`/heroku/webhooks` is inside of `protect`, where Heroku cannot call it: \
    `protect` adds this route itself if webhooks are configured, so remove it from the router, and call \
    `protect` only once for it";

/// The sentence with which a pair is refused at the start; none if it works.
fn refusal(before: &str, after: &str) -> Option<&'static str> {
    match (before, after) {
        ("partner_api", _) => Some(RESOURCES_INSIDE),
        ("sign_in", _) => Some(SIGN_IN_INSIDE),
        ("webhooks" | "protect", _) | (_, "protect") => Some(WEBHOOKS_INSIDE),
        (_, "merge with a fallback" | "merge into one with a fallback") => Some(MERGE_FALLBACK),
        _ => None,
    }
}

async fn email(user: HerokuUser) -> String {
    user.email().to_string()
}

async fn open() -> &'static str {
    "open"
}

async fn mark(mut response: Response) -> Response {
    let mark = HeaderValue::from_static("yes");
    response.headers_mut().insert("x-marked", mark);
    response
}

/// A gate of its own for each pair: `protect` knows whether it was called before.
struct Pair {
    app: Router,
    prefix: &'static str,
    cookie: Option<String>,
}

struct Got {
    status: StatusCode,
    headers: HeaderMap,
    kind: Option<RejectionKind>,
    body: String,
}

impl Pair {
    async fn send(&self, method: Method, path: &str, body: &str) -> Got {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        if !body.is_empty() {
            request = request.header("content-type", FORM);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (parts, body) = self
            .app
            .clone()
            .oneshot(request)
            .await
            .unwrap()
            .into_parts();
        let body = to_bytes(body, 1 << 20).await.unwrap();
        Got {
            status: parts.status,
            headers: parts.headers,
            kind: parts.extensions.get().copied(),
            body: String::from_utf8(body.into()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Got {
        self.send(Method::GET, &format!("{}{path}", self.prefix), "")
            .await
    }

    /// A request without a session reaches no handler of the protected router.
    async fn assert_closed(&self, before: &str, after: &str) {
        for path in [
            "/page",
            "/other",
            "/merged",
            "/api/me",
            "/api/none",
            "/files/one",
            "/state",
            "/none",
            "/none/at/all",
            "/second",
            "/second/page",
            "/page/",
            "//page",
            "/",
        ] {
            for method in [Method::GET, Method::PUT, Method::OPTIONS] {
                let path = format!("{}{path}", self.prefix);
                let got = self.send(method.clone(), &path, "").await;
                let what = format!(
                    "{before} | {after}: {method} {path}: {} {}",
                    got.status, got.body
                );
                let is_rejected = got.kind == Some(RejectionKind::NoSession) && got.status == 401;
                // Outside of the gate, and of the protected router.
                let is_outside = got.body == "open" || got.status == 404;
                assert!(is_rejected || is_outside, "{what}");
                if path == format!("{}/page", self.prefix) && method == Method::GET {
                    assert!(is_rejected, "{what}");
                }
                // axum adds `Allow` to the answer of a plain layer.
                if is_rejected && after != "layer of the gate" {
                    let allow = got.headers.get("allow");
                    assert!(
                        allow.is_none_or(|allow| allow.is_empty()),
                        "{what}: {allow:?}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn every_pair_of_mountings_works_or_is_refused() {
    let world = World::start().await;
    let addon = world.addon().await;
    let store = MemoryStore::default();
    let secret = WebhookSecret::new("0123456789abcdef0123456789abcdef").unwrap();
    let mut is_registered = false;
    for (before, prepare) in BEFORE {
        for (after, mount) in AFTER {
            let sso = builder(&world.heroku, &world.clock)
                .store(store.clone())
                .webhooks(Webhooks::new(secret.clone()))
                .build()
                .await
                .unwrap();
            if !is_registered {
                let grant = support::world::grant(&addon);
                let registered = sso.resources().register(&addon.resource_id(), grant).await;
                registered.unwrap();
                is_registered = true;
            }
            let app = catch_unwind(AssertUnwindSafe(|| {
                let router = Router::new().route("/page", get(email));
                mount(&sso, sso.protect(prepare(&sso, router)))
            }));
            let app = match (app, refusal(before, after)) {
                (Ok(app), None) => app,
                (Ok(_), Some(_)) => panic!("{before} | {after} is not refused"),
                (Err(panic), expected) => {
                    let text = panic.downcast_ref::<String>().map(String::as_str);
                    let text = text.or(panic.downcast_ref::<&str>().copied());
                    assert_eq!(text, expected, "{before} | {after}");
                    continue;
                }
            };
            let prefix = match *after {
                "nest" | "nest with a fallback" | "nest_service" => "/base",
                _ => "",
            };
            let mut pair = Pair {
                app,
                prefix,
                cookie: None,
            };
            let what = format!("{before} | {after}");
            pair.assert_closed(before, after).await;

            let webhooks = format!("{prefix}/heroku/webhooks");
            let got = pair.send(Method::POST, &webhooks, "x").await;
            assert_eq!(got.status, 401, "{what}");
            // A gate around the protected router also covers this route.
            let is_gated = *after == "layer of the gate";
            assert_eq!(got.kind.is_some(), is_gated, "{what}");

            // A second later it is another form.
            world.clock.advance(Duration::from_secs(1));
            let form = addon.sign_in_form("ann@example.com").body();
            let got = pair
                .send(Method::POST, &format!("{prefix}/heroku/sso"), &form)
                .await;
            assert_eq!(got.status, 303, "{what}: {}", got.body);
            let landing = if prefix.is_empty() { "/" } else { prefix };
            assert_eq!(got.headers["location"], landing, "{what}");
            let cookie = got.headers["set-cookie"].to_str().unwrap();
            pair.cookie = Some(cookie.split(';').next().unwrap().to_owned());
            let got = pair.get("/page").await;
            assert_eq!(
                (got.status.as_u16(), &*got.body),
                (200, "ann@example.com"),
                "{what}"
            );

            let got = pair
                .send(Method::POST, &format!("{prefix}/logout"), "")
                .await;
            assert_eq!(got.status, 204, "{what}: {}", got.body);
            assert_eq!(pair.get("/page").await.status, 401, "{what}");
        }
    }
}

#[tokio::test]
async fn layers_after_protect_see_rejected_requests() {
    for wrap in [
        (|router| router.layer(map_response(mark))) as fn(Router) -> Router,
        |router| router.route_layer(map_response(mark)),
    ] {
        let sso = crate::setup::builder().build().await.unwrap();
        let app = wrap(sso.protect(Router::new().route("/page", get(email))));
        let request = Request::get("/page").body(Body::empty()).unwrap();
        let answer = app.oneshot(request).await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-marked"]),
            (401, &"yes".parse().unwrap())
        );
    }
}

/// Without a session, the answer is the same for a route, for another method of it, and for a missing route.
#[tokio::test]
async fn c48_stranger_cannot_tell_which_routes_there_are() {
    for (mounting, mount) in [
        (
            "merge",
            (|sso, router| {
                sso.protect(router)
                    .merge(sso.routes().partner_api(NoProvisioning))
            }) as Step,
        ),
        ("method_not_allowed_fallback", |sso, router| {
            sso.protect(router).method_not_allowed_fallback(open)
        }),
        ("a second one", |sso, router| {
            sso.protect(Router::new().route("/first", get(email)))
                .merge(sso.protect(router))
        }),
        ("into a second one", |sso, router| {
            let first = sso.protect(Router::new().route("/first", get(email)));
            sso.protect(router).merge(first)
        }),
    ] {
        let sso = crate::setup::builder().build().await.unwrap();
        let router = Router::new()
            .route("/page", get(email))
            .route("/form", post(email))
            .nest("/api", Router::new().route("/me", get(email)));
        assert_nothing_told(mounting, mount(&sso, router)).await;
    }
}

async fn assert_nothing_told(mounting: &str, app: Router) {
    for method in [
        Method::GET,
        Method::HEAD,
        Method::PUT,
        Method::OPTIONS,
        Method::DELETE,
    ] {
        let mut answers = Vec::new();
        for path in [
            "/page",
            "/form",
            "/api/me",
            "/api",
            "/none",
            "/api/none",
            "/",
        ] {
            let request = Request::builder().method(method.clone()).uri(path);
            let request = request.body(Body::empty()).unwrap();
            let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
            let mut headers = parts.headers;
            headers.remove("content-length"); // compared by the body
            let body = to_bytes(body, 1 << 20).await.unwrap();
            answers.push((parts.status, headers, body));
        }
        let [first, others @ ..] = &answers[..] else {
            unreachable!()
        };
        assert_eq!(first.0, 401);
        assert!(
            others.iter().all(|other| other == first),
            "{mounting}: {method}: {answers:?}"
        );
    }
}

/// As the docs of `protect` say, the paths of a second router can be told from missing ones where the
/// fallback is not that of the first. None of its handlers is reached.
#[tokio::test]
async fn c48_second_router_elsewhere_tells_its_paths_and_opens_none() {
    let sso = crate::setup::builder().build().await.unwrap();
    let first = sso.protect(Router::new().route("/first", get(email)));
    let second = sso.protect(Router::new().route("/page", get(email)));
    let beside = Router::new()
        .nest("/base", first.clone())
        .merge(second.clone());
    let other_methods = first
        .merge(second)
        .method_not_allowed_fallback(|| async { StatusCode::METHOD_NOT_ALLOWED });
    for (app, method, path, status) in [
        (&beside, Method::GET, "/page", 401),
        (&beside, Method::PUT, "/page", 401),
        (&beside, Method::GET, "/none", 404),
        (&beside, Method::GET, "/base/none", 401),
        (&other_methods, Method::GET, "/page", 401),
        (&other_methods, Method::PUT, "/page", 405),
        (&other_methods, Method::PUT, "/first", 401),
        (&other_methods, Method::PUT, "/none", 401),
    ] {
        let request = Request::builder().method(&method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let answer = app.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{method} {path}");
    }
}

#[tokio::test]
async fn c48_head_of_a_rejected_page_has_the_length_of_get() {
    let sso = crate::setup::builder().build().await.unwrap();
    let app = sso.protect(Router::new().route("/page", get(email)));
    let address = support::world::serve(app).await;
    let browser = support::browser::Browser::new(address);
    let page = browser.get("/page").await;
    let head = browser
        .request(reqwest::Method::HEAD, "/page")
        .header("accept", "text/html");
    let head = browser.send(head).await;
    assert_eq!((page.status, head.status), (401, 401));
    let length = page.body.len().to_string();
    assert_eq!(page.header("content-length"), Some(&*length));
    assert_eq!(head.header("content-length"), Some(&*length));
}

#[tokio::test]
async fn c49_own_sign_out_route_is_warned_of_at_the_start() {
    let log = Log::listen();
    let warned =
        |log: &Log, setting: &str| log.with(&["WARN", setting, "a path of the gate"]).len();
    let sso = crate::setup::builder().build().await.unwrap();
    let router = Router::new()
        .route("/{page}", get(email))
        .route("/heroku/{*rest}", get(email));
    let _ = sso.protect::<()>(router);
    assert_eq!(warned(&log, "setting"), 0, "{log:?}");
    let sso = crate::setup::builder().build().await.unwrap();
    let router = Router::new().nest("/logout", Router::new().route("/", get(email)));
    let _ = sso.protect::<()>(router);
    assert_eq!(
        warned(&log, "setting=\"sign_out_path\" path=\"/logout\""),
        1,
        "{log:?}"
    );
    let sso = crate::setup::builder()
        .sign_out_path("/leave")
        .build()
        .await
        .unwrap();
    let router = Router::new().route("/logout", get(email));
    let _ = sso.protect::<()>(router);
    assert_eq!(warned(&log, "setting"), 1, "{log:?}");
}

#[tokio::test]
async fn c49_sign_out_below_a_resource_is_warned_of_too() {
    let log = Log::listen();
    let sso = crate::setup::builder()
        .resource_in_path("/addons/{resource}")
        .build()
        .await
        .unwrap();
    let router = Router::new()
        .route("/addons/{id}", get(email))
        .route("/addons/{id}/logout", post(email));
    let _ = sso.protect::<()>(router);
    let warned = log.with(&["WARN", "sign_out_path", "/addons/{resource}/logout"]);
    assert_eq!(warned.len(), 1, "{log:?}");
}
