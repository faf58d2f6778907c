//! The partner's own login, step by step: redirect to Forge, return with a code, admission by the same list
//! as other users.

use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use time::Duration;
use tower_heroku_sso::{AdmitError, ResourceId};
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, Session, SessionManagerLayer, session};
use tower_sessions_moka_store::MokaStore;

use crate::Site;
use crate::forge_client::{Begun, ForgeEmail, LoginError};
use crate::pages;

/// How long a login may take.
const LOGIN_LIFE: Duration = Duration::minutes(10);
/// How many logins may be in progress.
const MAX_LOGINS: u64 = 10_000;

/// The content of the login's session while the user is at Forge.
const BEGUN: &str = "begun";
/// Its content while the user chooses a resource.
const PROVEN: &str = "proven";

/// The login has its own small session in its own cookie, so that one browser takes all steps. The cookie
/// is `Lax`: the return from Forge is a navigation from another site.
pub(crate) fn routes(https: bool) -> Router<Site> {
    // Anyone may begin a login, so the number of logins is bounded. Several processes need a shared store,
    // as for the gate's sessions.
    let session = SessionManagerLayer::new(MokaStore::new(Some(MAX_LOGINS)))
        .with_name(if https { "__Host-login" } else { "login" })
        .with_secure(https)
        .with_same_site(SameSite::Lax)
        .with_expiry(Expiry::OnInactivity(LOGIN_LIFE));
    Router::new()
        .route("/login", post(begin))
        .route("/login/callback", get(come_back))
        .route("/login/choose", get(choose))
        .route("/login/enter", post(enter))
        .layer(session)
}

/// The reason why a login ends without a session. The texts reveal nothing that the user does not know.
enum Refused {
    /// No login has begun in this browser, or not this one.
    NotBegunHere,
    Cancelled,
    UnknownCode,
    NoVerifiedEmail,
    NotListed,
    /// Forge does not answer as it should.
    ForgeUnavailable,
    /// The list cannot be checked right now.
    CannotCheck(std::time::Duration),
    /// The login's own session is unavailable.
    NoStore,
}

async fn begin(State(site): State<Site>, session: Session) -> Result<Redirect, Refused> {
    let (url, begun) = site.forge.begin();
    session.cycle_id().await?;
    session.insert(BEGUN, begun).await?;
    Ok(Redirect::to(&url))
}

/// The parameters of Forge's redirect.
#[derive(Deserialize)]
struct CameBack {
    state: Option<String>,
    code: Option<String>,
}

async fn come_back(
    State(site): State<Site>,
    session: Session,
    headers: HeaderMap,
    Query(back): Query<CameBack>,
) -> Result<Response, Refused> {
    let begun: Option<Begun> = session.get(BEGUN).await?;
    let state = back.state.ok_or(Refused::NotBegunHere)?;
    // A wrong state does not end the login in progress, or any page could cancel it.
    let begun = begun.filter(|begun| begun.is_of(&state));
    let begun = begun.ok_or(Refused::NotBegunHere)?;
    // The login is consumed before the call to Forge: one code for one login.
    session.remove_value(BEGUN).await?;
    session.save().await?;

    let code = back.code.ok_or(Refused::Cancelled)?;
    let email = site.forge.finish(begun, code).await?;
    match site.users.resources_of(email.email())[..] {
        [] => Err(Refused::NotListed),
        [resource] => {
            session.flush().await?;
            admit(&site, &resource, &email, &headers).await
        }
        _ => {
            session.cycle_id().await?;
            session.insert(PROVEN, email).await?;
            // Leaves the URL that has a code in it.
            Ok(Redirect::to("/login/choose").into_response())
        }
    }
}

async fn choose(State(site): State<Site>, session: Session) -> Result<Html<String>, Refused> {
    let email: Option<ForgeEmail> = session.get(PROVEN).await?;
    let email = email.ok_or(Refused::NotBegunHere)?;
    let mut choices = Vec::new();
    for resource in site.users.resources_of(email.email()) {
        if let Ok(Some(snapshot)) = site.sso.lists().get(&resource).await {
            choices.push((resource, snapshot));
        }
    }
    choices.sort_by(|(_, one), (_, other)| one.app.name.cmp(&other.app.name));
    Ok(pages::choose(email.email(), &choices))
}

#[derive(Deserialize)]
struct Chosen {
    resource: ResourceId,
}

/// The form may name any resource: the list of that resource decides.
async fn enter(
    State(site): State<Site>,
    session: Session,
    headers: HeaderMap,
    Form(chosen): Form<Chosen>,
) -> Result<Response, Refused> {
    let email: Option<ForgeEmail> = session.get(PROVEN).await?;
    let email = email.ok_or(Refused::NotBegunHere)?;
    session.flush().await?;
    admit(&site, &chosen.resource, &email, &headers).await
}

async fn admit(
    site: &Site,
    resource: &ResourceId,
    email: &ForgeEmail,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let email = email.verified();
    let signed_in = site.sso.sessions().admit(resource, &email, headers).await?;
    let mut response = Redirect::to(signed_in.landing()).into_response();
    signed_in.set_cookies(response.headers_mut());
    Ok(response)
}

impl From<LoginError> for Refused {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::CodeRefused => Self::UnknownCode,
            LoginError::NoVerifiedEmail => Self::NoVerifiedEmail,
            LoginError::Unavailable(_) => {
                tracing::warn!(%error, "a login failed");
                Self::ForgeUnavailable
            }
        }
    }
}

impl From<AdmitError> for Refused {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::CannotCheck { retry_after } => Self::CannotCheck(retry_after),
            _ => Self::NotListed,
        }
    }
}

impl From<session::Error> for Refused {
    fn from(error: session::Error) -> Self {
        tracing::error!(%error, "could not store the session of a login");
        Self::NoStore
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let (status, said) = match self {
            Self::NotBegunHere => (
                StatusCode::FORBIDDEN,
                "This login did not begin in this browser, or it took too long.",
            ),
            Self::Cancelled => (StatusCode::FORBIDDEN, "You cancelled the sign-in at Forge."),
            Self::UnknownCode => (
                StatusCode::FORBIDDEN,
                "Forge does not know this login, or it was used before.",
            ),
            Self::NoVerifiedEmail => (
                StatusCode::FORBIDDEN,
                "Your primary email at Forge is not verified. Verify it there and try again.",
            ),
            Self::NotListed => (
                StatusCode::FORBIDDEN,
                "Your primary email at Forge is on no app's list here. If you have just been \
                 added to an app, open the add-on from Heroku's dashboard.",
            ),
            Self::ForgeUnavailable => (
                StatusCode::BAD_GATEWAY,
                "Forge does not answer. Try again in a moment.",
            ),
            Self::CannotCheck(_) | Self::NoStore => (
                StatusCode::SERVICE_UNAVAILABLE,
                "We cannot check your access right now. Try again in a moment.",
            ),
        };
        let mut response = (status, pages::refused(said)).into_response();
        if let Self::CannotCheck(after) = self {
            response
                .headers_mut()
                .insert(RETRY_AFTER, after.as_secs().max(1).into());
        }
        response
    }
}
