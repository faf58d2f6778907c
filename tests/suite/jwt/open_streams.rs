//! Streams of signed cookies and of bearer tokens, while their users make no other request.

use reqwest::{Method, RequestBuilder};
use support::open_stream::{OpenStream, open};
use tower_heroku_sso::{BearerTokens, CookieSessions, HerokuSsoBuilder};

use crate::jwt::keys;
use crate::jwt::site::Site;

#[derive(Clone, Copy)]
enum Credential {
    Cookie,
    Bearer,
}

const BOTH: [Credential; 2] = [Credential::Cookie, Credential::Bearer];

impl Credential {
    async fn site(self) -> Site {
        let set_up = |builder: HerokuSsoBuilder| match self {
            Self::Cookie => builder.session_store(CookieSessions::new(keys::only(keys::hs256(0)))),
            Self::Bearer => builder.bearer_tokens(BearerTokens::new(keys::only(keys::ed25519(0)))),
        };
        Site::with(set_up).await
    }

    async fn request(self, site: &Site) -> RequestBuilder {
        let browser = site.ann().await;
        match self {
            Self::Cookie => browser.request(Method::GET, "/events"),
            Self::Bearer => {
                let token = site.bearer(&browser).await;
                let request = site.browser().request(Method::GET, "/events");
                request.header("authorization", format!("Bearer {token}"))
            }
        }
    }
}

async fn stream(site: &Site, request: RequestBuilder) -> OpenStream<'_> {
    OpenStream {
        clock: &site.clock,
        heroku: &site.heroku,
        sso: &site.sso,
        addon: &site.addon,
        response: open(request).await,
    }
}

#[tokio::test]
async fn stream_follows_its_list_until_its_user_is_removed() {
    for credential in BOTH {
        let site = credential.site().await;
        let request = credential.request(&site).await;
        let stream = stream(&site, request).await;
        stream.follows_its_list_until_its_user_is_removed().await;
    }
}

#[tokio::test]
async fn stream_outlasts_an_outage_to_max_list_age() {
    for credential in BOTH {
        let site = credential.site().await;
        let request = credential.request(&site).await;
        let stream = stream(&site, request).await;
        stream.outlasts_an_outage_to_max_list_age().await;
    }
}
