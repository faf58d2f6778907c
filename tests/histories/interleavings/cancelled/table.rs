//! The futures of a gate: its handles, its sync, its layers and its routes.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, header};
use axum::routing::get;
use heroku_sso_assertion::{AssertedUser, VerifyAssertion};
use tokio::net::TcpListener;
use tokio::task::yield_now;
use tower::ServiceExt;
use tower_heroku_sso::assertion::Assertions;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome};
use tower_heroku_sso::sync::Change;
use tower_heroku_sso::{BearerTokens, HerokuUser, ResourceId, SessionsError, VerifiedEmail};

use super::{Case, Ends, Scene};
use crate::interleavings::world::{
    ANN, BOB, COOKIE, Gate, REFRESH, address, by_heroku, key_of, sign_in, sign_out, visit,
    word_that_left,
};

const ED25519: &str = include_str!("../../../suite/jwt/ed25519_1.pem");
const ASSERTION: &str = "x-heroku-sso-assertion";

/// Includes the sync handle, the reader of changes and the store, by their method names.
pub const CASES: &[Case] = &[
    Case {
        name: "Lists::get",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let list = scene.cold.sso.lists().get(&scene.world.resource).await;
                list.unwrap().is_some()
            })
        },
    },
    Case {
        name: "Lists::explain",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let (sso, ann) = (&scene.cold.sso, ANN.parse().unwrap());
                let explanation = sso.lists().explain(&scene.world.resource, &ann, None).await;
                explanation.unwrap().is_admitted().is_some()
            })
        },
    },
    Case {
        name: "Lists::refresh",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                scene.world.heroku.tokens().expire_access();
                let list = scene.cold.sso.lists().refresh(&scene.world.resource).await;
                list.is_ok()
            })
        },
    },
    Case {
        name: "Resources::register",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let (sso, resource) = (&scene.gate.sso, &scene.world.resource);
                sso.resources()
                    .register(resource, scene.grant())
                    .await
                    .is_ok()
            })
        },
    },
    Case {
        name: "Resources::register_legacy",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let (sso, resource) = (&scene.gate.sso, &scene.world.resource);
                let id = format!("legacy-{resource}").parse().unwrap();
                sso.resources()
                    .register_legacy(resource, scene.grant(), id)
                    .await
                    .is_ok()
            })
        },
    },
    Case {
        name: "Resources::access_token",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                scene
                    .cold
                    .sso
                    .resources()
                    .access_token(&scene.world.resource)
                    .await
                    .is_ok()
            })
        },
    },
    Case {
        name: "Sessions::admit",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let (sso, resource) = (&scene.cold.sso, &scene.world.resource);
                let bob = VerifiedEmail::assume_verified(address(BOB));
                sso.sessions()
                    .admit(resource, &bob, &HeaderMap::new())
                    .await
                    .is_ok()
            })
        },
    },
    Case {
        name: "Sessions::revoke",
        ends: Ends::AnnsSession,
        work: |scene| {
            Box::pin(async {
                let (sso, resource) = (&scene.gate.sso, &scene.world.resource);
                sso.sessions().revoke(resource, &address(ANN)).await.is_ok()
            })
        },
    },
    Case {
        name: "Sessions::end",
        ends: Ends::AnnsSession,
        work: |scene| {
            Box::pin(async {
                let sessions = scene.gate.sso.sessions();
                sessions.end(&key_of(&scene.ann)).await.is_ok()
            })
        },
    },
    Case {
        name: "Sessions::end_all",
        ends: Ends::Sessions,
        work: |scene| {
            Box::pin(async {
                let sessions = scene.gate.sso.sessions();
                sessions.end_all(&scene.world.resource).await.is_ok()
            })
        },
    },
    Case {
        name: "Sessions::of",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let sessions = scene.cold.sso.sessions();
                let listed = sessions.of(&scene.world.resource).await;
                matches!(listed, Ok(_) | Err(SessionsError::NotListed))
            })
        },
    },
    Case {
        name: "Sessions::of_person",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let (sessions, ann) = (scene.cold.sso.sessions(), address(ANN));
                let listed = sessions.of_person(&scene.world.resource, &ann).await;
                matches!(listed, Ok(_) | Err(SessionsError::NotListed))
            })
        },
    },
    Case {
        name: "Resources::deprovision",
        ends: Ends::Resource,
        work: |scene| {
            Box::pin(async {
                scene
                    .gate
                    .sso
                    .resources()
                    .deprovision(&scene.world.resource)
                    .await
                    .is_ok()
            })
        },
    },
    Case {
        name: "Lists::health",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async { scene.gate.sso.lists().health().await.store_error.is_none() })
        },
    },
    Case {
        name: "SyncHandle::shutdown",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let sync = scene.cold.sso.spawn_sync();
                yield_now().await;
                sync.shutdown().await;
                true
            })
        },
    },
    Case {
        name: "Changes::next",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let mut changes = scene.gate.sso.lists().changes();
                let ours = |it: &Change| matches!(it, Change::Snapshot { resource, .. } if *resource == scene.world.resource);
                while !ours(&changes.next().await.expect("a running gate")) {}
                true
            })
        },
    },
    Case {
        name: "HerokuUser::ended",
        ends: Ends::AnnsSession,
        work: |scene| {
            Box::pin(async {
                let page = Router::new()
                    .route(
                        "/page",
                        get(|user: HerokuUser| async move { user.ended().await }),
                    )
                    .layer(scene.gate.sso.layer());
                let reading = send(page, visit(&scene.ann));
                let sign_out = async {
                    for _ in 0..40 {
                        yield_now().await;
                    }
                    let sign_out = sign_out(&scene.ann);
                    send(scene.gate.app.clone(), sign_out).await.status() == 204
                };
                tokio::join!(reading, sign_out).1
            })
        },
    },
    Case {
        name: "layer: a request to a process that has just begun",
        ends: Ends::Nothing,
        work: |scene| is_answered(&scene.cold, visit(&scene.ann), &[200]),
    },
    Case {
        name: "layer: a request by a newer list",
        ends: Ends::Nothing,
        work: |scene| is_answered(&scene.gate, visit(&scene.ann), &[200]),
    },
    Case {
        name: "layer: a request that fetches its list",
        ends: Ends::Nothing,
        work: |scene| {
            scene.world.clock.advance(REFRESH + Duration::from_secs(1));
            is_answered(&scene.gate, visit(&scene.ann), &[200])
        },
    },
    Case {
        name: "layer: an unauthenticated request",
        ends: Ends::Nothing,
        work: |scene| is_answered(&scene.cold, visit("MTIzNDU2Nzg5MDEyMzQ1Ng"), &[401]),
    },
    Case {
        name: "layer: a sign-in",
        ends: Ends::Nothing,
        work: |scene| {
            scene.world.clock.advance(Duration::from_secs(1));
            is_answered(&scene.cold, sign_in(&scene.world.form(ANN)), &[303])
        },
    },
    Case {
        name: "layer: a sign-in in a browser that has a session",
        ends: Ends::AnnsSession,
        work: |scene| {
            scene.world.clock.advance(Duration::from_secs(1));
            let mut request = sign_in(&scene.world.form(BOB));
            let cookie = format!("{COOKIE}={}", scene.ann).parse().unwrap();
            request.headers_mut().insert(header::COOKIE, cookie);
            is_answered(&scene.gate, request, &[303])
        },
    },
    Case {
        name: "layer: a sign-in of a program",
        ends: Ends::Nothing,
        work: |scene| {
            let gate = scene.world.gate_with("programs", |builder| {
                let tokens = BearerTokens::new(keys());
                builder.bearer_tokens(tokens.cli_sign_in_path("/heroku/sso/token"))
            });
            scene.world.clock.advance(Duration::from_secs(1));
            let form = scene.world.form(BOB).addon_sso_header();
            let request = Request::post("/heroku/sso/token").header("x-addon-sso", form);
            is_answered(&gate, request.body(Body::empty()).unwrap(), &[200])
        },
    },
    Case {
        name: "layer: a sign-out",
        ends: Ends::AnnsSession,
        work: |scene| is_answered(&scene.gate, sign_out(&scene.ann), &[204]),
    },
    Case {
        name: "optional_layer: a request",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let page = Router::new()
                    .route("/page", get(|_: Option<HerokuUser>| async {}))
                    .layer(scene.cold.sso.optional_layer());
                send(page, visit(&scene.ann)).await.status() == 200
            })
        },
    },
    Case {
        name: "partner_api: POST /heroku/resources",
        ends: Ends::Nothing,
        work: |scene| {
            let body = scene.world.addon.provisioning_body().to_string();
            let request = by_heroku(&scene.world, "POST", "/heroku/resources", body);
            is_answered(&scene.gate, request, &[200])
        },
    },
    Case {
        name: "partner_api: PUT /heroku/resources/:uuid",
        ends: Ends::Nothing,
        work: |scene| {
            let path = format!("/heroku/resources/{}", scene.world.resource);
            let body = r#"{"plan":"premium"}"#.to_owned();
            is_answered(
                &scene.gate,
                by_heroku(&scene.world, "PUT", &path, body),
                &[200],
            )
        },
    },
    Case {
        name: "partner_api: DELETE /heroku/resources/:uuid",
        ends: Ends::Resource,
        work: |scene| is_answered(&scene.gate, deprovision(scene), &[204, 410]),
    },
    Case {
        name: "partner_api: DELETE /heroku/resources/:uuid, to be done later",
        ends: Ends::Resource,
        work: |scene| {
            Box::pin(async {
                let app = scene.gate.sso.routes().partner_api(Later);
                let status = send(app, deprovision(scene)).await.status();
                status == 202 || status == 410
            })
        },
    },
    Case {
        name: "webhooks: POST /heroku/webhooks",
        ends: Ends::AnnsAccess,
        work: |scene| {
            scene.world.addon.app().remove(ANN);
            is_answered(&scene.gate, word_that_left(&scene.world, ANN), &[204])
        },
    },
    Case {
        name: "healthz",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let app = Router::new().route("/healthz", scene.gate.sso.routes().healthz());
                let request = Request::get("/healthz").body(Body::empty()).unwrap();
                // No sync runs here.
                send(app, request).await.status() == 503
            })
        },
    },
    Case {
        name: "VerifyAssertion",
        ends: Ends::Nothing,
        work: |scene| {
            Box::pin(async {
                let assertions = Assertions::new(keys(), "https://here", "there").unwrap();
                let assertions = assertions.clock(scene.world.clock.clone());
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let url = format!("http://{}/", listener.local_addr().unwrap());
                let set = assertions.public_jwks().to_owned();
                let jwks = Router::new().fallback(move || async move { set });
                tokio::spawn(async move { axum::serve(listener, jwks).await.unwrap() });
                let app = Router::new()
                    .route("/page", get(assertion))
                    .layer(assertions.layer())
                    .layer(scene.gate.sso.layer());
                let asserted = send(app, visit(&scene.ann)).await;
                let asserted = asserted.headers()[ASSERTION].clone();
                let clock = scene.world.clock.clone();
                let verify = VerifyAssertion::from_jwks_url(&url, "https://here", "there")
                    .map(|it| it.clock(clock.reader()));
                let behind = Router::new()
                    .route("/", get(|_: AssertedUser| async {}))
                    .layer(verify.unwrap());
                let request = Request::get("/").header(ASSERTION, asserted);
                send(behind, request.body(Body::empty()).unwrap())
                    .await
                    .status()
                    == 200
            })
        },
    },
];

/// The header that a proxy would forward.
async fn assertion(headers: HeaderMap) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    let assertion = headers[ASSERTION].clone();
    response.headers_mut().insert(ASSERTION, assertion);
    response
}

/// A partner that deprovisions asynchronously.
struct Later;

impl Addon for Later {
    async fn deprovision(&self, _: ResourceId) -> Result<Outcome, AddonError> {
        yield_now().await;
        Ok(Outcome::later())
    }
}

fn deprovision(scene: &Scene<'_>) -> Request<Body> {
    let path = format!("/heroku/resources/{}", scene.world.resource);
    by_heroku(&scene.world, "DELETE", &path, String::new())
}

fn keys() -> JwtKeys {
    JwtKeys::new(JwtKey::ed25519_pem(ED25519).unwrap())
}

fn is_answered<'a>(
    gate: &Gate,
    request: Request<Body>,
    statuses: &'static [u16],
) -> super::Work<'a> {
    let app = gate.app.clone();
    Box::pin(async move { statuses.contains(&send(app, request).await.status().as_u16()) })
}

async fn send(app: Router, request: Request<Body>) -> Response<Body> {
    let answer: Result<_, Infallible> = app.oneshot(request).await;
    answer.unwrap()
}
