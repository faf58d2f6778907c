//! An add-on whose gate accepts signed tokens and whose pages issue them.

use std::net::SocketAddr;

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Simulator};
use secrecy::ExposeSecret;
use tower_heroku_sso::assertion::Assertions;
use tower_heroku_sso::partner_api::NoProvisioning;
use tower_heroku_sso::{
    BearerTokens, CookieSessions, HerokuSso, HerokuSsoBuilder, HerokuUser, ManualClock,
};

use crate::jwt::keys;
use support::browser::{Answer, Browser};
use support::world::{builder, events, serve};

pub const ISSUER: &str = "https://addon.example.com";
pub const AUDIENCE: &str = "reports";
pub const COOKIE: &str = "__Host-heroku_sso";

pub struct Site {
    pub clock: ManualClock,
    pub heroku: Simulator,
    pub sso: HerokuSso,
    pub address: SocketAddr,
    pub addon: AddOn,
}

impl Site {
    /// A gate with sessions in cookies, bearer tokens, command-line sign-ins and assertions.
    pub async fn start() -> Self {
        Self::with(everything).await
    }

    pub async fn with(set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder) -> Self {
        let clock = ManualClock::new();
        let heroku = Simulator::builder().clock(clock.reader()).start().await;
        let heroku = heroku.unwrap();
        let sso = set_up(builder(&heroku, &clock)).build().await.unwrap();
        let address = serve(router(&sso, &clock)).await;
        heroku
            .settings()
            .set_partner_url(format!("http://{address}"));
        let app = heroku.app("shop").collaborator("ann@example.com");
        let addon = app.addon();
        assert_eq!(addon.provision().await.unwrap().status, 200);
        Self {
            clock,
            heroku,
            sso,
            address,
            addon,
        }
    }

    /// Another gate for the same add-on, after a restart or in another process.
    pub async fn another(
        &self,
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> (HerokuSso, SocketAddr) {
        let sso = set_up(builder(&self.heroku, &self.clock))
            .build()
            .await
            .unwrap();
        let address = serve(router(&sso, &self.clock)).await;
        (sso, address)
    }

    pub fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// A browser with Ann signed in.
    pub async fn ann(&self) -> Browser {
        let browser = self.browser();
        let form = self.addon.sign_in_form("ann@example.com");
        let answer = browser.submit(&form).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// A bearer token of the session in this browser.
    pub async fn bearer(&self, browser: &Browser) -> String {
        let answer = browser.fetch("/token").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// The answer to a program with this token and no cookie.
    pub async fn as_bearer(&self, token: &str) -> Answer {
        as_bearer(self.address, token).await
    }
}

pub async fn as_bearer(address: SocketAddr, token: &str) -> Answer {
    let program = Browser::new(address);
    let request = program.request(reqwest::Method::GET, "/page");
    let bearer = format!("Bearer {token}");
    program.send(request.header("authorization", bearer)).await
}

pub async fn as_cookie(address: SocketAddr, value: &str) -> Answer {
    let browser = Browser::new(address);
    browser.set_cookie(COOKIE, value);
    browser.fetch("/page").await
}

pub fn everything(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    let bearers = BearerTokens::new(keys::only(keys::ed25519(0)));
    builder
        .session_store(CookieSessions::new(keys::only(keys::hs256(0))))
        .bearer_tokens(bearers.cli_sign_in_path("/heroku/sso/token"))
}

pub fn assertions(clock: &ManualClock) -> Assertions {
    let assertions = Assertions::new(keys::only(keys::es256(0)), ISSUER, AUDIENCE).unwrap();
    assertions.clock(clock.clone())
}

async fn event_stream() -> impl IntoResponse {
    ([("content-type", "text/event-stream")], events().await)
}

fn router(sso: &HerokuSso, clock: &ManualClock) -> Router {
    let assertions = assertions(clock);
    let mints = sso.clone();
    let token = move |user: HerokuUser| async move {
        let token = mints.sessions().bearer(&user).unwrap();
        token.secret().expose_secret().to_owned()
    };
    let forwarded = Router::new()
        .route(
            "/assertion",
            get(|headers: axum::http::HeaderMap| async move {
                // As a proxy would forward them.
                let names = headers.iter().filter(|(name, _)| {
                    let name = name.as_str().replace('_', "-");
                    name == "x-heroku-sso-assertion"
                });
                let values: Vec<_> = names.map(|(_, v)| v.to_str().unwrap()).collect();
                values.join("\n")
            }),
        )
        .layer(assertions.layer());
    sso.protect(
        Router::new()
            .route(
                "/page",
                get(|user: HerokuUser| async move { user.email().to_string() }),
            )
            .route("/token", get(token))
            .route(
                "/headers",
                get(|headers: axum::http::HeaderMap| async move {
                    let value = headers.get("authorization");
                    value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
                }),
            )
            .route("/events", get(event_stream))
            .merge(forwarded),
    )
    .merge(sso.routes().partner_api(NoProvisioning))
    .merge(assertions.jwks())
}
