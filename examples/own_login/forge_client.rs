//! The partner's side of "sign in with Forge": OAuth with PKCE, and one question with the token.
//!
//! For GitHub the addresses below are `https://github.com/login/oauth/authorize`,
//! `https://github.com/login/oauth/access_token` and `https://api.github.com/user/emails`.

use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use oauth2::basic::{BasicClient, BasicErrorResponseType};
use oauth2::{
    AccessToken, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, TokenResponse, TokenUrl,
};
use reqwest::redirect;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use tower_heroku_sso::{Email, VerifiedEmail};

/// Longer answers are not read.
const MAX_ANSWER: usize = 64 * 1024;

pub(crate) struct ForgeClient {
    oauth: BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>,
    emails: String,
    http: reqwest::Client,
}

/// What the partner is to Forge, as it was registered there.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) forge: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// The one address that a code is sent to.
    pub(crate) redirect_uri: String,
}

/// A login that has begun. Kept for the browser that began it, and for no other.
#[derive(Deserialize, Serialize)]
pub(crate) struct Begun {
    state: CsrfToken,
    verifier: PkceCodeVerifier,
}

/// An email that Forge says is verified, and the person's primary one.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct ForgeEmail(Email);

/// Why a code led to no email.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("Forge refuses the code")]
    CodeRefused,
    #[error("Forge knows no verified primary email of this person")]
    NoVerifiedEmail,
    #[error("Forge cannot be asked: {0}")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// An entry of `GET /user/emails`.
#[derive(Deserialize)]
struct Claimed {
    email: String,
    primary: bool,
    verified: bool,
}

impl ForgeClient {
    pub(crate) fn new(registration: Registration) -> Result<Self, Box<dyn Error>> {
        let forge = registration.forge;
        let oauth = BasicClient::new(ClientId::new(registration.client_id))
            .set_client_secret(ClientSecret::new(registration.client_secret))
            .set_auth_type(AuthType::RequestBody) // as GitHub wants it
            .set_auth_uri(AuthUrl::new(format!("{forge}/login/oauth/authorize"))?)
            .set_token_uri(TokenUrl::new(format!("{forge}/login/oauth/access_token"))?)
            .set_redirect_uri(RedirectUrl::new(registration.redirect_uri)?);
        // A redirect would carry the secret, the code or the token to wherever it points.
        let http = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .user_agent("own_login")
            .build()?;
        Ok(Self {
            oauth,
            emails: format!("{forge}/user/emails"),
            http,
        })
    }

    /// Where to send the browser, and what to compare when it comes back.
    pub(crate) fn begin(&self) -> (String, Begun) {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (url, state) = self
            .oauth
            .authorize_url(CsrfToken::new_random)
            .add_scope(Scope::new("user:email".into()))
            .set_pkce_challenge(challenge)
            .url();
        (url.into(), Begun { state, verifier })
    }

    /// Whose code this is. The token is used once, here, and not kept.
    pub(crate) async fn finish(
        &self,
        begun: Begun,
        code: String,
    ) -> Result<ForgeEmail, LoginError> {
        let exchange = self
            .oauth
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(begun.verifier);
        let http = self.http.clone();
        let ours = move |request| send(http.clone(), request);
        let answer = exchange.request_async(&ours).await;
        // Without what came with it: the answer may be the token, misunderstood.
        let answer = answer.map_err(|error| match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(refusal) => match refusal.error() {
                BasicErrorResponseType::InvalidGrant => LoginError::CodeRefused,
                other => LoginError::Unavailable(other.as_ref().into()),
            },
            RequestTokenError::Parse(_, body) => refusal_with_200(&body),
            RequestTokenError::Other(why) => LoginError::Unavailable(why.into()),
        })?;
        let claimed = self.claimed(answer.access_token()).await?;
        ForgeEmail::among(&claimed).ok_or(LoginError::NoVerifiedEmail)
    }

    async fn claimed(&self, token: &AccessToken) -> Result<Vec<Claimed>, LoginError> {
        let request = http::Request::get(&self.emails)
            .header("authorization", format!("Bearer {}", token.secret()))
            .header("accept", "application/json")
            .body(Vec::new())
            .map_err(unavailable)?;
        let answer = send(self.http.clone(), request).await?;
        if answer.status() != http::StatusCode::OK {
            let status = answer.status();
            return Err(LoginError::Unavailable(status.to_string().into()));
        }
        serde_json::from_slice(answer.body()).map_err(unavailable)
    }
}

impl Begun {
    /// True if this is the login that the browser comes back from.
    pub(crate) fn is_of(&self, state: &str) -> bool {
        let ours = self.state.secret().as_bytes();
        ours.ct_eq(state.as_bytes()).into()
    }
}

impl ForgeEmail {
    /// Forge lets everybody write any address into their account. Only one that is verified is
    /// theirs, and only the primary one is sure to be in use.
    fn among(claimed: &[Claimed]) -> Option<Self> {
        let counts = |claimed: &&Claimed| claimed.primary && claimed.verified;
        let email = &claimed.iter().find(counts)?.email;
        Some(Self(email.parse().ok()?))
    }

    pub(crate) fn email(&self) -> &Email {
        &self.0
    }

    /// The one place where this program gives its word for an email.
    pub(crate) fn verified(&self) -> VerifiedEmail {
        VerifiedEmail::i_have_verified(self.0.clone())
    }
}

/// One request by the http client that the gate uses too.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, LoginError> {
    let request = reqwest::Request::try_from(request).map_err(unavailable)?;
    let answer = http.execute(request).await.map_err(unavailable)?;
    let (parts, body) = http::Response::from(answer).into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    let body = body.map_err(LoginError::Unavailable)?.to_bytes();
    Ok(HttpResponse::from_parts(parts, body.into()))
}

/// The standard wants 400 for a refusal; GitHub, and Forge like it, answers 200.
fn refusal_with_200(body: &[u8]) -> LoginError {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }

    match serde_json::from_slice(body) {
        Ok(Refusal { error }) if error == "bad_verification_code" => LoginError::CodeRefused,
        Ok(Refusal { error }) => LoginError::Unavailable(error.into()),
        Err(_) => LoginError::Unavailable("an answer without a token".into()),
    }
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> LoginError {
    LoginError::Unavailable(Box::new(error))
}
