//! Health checks: is the process alive, and are its lists fresh enough?

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde_json::json;
use tokio::sync::Mutex;

use crate::clock;
use crate::deadlines::HEALTH;
use crate::heroku_sso::HerokuSso;
use crate::store::StoreError;
use crate::sync::{Health, SyncError};

/// How long a result is reused.
const KEPT: Duration = Duration::from_secs(1);

/// The last result, and its time. A request that comes during a check waits for its result.
type Last = Mutex<Option<(Duration, Result<Health, SyncError>)>>;

/// The kind of a check.
#[derive(Clone, Copy)]
enum Check {
    Alive,
    Ready,
}

impl HerokuSso {
    /// A handler for `/healthz`, outside of the gate: 200 while the store answers and the sync runs,
    /// else 503. While the database is unavailable a restart does not help: see DEPLOYING.md.
    ///
    /// A result is reused for a second, so that the route may be public. A store that does
    /// not answer within five seconds counts as unavailable.
    ///
    /// The body has the details: `store_reachable`, `sync_alive`, `lists_fresh`,
    /// `lists_behind`, and `oldest_list_age_seconds` (null without a list).
    pub fn healthz<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        self.check(Check::Alive)
    }

    /// A handler for `/readyz`: as [`healthz`](Self::healthz), and 503 also while a list in
    /// use is older than `max_list_age`, so that its users get 503. Use this one for alerts: a restart
    /// does not help if it is Heroku that does not answer.
    pub fn readyz<S>(&self) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        self.check(Check::Ready)
    }

    fn check<S>(&self, check: Check) -> MethodRouter<S>
    where
        S: Clone + Send + Sync + 'static,
    {
        let sso = self.clone();
        let last: Arc<Last> = Arc::default();
        get(move || async move { sso.answer(check, &last).await })
    }

    async fn answer(&self, check: Check, last: &Last) -> Response {
        let health = clock::within(HEALTH, self.cached_health(last)).await;
        let health = health
            .unwrap_or_else(|| Err(StoreError::new("the store did not answer in time").into()));
        let found = health.as_ref().ok();
        let sync_alive = found.is_some_and(|health| health.sync_alive);
        let fresh = found.is_some_and(|health| health.fresh);
        let good = match check {
            Check::Alive => sync_alive,
            Check::Ready => sync_alive && fresh,
        };
        let oldest = found.and_then(|health| health.oldest_list);
        let report = json!({
            "store_reachable": health.is_ok(),
            "sync_alive": sync_alive,
            "lists_fresh": fresh,
            "lists_behind": found.is_some_and(|health| health.behind),
            "oldest_list_age_seconds": oldest.map(|age| age.as_secs()),
        });
        let status = match good {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        let no_store = [(CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (status, no_store, Json(report)).into_response()
    }

    /// The route is public: however many requests come, one check a second is made.
    async fn cached_health(&self, last: &Last) -> Result<Health, SyncError> {
        let clock = self.directory.clock();
        let mut last = last.lock().await;
        if let Some((at, health)) = &*last
            && clock.elapsed() < *at + KEPT
        {
            return health.clone();
        }
        let health = self.health().await;
        *last = Some((clock.elapsed(), health.clone()));
        health
    }
}
