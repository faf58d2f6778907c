//! Tokens: in exchange for the grant code, and for the refresh token.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-for-partners>,
//! <https://devcenter.heroku.com/articles/oauth>.

use std::time::Duration;

use heroku_sso_store::Tokens;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::pool::RatePool;
use super::transport::{Transport, parse};
use super::{Call, HerokuError, HerokuUrl};
use crate::secret::ClientSecret;

/// Heroku's access tokens last 8 hours; without a duration in the answer a shorter one is assumed.
const ASSUMED_LIFE: Duration = Duration::from_secs(60 * 60);
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// No `Debug`: every text in it is secret.
#[derive(Deserialize)]
struct TokenJson {
    access_token: SecretString,
    refresh_token: Option<SecretString>,
    expires_in: Option<i64>,
}

/// The host that issues tokens.
#[derive(Debug)]
pub(super) struct OauthHost {
    url: HerokuUrl,
    client_secret: ClientSecret,
    /// It takes no bearer token, so its calls use no token's pool.
    pool: RatePool,
}

impl OauthHost {
    pub(super) fn new(url: HerokuUrl, client_secret: ClientSecret) -> Self {
        Self {
            url,
            client_secret,
            pool: RatePool::default(),
        }
    }

    pub(super) async fn exchange(
        &self,
        transport: &Transport,
        code: &SecretString,
    ) -> Result<Tokens, HerokuError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
        ];
        self.request_tokens(transport, &form, None).await
    }

    pub(super) async fn renew(
        &self,
        transport: &Transport,
        tokens: &Tokens,
    ) -> Result<Tokens, HerokuError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.expose_secret()),
        ];
        self.request_tokens(transport, &form, Some(&tokens.refresh))
            .await
    }

    async fn request_tokens(
        &self,
        transport: &Transport,
        form: &[(&str, &str)],
        kept_refresh: Option<&SecretString>,
    ) -> Result<Tokens, HerokuError> {
        let mut fields = form.to_vec();
        fields.push(("client_secret", self.client_secret.expose()));
        let url = self.url.join(&["oauth", "token"]);
        let request = transport.post(url).form(&fields);
        let answer = transport.send(request, &self.pool, Call::Tokens).await;
        let answer = answer.map_err(as_grant_refusal)?;
        let json: TokenJson = parse(&answer.body, Call::Tokens)?;
        let refresh = json.refresh_token.or(kept_refresh.cloned());
        let life = match json.expires_in {
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
            None => ASSUMED_LIFE,
        };
        let refresh = refresh.ok_or(HerokuError::Malformed {
            about: Call::Tokens.about(),
        })?;
        let expires_at = transport.clock().now() + life.clamp(SHORTEST_LIFE, LONGEST_LIFE);
        Ok(Tokens::new(json.access_token, refresh, expires_at))
    }
}

/// The OAuth host refuses in several ways, all final for this code or token. A 404 is not one of them: it is
/// about the address.
fn as_grant_refusal(error: HerokuError) -> HerokuError {
    match error {
        HerokuError::Unauthorized(answer) | HerokuError::Forbidden(answer) => {
            HerokuError::GrantRefused(answer)
        }
        HerokuError::Unavailable(answer) if matches!(answer.status, 400 | 422) => {
            HerokuError::GrantRefused(answer)
        }
        other => other,
    }
}
