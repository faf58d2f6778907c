//! One router, bare and behind each of the peers, with a signed-in user.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{Request, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum_login::{AuthManagerLayerBuilder, AuthUser, AuthnBackend, login_required};
use heroku_addon_simulator::Simulator;
use http::StatusCode;
use http_body::Frame;
use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use serde::{Deserialize, Serialize};
use support::ids::AddOnExt as _;
use tower::ServiceExt;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
use tower_heroku_sso::{
    AddonPassword, ClientSecret, CookieSessions, HerokuSso, HerokuSsoBuilder, Manifest, OauthGrant,
    SsoSalt,
};

use crate::drive::{self, page};
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

/// A peer, and the cookie of a user whom it admits.
pub struct Peer {
    pub name: &'static str,
    pub app: Router,
    pub cookie: String,
}

pub async fn all() -> Vec<Peer> {
    let mut peers = vec![
        bare(),
        body_alone(),
        from_fn_alone(),
        session_value().await,
        axum_login().await,
        jwt_cookie(),
    ];
    for (name, set_up) in [
        (
            "gate, stored sessions",
            (|b| b) as fn(HerokuSsoBuilder) -> _,
        ),
        ("gate, stateless", |builder: HerokuSsoBuilder| {
            let key = JwtKey::hs256_base64(SECRET).expect("a secret");
            builder.session_store(CookieSessions::new(JwtKeys::new(key)))
        }),
    ] {
        peers.push(gate(name, set_up).await);
    }
    for peer in &mut peers {
        peer.app = drive::served(peer.app.clone());
        let answer = peer.app.clone().oneshot(drive::request(&peer.cookie)).await;
        let answer = answer.expect("infallible");
        assert_eq!(answer.status(), StatusCode::OK, "{}", peer.name);
    }
    peers
}

/// The name of the router without a layer.
pub const BARE: &str = "bare router";

fn bare() -> Peer {
    Peer {
        name: BARE,
        app: page(),
        cookie: String::new(),
    }
}

/// The minimal layer that can answer a request: its responses have another body type. Its cost is axum's,
/// which boxes the body, the service and its future.
fn body_alone() -> Peer {
    let layer = tower::util::MapResponseLayer::new(|response: Response| response.map(OtherBody));
    Peer {
        name: "layer that only has another body",
        app: page().layer(layer),
        cookie: String::new(),
    }
}

struct OtherBody(Body);

impl HttpBody for OtherBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }
}

fn from_fn_alone() -> Peer {
    let pass = from_fn(|request: Request<Body>, next: Next| next.run(request));
    Peer {
        name: "from_fn that passes",
        app: page().layer(pass),
        cookie: String::new(),
    }
}

/// `SessionManagerLayer` over its `MemoryStore`, and one value read.
async fn session_value() -> Peer {
    let read = from_fn(
        |session: Session, request: Request<Body>, next: Next| async move {
            match session.get::<String>("email").await {
                Ok(Some(_)) => next.run(request).await,
                _ => StatusCode::UNAUTHORIZED.into_response(),
            }
        },
    );
    let sign_in = post(|session: Session| async move {
        let email = session.insert("email", "ann@example.com").await;
        email.expect("a session in memory");
    });
    let app = page()
        .layer(read)
        .route("/in", sign_in)
        .layer(SessionManagerLayer::new(MemoryStore::default()));
    let cookie = signed_in(&app, Request::post("/in")).await;
    Peer {
        name: "tower-sessions, one value",
        app,
        cookie,
    }
}

#[derive(Clone, Debug)]
struct Ann;

impl AuthUser for Ann {
    type Id = u64;

    fn id(&self) -> u64 {
        1
    }

    fn session_auth_hash(&self) -> &[u8] {
        b"of her password"
    }
}

#[derive(Clone, Debug)]
struct Backend;

impl AuthnBackend for Backend {
    type User = Ann;
    type Credentials = ();
    type Error = Infallible;

    async fn authenticate(&self, (): ()) -> Result<Option<Ann>, Infallible> {
        Ok(Some(Ann))
    }

    async fn get_user(&self, _: &u64) -> Result<Option<Ann>, Infallible> {
        Ok(Some(Ann))
    }
}

