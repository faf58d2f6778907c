//! The gate's public keys, fetched from its JWK set.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use http_body_util::{BodyExt, Limited};
use reqwest::{Client, redirect};
use tokio::sync::Mutex;
use url::Url;

use crate::clock::SharedClock;
use crate::heroku::HerokuUrl;
use crate::jwt::PublicKeys;

/// A set of two keys has about half a kilobyte.
const MAX_SET: usize = 64 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);
/// Keys this old are fetched again, beside the request that notices.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// Keys this old count no more, however often a fetch has failed since.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Made-up key names cause no more fetches than this.
const BETWEEN_FETCHES: Duration = Duration::from_secs(30);

/// The address is neither https nor on this machine, or no address at all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the address of the keys must be https, or http to this machine, without a query")]
pub struct InvalidJwksUrl;

/// The keys cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct NoKeys;

pub(super) struct FetchedKeys {
    http: Client,
    url: Url,
    clock: SharedClock,
    known: ArcSwap<Known>,
    /// Held while a fetch is under way: there is never a second one. When the last one began.
    last_fetch: Mutex<Option<Duration>>,
}

#[derive(Default)]
struct Known {
    keys: Arc<PublicKeys>,
    fetched_at: Option<Duration>,
}

impl FetchedKeys {
    pub(super) fn new(url: &str, clock: SharedClock) -> Result<Self, InvalidJwksUrl> {
        let address: HerokuUrl = url.parse().map_err(|_| InvalidJwksUrl)?;
        let mut http = Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(TIMEOUT);
        if address.is_loopback() {
            http = http.no_proxy();
        }
        Ok(Self {
            http: http.build().map_err(|_| InvalidJwksUrl)?,
            url: Url::parse(url).map_err(|_| InvalidJwksUrl)?,
            clock,
            known: ArcSwap::default(),
            last_fetch: Mutex::default(),
        })
    }

    /// The keys to check a token with that says it was signed by `key`. Fetches them if they are not
    /// there, and once more, at most every thirty seconds, if they do not know that one.
    pub(super) async fn for_key(self: &Arc<Self>, key: &str) -> Result<Arc<PublicKeys>, NoKeys> {
        let now = self.clock.elapsed();
        if let Some((keys, age)) = self.known(now)
            && keys.knows(key)
        {
            if age >= FRESH {
                self.fetch_beside();
            }
            return Ok(keys);
        }
        self.fetch_unless_known(key).await;
        let known = self.known(self.clock.elapsed());
        known.map(|(keys, _)| keys).ok_or(NoKeys)
    }

    fn known(&self, now: Duration) -> Option<(Arc<PublicKeys>, Duration)> {
        let known = self.known.load();
        let age = now.saturating_sub(known.fetched_at?);
        (age < KEPT).then(|| (Arc::clone(&known.keys), age))
    }

    async fn fetch_unless_known(&self, key: &str) {
        let mut last_fetch = self.last_fetch.lock().await;
        let now = self.clock.elapsed();
        let is_known = self.known(now).is_some_and(|(keys, _)| keys.knows(key));
        if is_known || last_fetch.is_some_and(|last| now < last + BETWEEN_FETCHES) {
            return;
        }
        *last_fetch = Some(now);
        self.fetch().await;
    }

    fn fetch_beside(self: &Arc<Self>) {
        let keys = Arc::clone(self);
        tokio::spawn(async move {
            let Ok(mut last_fetch) = keys.last_fetch.try_lock() else {
                return;
            };
            let now = keys.clock.elapsed();
            if last_fetch.is_none_or(|last| now >= last + BETWEEN_FETCHES) {
                *last_fetch = Some(now);
                keys.fetch().await;
            }
        });
    }

    async fn fetch(&self) {
        match self.try_fetch().await {
            Ok(keys) => self.known.store(Arc::new(Known {
                keys: Arc::new(keys),
                fetched_at: Some(self.clock.elapsed()),
            })),
            Err(reason) => {
                tracing::warn!(
                    reason,
                    "the keys of assertions could not be fetched; the last ones stay"
                );
            }
        }
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
        let keys = PublicKeys::from_jwks(&body.to_bytes()).map_err(|_| "not a JWK set")?;
        if keys.is_empty() {
            return Err("a set without a key of a kind that is used here");
        }
        Ok(keys)
    }
}

impl fmt::Debug for FetchedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchedKeys")
            .field("url", &self.url.as_str())
            .finish_non_exhaustive()
    }
}
