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

/// A set of two keys has about half a kilobyte.
const MAX_SET: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
/// Keys this old are fetched again, beside the request that notices.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Keys this old are fetched again first: after a quiet night a removed key opens nothing.
const STALE: Duration = Duration::from_secs(20 * 60);
/// Keys this old count no more, however often a fetch has failed since.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Made-up key names cause no more fetches than this.
const AFTER_SUCCESS: Duration = Duration::from_secs(30);
/// And a server that does not answer is left alone for this long.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Why keys cannot be fetched, whatever the server says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JwksSetupError {
    /// The address is neither https nor on this machine, or no address at all.
    #[error("the address of the keys must be https, or http to this machine, without a query")]
    Address,
    /// The http client cannot start.
    #[error("the http client cannot start")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The keys cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoKeys;

pub(super) struct FetchedKeys {
    http: Client,
    url: Url,
    clock: Clock,
    known: ArcSwap<Known>,
    /// Held while a fetch is under way: there is never a second one. When the next one may begin.
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

    /// The same by another clock, with no keys yet.
    pub(super) fn by_clock(&self, clock: Clock) -> Self {
        Self {
            http: self.http.clone(),
            url: self.url.clone(),
            clock,
            known: ArcSwap::default(),
            next_fetch: Mutex::default(),
        }
    }

    /// The keys to check a token with that says it was signed by `key`. Fetches them if they are not
    /// there or too old, and once more, at most every thirty seconds, if they do not know that one.
    pub(super) async fn for_key(self: &Arc<Self>, key: &str) -> Result<Arc<PublicKeys>, NoKeys> {
        let known = self.known(self.clock.elapsed());
        let known = known.filter(|(keys, age)| keys.knows(key) && *age < STALE);
        if let Some((keys, age)) = known {
            // One that is under way will do.
            if age >= FRESH && self.next_fetch.try_lock().is_ok() {
                drop(self.fetch_unless_known(key, FRESH));
            }
            return Ok(keys);
        }
        // A failure of the task is one of the fetch.
        let _ = self.fetch_unless_known(key, STALE).await;
        let known = self.known(self.clock.elapsed());
        known.map(|(keys, _)| keys).ok_or(NoKeys)
    }

    fn known(&self, now: Duration) -> Option<(Arc<PublicKeys>, Duration)> {
        let known = self.known.load();
        let age = now.saturating_sub(known.fetched_at?);
        (age < KEPT).then(|| (Arc::clone(&known.keys), age))
    }

    /// Fetches, unless keys younger than `age` know this one by then. In a task of its own: whoever
    /// wants the keys may hang up, and others wait for them too.
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
                        "the keys of assertions could not be fetched; the last ones stay"
                    );
                    AFTER_FAILURE
                }
            };
            // From now, as that may have taken its time.
            *next_fetch = keys.clock.elapsed() + pause;
        })
    }

    async fn try_fetch(&self) -> Result<PublicKeys, &'static str> {
        let response = self.http.get(self.url.clone()).send().await;
        let response = response.map_err(|_| "no answer")?;
        if response.status() != StatusCode::OK {
            return Err("not a 200");
        }
        let body = http::Response::<reqwest::Body>::from(response).into_body();
        let body = Limited::new(body, MAX_SET).collect().await;
        let body = body.map_err(|_| "the body broke off or is too large")?;
        // An empty set is an answer too: no key counts any more.
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
