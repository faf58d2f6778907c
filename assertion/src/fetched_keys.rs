//! The gate's public keys, fetched from its JWK set.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use reqwest::{Client, redirect};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use url::{Host, Url};

use crate::clock::Clock;
use crate::jwt::PublicKeys;

/// The maximum length of a set, in bytes. A set of two keys has about half a kilobyte.
const MAX_SET: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
/// Keys of this age are fetched again in the background.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Keys of this age are fetched again before the request is checked: a removed key is thus rejected even
/// after a quiet night.
const STALE: Duration = Duration::from_secs(20 * 60);
/// Keys of this age are no longer used, even if all later fetches have failed.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The minimum interval between fetches for unknown key names, which may be invented.
const AFTER_SUCCESS: Duration = Duration::from_secs(30);
/// The minimum interval after a failed fetch.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Why keys can never be fetched, whatever the server answers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksSetupError {
    /// The address is invalid, is neither https nor on this machine, or has a query, a fragment or
    /// credentials.
    #[error("the address of the keys must be https, or http to this machine, without a query")]
    Address,
    /// The HTTP client cannot start.
    #[error("the HTTP client cannot start")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The keys are unavailable.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoKeys;

pub(super) struct FetchedKeys {
    http: Client,
    url: Url,
    clock: Clock,
    known: ArcSwap<Known>,
    /// When the next fetch may begin. Locked during a fetch, so that there is never a second one.
    next_fetch: Mutex<Duration>,
}

#[derive(Default)]
struct Known {
    keys: Arc<PublicKeys>,
    fetched_at: Option<Duration>,
}

impl FetchedKeys {
    pub(super) fn new(url: &str) -> Result<Self, JwksSetupError> {
        let url = Url::parse(url).map_err(|_| JwksSetupError::Address)?;
        let is_bare = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        let is_local = url.scheme() == "http" && is_loopback(&url);
        if !is_bare || !(url.scheme() == "https" || is_local) {
            return Err(JwksSetupError::Address);
        }
        let mut http = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT);
        if is_loopback(&url) {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http
                .build()
                .map_err(|error| JwksSetupError::Client(error.into()))?,
            url,
            clock: Clock::system(),
            known: ArcSwap::default(),
            next_fetch: Mutex::default(),
        })
    }

    /// The same with another clock, without keys yet.
    pub(super) fn by_clock(&self, clock: Clock) -> Self {
        Self {
            http: self.http.clone(),
            url: self.url.clone(),
            clock,
            known: ArcSwap::default(),
            next_fetch: Mutex::default(),
        }
    }

    /// The keys to check a token that names `key` as its signing key. Fetches them if they are missing
    /// or too old. Fetches them once more, at most every thirty seconds, if they do not contain that key.
    pub(super) async fn for_key(self: &Arc<Self>, key: &str) -> Result<Arc<PublicKeys>, NoKeys> {
        let known = self.known(self.clock.elapsed());
        let known = known.filter(|(keys, age)| keys.knows(key) && *age < STALE);
        if let Some((keys, age)) = known {
            // A fetch that is already running is enough.
            if age >= FRESH && self.next_fetch.try_lock().is_ok() {
                drop(self.fetch_unless_known(key, FRESH));
            }
            return Ok(keys);
        }
        // A failure of the task counts as a failed fetch.
        let _ = self.fetch_unless_known(key, STALE).await;
        let known = self.known(self.clock.elapsed());
        known.map(|(keys, _)| keys).ok_or(NoKeys)
    }

    fn known(&self, now: Duration) -> Option<(Arc<PublicKeys>, Duration)> {
        let known = self.known.load();
        let age = now.saturating_sub(known.fetched_at?);
        (age < KEPT).then(|| (Arc::clone(&known.keys), age))
    }

    /// Fetches, unless keys younger than `age` already contain this one. Runs in a task of its own: the
    /// client may disconnect while other requests wait for the keys too.
    fn fetch_unless_known(self: &Arc<Self>, key: &str, age: Duration) -> JoinHandle<()> {
        let (keys, key) = (Arc::clone(self), key.to_owned());
        tokio::spawn(async move {
            let mut next_fetch = keys.next_fetch.lock().await;
            let now = keys.clock.elapsed();
            let known = keys.known(now);
            let is_known = known.is_some_and(|(keys, its)| its < age && keys.knows(&key));
            if is_known || now < *next_fetch {
                return;
            }
            let pause = match keys.try_fetch().await {
                Ok(fetched) => {
                    keys.known.store(Arc::new(Known {
                        keys: Arc::new(fetched),
                        fetched_at: Some(keys.clock.elapsed()),
                    }));
                    AFTER_SUCCESS
                }
                Err(reason) => {
                    tracing::warn!(
                        reason,
                        "fetching the assertion keys failed; the last ones stay in use"
                    );
                    AFTER_FAILURE
                }
            };
            // From the current time, as the fetch may have been slow.
            *next_fetch = keys.clock.elapsed() + pause;
        })
    }

    async fn try_fetch(&self) -> Result<PublicKeys, &'static str> {
        let response = self.http.get(self.url.clone()).send().await;
        let response = response.map_err(|_| "no response")?;
        if response.status() != StatusCode::OK {
            return Err("not a 200");
        }
        let body = http::Response::<reqwest::Body>::from(response).into_body();
        let body = Limited::new(body, MAX_SET).collect().await;
        let body = body.map_err(|_| "the body is incomplete or too large")?;
        // An empty set is valid too: no key is accepted any more.
        PublicKeys::from_jwks(&body.to_bytes()).map_err(|_| "not a JWK set")
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}

impl fmt::Debug for FetchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedKeys")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}
