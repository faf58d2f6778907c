//! Sends requests to Heroku's two hosts, and reads their answers.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::{Client, RequestBuilder, Response, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use super::drift::ClockDrift;
use super::etag::ETag;
use super::pool::RatePool;
use super::wire::ErrorJson;
use super::{Call, HerokuAnswer, HerokuError, HerokuUrl, limits};
use crate::clock::{self, SharedClock};
use crate::deadlines::{HEROKU_CONNECT, HEROKU_READ};
use crate::meter;

/// The maximum size of an answer, in bytes. A page of 1,000 collaborators has about 400 kB.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
const USER_AGENT: &str = concat!("tower-heroku-sso/", env!("CARGO_PKG_VERSION"));

/// Holds the connections, and obeys Heroku's pauses.
#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    api_url: HerokuUrl,
    clock: SharedClock,
    timeout: Duration,
    longest_pause: Duration,
    drift: ClockDrift,
}

impl Transport {
    /// `is_local`: one of Heroku's hosts is this machine.
    pub(super) fn new(
        api_url: HerokuUrl,
        is_local: bool,
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
        if is_local {
            // Plain http to this machine must not go through a proxy, which would see the token.
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(HerokuError::transport)?,
            api_url,
            clock,
            timeout,
            longest_pause: longest_pause.min(limits::LONGEST_PAUSE),
            drift: ClockDrift::default(),
        })
    }

    pub(super) fn clock(&self) -> &SharedClock {
        &self.clock
    }

    /// How far Heroku's clock is ahead of ours, according to its last answer.
    pub(super) fn clock_drift(&self) -> Option<time::Duration> {
        self.drift.last()
    }

    /// A request to the Platform API.
    pub(super) fn to_api(
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

    /// A request without a token.
    pub(super) fn post(&self, url: Url) -> RequestBuilder {
        self.http.post(url)
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
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// True for a 304 to a conditional request; any other 304 is invalid.
    pub(super) fn is_unchanged(
        &self,
        known: Option<&ETag>,
        call: Call,
    ) -> Result<bool, HerokuError> {
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
