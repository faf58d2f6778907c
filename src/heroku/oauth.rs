//! Tokens: in exchange for the grant code, and for the refresh token.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-for-partners>,
//! <https://devcenter.heroku.com/articles/oauth>.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::client::{HerokuClient, parse};
use super::{Call, HerokuError};
use crate::secret::Tokens;

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

impl HerokuClient {
    /// Exchanges the code of a provisioning request (`oauth_grant.code`, valid once, for 5 minutes).
    pub(crate) async fn exchange(&self, code: &SecretString) -> Result<Tokens, HerokuError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.expose_secret()),
        ];
        self.request_tokens(&form, None).await
    }

    /// Exchanges the refresh token. If Heroku sends no new one, the old one remains in use.
    pub(crate) async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, HerokuError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.expose_secret()),
        ];
        self.request_tokens(&form, Some(&tokens.refresh)).await
    }

    async fn request_tokens(
        &self,
        form: &[(&str, &str)],
        kept_refresh: Option<&SecretString>,
    ) -> Result<Tokens, HerokuError> {
        let mut fields = form.to_vec();
        fields.push(("client_secret", self.client_secret.expose()));
        let url = self.id_url.join(&["oauth", "token"]);
        let request = self.http.post(url).form(&fields);
        let answer = self.send(request, &self.id_pool, Call::Tokens).await;
        let answer = answer.map_err(as_grant_refusal)?;
        let json: TokenJson = parse(&answer.body, Call::Tokens)?;
        let refresh = json.refresh_token.or(kept_refresh.cloned());
        let life = match json.expires_in {
            Some(seconds) => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
            None => ASSUMED_LIFE,
        };
        Ok(Tokens {
            access: json.access_token,
            refresh: refresh.ok_or(HerokuError::Malformed {
                about: Call::Tokens.about(),
            })?,
            expires_at: self.clock.now() + life.clamp(SHORTEST_LIFE, LONGEST_LIFE),
        })
    }
}

/// The OAuth host refuses in several ways, all final for this code or token. A 404 for its address is not
/// one of them.
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
