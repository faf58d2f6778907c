//! The client: the four GETs that an access list requires, and the sending of requests on which the token
//! calls (`oauth.rs`) and the webhook subscriptions (`subscription.rs`) are built.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, IF_NONE_MATCH, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::{Client, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::drift::ClockDrift;
use super::etag::{ETag, Reply};
use super::paging::{Pages, has_room};
use super::pool::RatePool;
use super::wire::{
    AddOn, AddOnJson, AppInfo, AppJson, CollaboratorJson, ErrorJson, TeamMemberJson,
};
use super::{Call, HerokuAnswer, HerokuError, HerokuUrl, limits};
use crate::access::{People, Person};
use crate::clock::{self, SharedClock};
use crate::deadlines::{HEROKU_CONNECT, HEROKU_READ};
use crate::ids::{AppId, ResourceId, TeamId};
use crate::meter;
use crate::secret::ClientSecret;

/// A page of 1,000 collaborators is about 400 kB.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const USER_AGENT: &str = concat!("tower-heroku-sso/", env!("CARGO_PKG_VERSION"));

/// Sends requests to Heroku. One per process: it holds the connections.
#[derive(Debug)]
pub(crate) struct HerokuClient {
    pub(super) http: Client,
    pub(super) id_url: HerokuUrl,
    pub(super) client_secret: ClientSecret,
    pub(super) clock: SharedClock,
    /// The OAuth host takes no bearer token, so its calls use no token's pool.
    pub(super) id_pool: RatePool,
    api_url: HerokuUrl,
    timeout: Duration,
    longest_pause: Duration,
    drift: ClockDrift,
}

/// The token with which a call is made, and the pool from which it is taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) token: &'a SecretString,
    pub(crate) pool: &'a RatePool,
}

