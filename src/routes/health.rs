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

use crate::clock::{self, SharedClock};
use crate::deadlines::HEALTH;
use crate::handles::Lists;
use crate::store::StoreError;
use crate::sync::Health;

/// How long a result is reused.
const REUSED_FOR: Duration = Duration::from_secs(1);

/// The kind of a check.
#[derive(Clone, Copy)]
pub(super) enum Check {
    Alive,
    Ready,
}

/// One route, and the last result with its time.
struct HealthRoute {
    lists: Lists,
    clock: SharedClock,
    check: Check,
    /// A request that comes during a check waits for its result.
    last: Mutex<Option<(Duration, Health)>>,
}

pub(super) fn handler<S>(lists: Lists, clock: SharedClock, check: Check) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    let route = Arc::new(HealthRoute {
        lists,
        clock,
        check,
        last: Mutex::default(),
    });
    get(move || async move { route.answer().await })
}

impl HealthRoute {
    async fn answer(&self) -> Response {
        let health = clock::within(HEALTH, self.cached_health()).await;
        let health = health.unwrap_or_else(|| Health {
            store_error: Some(StoreError::new("the store did not answer in time")),
            ..Health::default()
        });
        let is_reachable = health.store_error.is_none();
        let (sync_alive, fresh) = match is_reachable {
            true => (health.sync_alive, health.fresh),
            false => (false, false),
        };
        let good = match self.check {
            Check::Alive => sync_alive,
            Check::Ready => sync_alive && fresh,
        };
        let oldest = health.oldest_list.filter(|_| is_reachable);
        let report = json!({
            "store_reachable": is_reachable,
            "sync_alive": sync_alive,
            "lists_fresh": fresh,
            "lists_lagging": is_reachable && health.lagging,
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
    async fn cached_health(&self) -> Health {
        let mut last = self.last.lock().await;
        if let Some((at, health)) = &*last
            && self.clock.elapsed() < *at + REUSED_FOR
        {
            return health.clone();
        }
        let health = self.lists.health().await;
        *last = Some((self.clock.elapsed(), health.clone()));
        health
    }
}
