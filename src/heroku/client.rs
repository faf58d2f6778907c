//! The four GETs that an access list is made of.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, RANGE};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Client, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::paging::Pages;
use super::wire::{
    AddOn, AddOnJson, AppInfo, AppJson, CollaboratorJson, ErrorJson, TeamMemberJson,
};
use super::{HerokuAnswer, HerokuError, HerokuUrl, limits};
use crate::access::{People, Person};
use crate::clock::SharedClock;
use crate::ids::{AppId, ResourceId, TeamId};
use crate::secret::ClientSecret;

/// A page of 1,000 collaborators is about 400 kB.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const READ_TIMEOUT: Duration = Duration::from_secs(5);
const USER_AGENT: &str = concat!("tower-heroku-sso/", env!("CARGO_PKG_VERSION"));

/// Talks to Heroku. One per process: it holds the connections and the pause after a 429.
#[derive(Debug)]
pub(crate) struct HerokuClient {
    pub(super) http: Client,
    pub(super) id_url: HerokuUrl,
    pub(super) client_secret: ClientSecret,
    pub(super) clock: SharedClock,
    api_url: HerokuUrl,
    /// In terms of [`Clock::elapsed`](crate::Clock::elapsed).
    paused_until: Mutex<Duration>,
}

impl HerokuClient {
    /// # Errors
    /// If the TLS backend cannot start.
    pub(crate) fn new(
        api_url: HerokuUrl,
        id_url: HerokuUrl,
        client_secret: ClientSecret,
        timeout: Duration,
        clock: SharedClock,
    ) -> Result<Self, HerokuError> {
        let mut http = Client::builder()
            .user_agent(USER_AGENT)
            // A redirect would carry the bearer token to wherever it points.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .read_timeout(READ_TIMEOUT.min(timeout))
            .timeout(timeout);
        if api_url.is_loopback() || id_url.is_loopback() {
            // Plain http to this machine must not reach a proxy, token and all.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(HerokuError::transport)?,
            api_url,
            id_url,
            client_secret,
            clock,
            paused_until: Mutex::new(Duration::ZERO),
        })
    }

    /// `GET /addons/:id`.
    pub(crate) async fn add_on(
        &self,
        token: &SecretString,
        id: &ResourceId,
    ) -> Result<AddOn, HerokuError> {
        let path = ["addons", &id.to_string()];
        let json: AddOnJson = self.get(token, &path, "the add-on").await?;
        json.read(id)
    }

    /// `GET /apps/:id`.
    pub(crate) async fn app(
        &self,
        token: &SecretString,
        id: &AppId,
    ) -> Result<AppInfo, HerokuError> {
        let json: AppJson = self.get(token, &["apps", id.as_str()], "the app").await?;
        json.read(id)
    }

    /// `GET /apps/:id/collaborators`, all pages.
    pub(crate) async fn collaborators(
        &self,
        token: &SecretString,
        id: &AppId,
    ) -> Result<People, HerokuError> {
        let path = ["apps", id.as_str(), "collaborators"];
        let read = |json: CollaboratorJson| json.read(id);
        self.list(token, &path, "collaborators", read).await
    }

    /// `GET /teams/:id/members`, all pages.
    pub(crate) async fn team_members(
        &self,
        token: &SecretString,
        id: &TeamId,
    ) -> Result<People, HerokuError> {
        let path = ["teams", id.as_str(), "members"];
        let read = |json: TeamMemberJson| Ok(json.read());
        self.list(token, &path, "team members", read).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &[&str],
        about: &'static str,
    ) -> Result<T, HerokuError> {
        let answer = self.send(self.authorized(token, path)?, about).await?;
        parse(&answer.body, about)
    }

    async fn list<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        path: &[&str],
        about: &'static str,
        read: impl Fn(T) -> Result<Option<Person>, HerokuError>,
    ) -> Result<People, HerokuError> {
        let mut people = Vec::new();
        let mut pages = Pages::new(about);
        loop {
            let mut request = self.authorized(token, path)?;
            if let Some(range) = pages.range() {
                request = request.header(RANGE, range);
            }
            let answer = self.send(request, about).await?;
            for entry in parse::<Vec<T>>(&answer.body, about)? {
                people.extend(read(entry)?);
            }
            if !pages.turn(answer.status, &answer.headers)? {
                return Ok(people.into_iter().collect());
            }
        }
    }

    fn authorized(
        &self,
        token: &SecretString,
        path: &[&str],
    ) -> Result<RequestBuilder, HerokuError> {
        let bearer = format!("Bearer {}", token.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer)
            .map_err(|_| HerokuError::Malformed { about: "the token" })?;
        bearer.set_sensitive(true);
        let request = self.http.get(self.api_url.join(path));
        Ok(request
            .header(ACCEPT, "application/vnd.heroku+json; version=3")
            .header(AUTHORIZATION, bearer))
    }

    /// Sends a request, unless Heroku asked for a pause, and reads its answer whole.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        about: &'static str,
    ) -> Result<Answer, HerokuError> {
        let now = self.clock.elapsed();
        let paused_until = *self.pause();
        if let Some(retry_after) = paused_until.checked_sub(now).filter(|p| !p.is_zero()) {
            return Err(HerokuError::RateLimited { retry_after });
        }
        let response = request.send().await.map_err(HerokuError::transport)?;
        let status = response.status();
        let headers = response.headers().clone();
        if status.is_redirection() {
            return Err(HerokuError::Redirected);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = limits::pause_after(&headers, self.clock.now());
            *self.pause() = self.clock.elapsed() + retry_after;
            return Err(HerokuError::RateLimited { retry_after });
        }
        let body = read_capped(response, about).await;
        if status.is_success() {
            return Ok(Answer {
                status,
                headers,
                body: body?,
            });
        }
        Err(refusal(status, &headers, &body.unwrap_or_default()))
    }

    fn pause(&self) -> std::sync::MutexGuard<'_, Duration> {
        let guard = self.paused_until.lock();
        guard.unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) fn parse<T: DeserializeOwned>(
    body: &[u8],
    about: &'static str,
) -> Result<T, HerokuError> {
    // The parser's own error is not kept: it can quote the answer.
    serde_json::from_slice(body).map_err(|_| HerokuError::Malformed { about })
}

async fn read_capped(mut response: Response, about: &'static str) -> Result<Vec<u8>, HerokuError> {
    let too_large = || HerokuError::TooLarge {
        about,
        limit: MAX_ANSWER,
    };
    let announced = response.headers().get(CONTENT_LENGTH);
    let announced = announced.and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > MAX_ANSWER) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(HerokuError::transport)? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HerokuError {
    let json: ErrorJson = serde_json::from_slice(body).unwrap_or_default();
    let request_id = headers.get("request-id").and_then(|v| v.to_str().ok());
    let request_id = request_id.map(str::to_owned);
    let answer = HerokuAnswer::new(status.as_u16(), &json.id, &json.message, request_id);
    match status {
        StatusCode::UNAUTHORIZED => HerokuError::Unauthorized(answer),
        StatusCode::FORBIDDEN => HerokuError::Forbidden(answer),
        StatusCode::NOT_FOUND => HerokuError::NotFound(answer),
        StatusCode::GONE => HerokuError::Gone(answer),
        _ => HerokuError::Unavailable(answer),
    }
}