/// `login_required!` on a signed-in session, with a free user lookup.
async fn axum_login() -> Peer {
    type Auth = axum_login::AuthSession<Backend>;

    let sign_in = post(|mut auth: Auth| async move {
        auth.login(&Ann).await.expect("a session in memory");
    });
    let sessions = SessionManagerLayer::new(MemoryStore::default());
    let app = page()
        .route_layer(login_required!(Backend))
        .route("/in", sign_in)
        .layer(AuthManagerLayerBuilder::new(Backend, sessions).build());
    let cookie = signed_in(&app, Request::post("/in")).await;
    Peer {
        name: "axum-login",
        app,
        cookie,
    }
}

#[derive(Clone, Deserialize, Serialize)]
struct Claims {
    email: String,
    exp: i64,
}

/// A typical hand-written middleware: HS256 in a cookie, checked at each request.
fn jwt_cookie() -> Peer {
    let exp = time::OffsetDateTime::now_utc().unix_timestamp() + 3600;
    let claims = Claims {
        email: "ann@example.com".into(),
        exp,
    };
    let key = EncodingKey::from_secret(SECRET.as_bytes()).expect("a secret");
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key);
    let cookie = format!("token={}", token.expect("a token"));
    let key = DecodingKey::from_secret(SECRET.as_bytes()).expect("a secret");
    let validation = Validation::default();
    let check = from_fn(move |mut request: Request<Body>, next: Next| {
        let claims = claims_of(&request, &key, &validation);
        async move {
            match claims {
                Some(claims) => {
                    request.extensions_mut().insert(claims);
                    next.run(request).await
                }
                None => Response::into_response(StatusCode::UNAUTHORIZED.into_response()),
            }
        }
    });
    Peer {
        name: "jsonwebtoken HS256 cookie",
        app: page().layer(check),
        cookie,
    }
}

fn claims_of(
    request: &Request<Body>,
    key: &DecodingKey,
    validation: &Validation,
) -> Option<Claims> {
    let cookies = request.headers().get(header::COOKIE)?.to_str().ok()?;
    let mut cookies = cookie::Cookie::split_parse(cookies).filter_map(Result::ok);
    let token = cookies.find(|cookie| cookie.name() == "token")?;
    let decoded = jsonwebtoken::decode::<Claims>(token.value(), key, validation);
    Some(decoded.ok()?.claims)
}

const SECRET: &str = "Zm9yIGJlbmNobWFya3Mgb25seSwgYW5kIG5vdGhpbmcgZWxzZQ==";

/// A gate in front of `app`, with one resource and Ann signed in.
async fn gate(
    name: &'static str,
    set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
) -> Peer {
    let heroku = Simulator::start().await.expect("a simulator");
    let sso = set_up(builder(&heroku))
        .build()
        .await
        .expect("right settings");
    let app = heroku.app("shop").collaborator("ann@example.com");
    let addon = app.addon();
    let code = OauthGrant::Code(addon.grant_code().into());
    let registered = sso.resources().register(&addon.resource_id(), code).await;
    registered.expect("a simulator that answers");
    let app = page().layer(sso.layer());
    let form = addon.sign_in_form("ann@example.com").body();
    let request = Request::post("/heroku/sso")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request");
    let answer = app.clone().oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    // The simulator is no longer needed: the list is in memory and is not refreshed.
    Peer {
        name,
        cookie: cookies(&answer),
        app,
    }
}

fn builder(heroku: &Simulator) -> HerokuSsoBuilder {
    let manifest = Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password()).expect("a password"),
        SsoSalt::new(heroku.sso_salt()).expect("a salt"),
        ClientSecret::new(heroku.client_secret()).expect("a secret"),
    );
    HerokuSso::builder(manifest)
        .api_url(heroku.url().parse().expect("an address"))
        .id_url(heroku.url().parse().expect("an address"))
}

async fn signed_in(app: &Router, request: http::request::Builder) -> String {
    let request = request.body(Body::empty()).expect("a request");
    let answer = app.clone().oneshot(request).await.expect("infallible");
    cookies(&answer)
}

/// The cookies that a browser would send after this answer.
fn cookies(answer: &Response) -> String {
    let values = answer.headers().get_all(header::SET_COOKIE).iter();
    let pairs = values.filter_map(|value| value.to_str().ok()?.split(';').next());
    pairs.collect::<Vec<_>>().join("; ")
}
