//! The partner's side of "sign in with Forge": OAuth with PKCE, and one API call with the token.
//!
//! For GitHub the URLs below are `https://github.com/login/oauth/authorize`,
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

/// The size limit of an answer.
const MAX_ANSWER: usize = 64 * 1024;

pub(crate) struct ForgeClient {
    oauth: BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>,
    emails: String,
    http: reqwest::Client,
}

/// The partner's application, as registered at Forge.
#[derive(Clone)]
pub(crate) struct Registration {
    pub(crate) forge: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    /// The only URL that a code is sent to.
    pub(crate) redirect_uri: String,
}

/// A login in progress. It is valid only in the browser that began it.
#[derive(Deserialize, Serialize)]
pub(crate) struct Begun {
    state: CsrfToken,
    verifier: PkceCodeVerifier,
}

/// The user's primary email, which Forge has verified.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct ForgeEmail(Email);

/// The reason why a code gave no email.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoginError {
    #[error("Forge rejected the code")]
    CodeRefused,
    #[error("the user has no verified primary email at Forge")]
    NoVerifiedEmail,
    #[error("Forge is unavailable: {0}")]
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
            .set_auth_type(AuthType::RequestBody) // as GitHub requires
            .set_auth_uri(AuthUrl::new(format!("{forge}/login/oauth/authorize"))?)
            .set_token_uri(TokenUrl::new(format!("{forge}/login/oauth/access_token"))?)
            .set_redirect_uri(RedirectUrl::new(registration.redirect_uri)?);
        // A redirect would send the secret, the code or the token to its target.
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

    /// The URL to send the browser to, and the state to compare when it returns.
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

    /// The email of the user whose code this is. The token is used once, here, and not kept.
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
        // Without the answer's text: it may contain the token.
        let answer = answer.map_err(|error| match error {
            RequestTokenError::Request(error) => error,
            RequestTokenError::ServerResponse(rejection) => match rejection.error() {
                BasicErrorResponseType::InvalidGrant => LoginError::CodeRefused,
                other => LoginError::Unavailable(other.as_ref().into()),
            },
            RequestTokenError::Parse(_, body) => rejection_with_200(&body),
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
    /// True if the browser returns from this login.
    pub(crate) fn is_of(&self, state: &str) -> bool {
        let ours = self.state.secret().as_bytes();
        ours.ct_eq(state.as_bytes()).into()
    }
}

impl ForgeEmail {
    /// Forge lets users add any address to their account. Only a verified address belongs to the user, and
    /// only the primary one is certainly in use.
    fn among(claimed: &[Claimed]) -> Option<Self> {
        let counts = |claimed: &&Claimed| claimed.primary && claimed.verified;
        let email = &claimed.iter().find(counts)?.email;
        Some(Self(email.parse().ok()?))
    }

    pub(crate) fn email(&self) -> &Email {
        &self.0
    }

    /// The only place where this program vouches for an email.
    pub(crate) fn verified(&self) -> VerifiedEmail {
        VerifiedEmail::assume_verified(self.0.clone())
    }
}

/// One request with the HTTP client that the gate also uses.
async fn send(http: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, LoginError> {
    let request = reqwest::Request::try_from(request).map_err(unavailable)?;
    let answer = http.execute(request).await.map_err(unavailable)?;
    let (parts, body) = http::Response::from(answer).into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await;
    let body = body.map_err(LoginError::Unavailable)?.to_bytes();
    Ok(HttpResponse::from_parts(parts, body.into()))
}

/// The standard requires 400 for a rejection; GitHub, and Forge like it, answers 200.
fn rejection_with_200(body: &[u8]) -> LoginError {
    #[derive(Deserialize)]
    struct Rejection {
        error: String,
    }

    match serde_json::from_slice(body) {
        Ok(Rejection { error }) if error == "bad_verification_code" => LoginError::CodeRefused,
        Ok(Rejection { error }) => LoginError::Unavailable(error.into()),
        Err(_) => LoginError::Unavailable("an answer without a token".into()),
    }
}

fn unavailable(error: impl Error + Send + Sync + 'static) -> LoginError {
    LoginError::Unavailable(Box::new(error))
}