impl HerokuClient {
    /// `longest_pause` limits how long a header of Heroku can make the client pause.
    ///
    /// # Errors
    /// If the TLS backend cannot start.
    pub(crate) fn new(
        api_url: HerokuUrl,
        id_url: HerokuUrl,
        client_secret: ClientSecret,
        timeout: Duration,
        longest_pause: Duration,
        clock: SharedClock,
    ) -> Result<Self, HerokuError> {
        let mut http = Client::builder()
            .user_agent(USER_AGENT)
            // A redirect would send the bearer token to another address.
            .redirect(redirect::Policy::none())
            .referer(false)
            .connect_timeout(HEROKU_CONNECT.min(timeout))
            .read_timeout(HEROKU_READ.min(timeout))
            .timeout(timeout);
        if api_url.is_loopback() || id_url.is_loopback() {
            // Plain http to this machine must not go through a proxy, which would see the token.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(HerokuError::transport)?,
            api_url,
            id_url,
            client_secret,
            clock,
            timeout,
            longest_pause: longest_pause.min(limits::LONGEST_PAUSE),
            id_pool: RatePool::default(),
            drift: ClockDrift::default(),
        })
    }

    /// How far Heroku's clock is ahead of ours, according to its last answer.
    pub(crate) fn clock_drift(&self) -> Option<time::Duration> {
        self.drift.last()
    }

    /// `GET /addons/:id`.
    pub(crate) async fn add_on(
        &self,
        caller: Caller<'_>,
        id: &ResourceId,
        known: Option<&ETag>,
    ) -> Result<Reply<AddOn>, HerokuError> {
        let path = ["addons", &id.to_string()];
        let reply = self.get::<AddOnJson>(caller, &path, Call::AddOn, known);
        reply.await?.try_map(|json| json.read(id))
    }

    /// `GET /apps/:id`.
    pub(crate) async fn app(
        &self,
        caller: Caller<'_>,
        id: &AppId,
        known: Option<&ETag>,
    ) -> Result<Reply<AppInfo>, HerokuError> {
        let path = ["apps", &id.to_string()];
        let reply = self.get::<AppJson>(caller, &path, Call::App, known);
        reply.await?.try_map(|json| json.read(id))
    }

    /// `GET /apps/:id/collaborators`, all pages.
    pub(crate) async fn collaborators(
        &self,
        caller: Caller<'_>,
        id: &AppId,
        known: Option<&ETag>,
    ) -> Result<Reply<People>, HerokuError> {
        let path = ["apps", &id.to_string(), "collaborators"];
        let read = |json: CollaboratorJson| json.read(id);
        self.list(caller, &path, Call::Collaborators, known, read)
            .await
    }

    /// `GET /teams/:id/members`, all pages.
    pub(crate) async fn team_members(
        &self,
        caller: Caller<'_>,
        id: &TeamId,
        known: Option<&ETag>,
    ) -> Result<Reply<People>, HerokuError> {
        let path = ["teams", &id.to_string(), "members"];
        let read = |json: TeamMemberJson| Ok(json.read());
        self.list(caller, &path, Call::TeamMembers, known, read)
            .await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        caller: Caller<'_>,
        path: &[&str],
        call: Call,
        known: Option<&ETag>,
    ) -> Result<Reply<T>, HerokuError> {
        let request = if_changed(self.authorized(caller.token, path)?, known);
        let answer = self.send(request, caller.pool, call).await?;
        if answer.is_unchanged(known, call)? {
            return Ok(Reply::Unchanged);
        }
        let etag = ETag::strong(&answer.headers);
        Ok(Reply::New(parse(&answer.body, call)?, etag))
    }

    /// A list on a single page that is not full can be requested conditionally. For any other list, a 304 for
    /// the first page would say nothing about the next page, so the list is always read completely.
    async fn list<T: DeserializeOwned>(
        &self,
        caller: Caller<'_>,
        path: &[&str],
        call: Call,
        known: Option<&ETag>,
        read: impl Fn(T) -> Result<Option<Person>, HerokuError>,
    ) -> Result<Reply<People>, HerokuError> {
        let mut people = Vec::new();
        let mut pages = Pages::new(call);
        loop {
            let mut request = self.authorized(caller.token, path)?;
            let known = known.filter(|_| pages.range().is_none());
            request = if_changed(request, known);
            if let Some(range) = pages.range() {
                request = request.header(RANGE, range);
            }
            let answer = self.send(request, caller.pool, call).await?;
            if answer.is_unchanged(known, call)? {
                return Ok(Reply::Unchanged);
            }
            let entries: Vec<T> = parse(&answer.body, call)?;
            let has_room = has_room(&answer.headers, entries.len());
            for entry in entries {
                people.extend(read(entry)?);
            }
            if !pages.turn(answer.status, &answer.headers)? {
                let whole = pages.range().is_none() && has_room;
                let etag = ETag::strong(&answer.headers).filter(|_| whole);
                return Ok(Reply::New(people.into_iter().collect(), etag));
            }
        }
    }

    pub(super) fn authorized(
        &self,
        token: &SecretString,
        path: &[&str],
    ) -> Result<RequestBuilder, HerokuError> {
        self.authorized_as(Method::GET, token, path)
    }

    pub(super) fn authorized_as(
        &self,
        method: Method,
        token: &SecretString,
        path: &[&str],
    ) -> Result<RequestBuilder, HerokuError> {
        let bearer = format!("Bearer {}", token.expose_secret());
        let mut bearer = HeaderValue::try_from(bearer)
            .map_err(|_| HerokuError::Malformed { about: "the token" })?;
        bearer.set_sensitive(true);
        let request = self.http.request(method, self.api_url.join(path));
        Ok(request
            .header(ACCEPT, "application/vnd.heroku+json; version=3")
            .header(AUTHORIZATION, bearer))
    }

    /// Sends a request, unless Heroku asked for a pause, and reads its answer completely.
    pub(super) async fn send(
        &self,
        request: RequestBuilder,
        pool: &RatePool,
        call: Call,
    ) -> Result<Answer, HerokuError> {
        let result = self.ask(request, pool, call).await;
        match &result {
            Ok(answer) => meter::api_call(call.label(), answer.status.as_str()),
            Err(error) => meter::api_call(call.label(), error.kind()),
        }
        result
    }

    async fn ask(
        &self,
        request: RequestBuilder,
        pool: &RatePool,
        call: Call,
    ) -> Result<Answer, HerokuError> {
        if let Some(retry_after) = pool.pause(self.clock.elapsed()) {
            return Err(HerokuError::RateLimited { retry_after });
        }
        let _under_way = pool.begin();
        let response = self.deliver(request).await;
        let response = response.map_err(HerokuError::transport)?;
        let status = response.status();
        let headers = response.headers().clone();
        self.drift
            .note(limits::clock_drift(&headers, self.clock.now()));
        if let Some(remaining) = limits::remaining(&headers) {
            pool.observe(remaining, self.clock.elapsed());
        }
        if status == StatusCode::NOT_MODIFIED {
            let body = Vec::new();
            return Ok(Answer {
                status,
                headers,
                body,
            });
        }
        if status.is_redirection() {
            return Err(HerokuError::Redirected);
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = limits::pause_after(&headers, self.clock.now(), self.longest_pause);
            pool.pause_until(self.clock.elapsed() + retry_after);
            return Err(HerokuError::RateLimited { retry_after });
        }
        let body = read_capped(response, call).await;
        if status.is_success() {
            return Ok(Answer {
                status,
                headers,
                body: body?,
            });
        }
        Err(refusal(status, &headers, &body.unwrap_or_default()))
    }

    /// A GET whose connection ends before an answer arrives is sent once more, within the same time limit.
    /// Servers close idle connections, sometimes just when one is used again.
    async fn deliver(&self, request: RequestBuilder) -> reqwest::Result<Response> {
        let request = request.build()?;
        let is_safe = *request.method() == Method::GET;
        let again = request.try_clone().filter(|_| is_safe);
        let passed = clock::stopwatch();
        match (self.http.execute(request).await, again) {
            (Err(error), Some(mut again)) if is_cut_off(&error) => {
                let left = self.timeout.saturating_sub(passed());
                *again.timeout_mut() = Some(left);
                self.http.execute(again).await
            }
            (result, _) => result,
        }
    }
}

pub(super) struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// True for a 304 to a conditional request; any other 304 is invalid.
    fn is_unchanged(&self, known: Option<&ETag>, call: Call) -> Result<bool, HerokuError> {
        match (self.status, known) {
            (StatusCode::NOT_MODIFIED, Some(_)) => Ok(true),
            (StatusCode::NOT_MODIFIED, None) => Err(HerokuError::Malformed {
                about: call.about(),
            }),
            _ => Ok(false),
        }
    }
}

fn is_cut_off(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && !error.is_timeout()
}

fn if_changed(request: RequestBuilder, known: Option<&ETag>) -> RequestBuilder {
    match known {
        Some(etag) => request.header(IF_NONE_MATCH, etag.as_str()),
        None => request,
    }
}

pub(super) fn parse<T: DeserializeOwned>(body: &[u8], call: Call) -> Result<T, HerokuError> {
    // The parser's own error is dropped, as it can quote the answer.
    serde_json::from_slice(body).map_err(|_| HerokuError::Malformed {
        about: call.about(),
    })
}

async fn read_capped(mut response: Response, call: Call) -> Result<Vec<u8>, HerokuError> {
    let too_large = || HerokuError::TooLarge {
        about: call.about(),
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

pub(super) fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HerokuError {
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
