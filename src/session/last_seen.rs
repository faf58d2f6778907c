//! When sessions were last used: noted in memory by each request, and written to the store in batches that
//! no request waits for. A lost batch is harmless.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::runtime::Handle;

use super::records::OwnRecords;
use crate::cause;
use crate::clock::{Reading, SharedClock};
use crate::expiring_map::ExpiringMap;
use crate::store::StoreError;
use crate::store::author::SessionKey;

/// A session's use is written at most once in this time.
pub(super) const PRECISION: Duration = Duration::from_secs(60);

/// How long a batch is collected.
const COLLECTED: Duration = Duration::from_secs(10);

/// The most uses in one batch; further ones are dropped.
const BATCH: usize = 10_000;

/// The uses that are not written yet.
pub(super) struct LastSeen {
    records: OwnRecords,
    clock: SharedClock,
    /// The sessions whose use was noted within [`PRECISION`].
    noted: ExpiringMap<SessionKey, Duration>,
    batch: Mutex<Vec<(SessionKey, OffsetDateTime)>>,
}

impl LastSeen {
    /// None without records in the crate's own store.
    pub(super) fn of(records: Option<&OwnRecords>, clock: &SharedClock) -> Option<Arc<Self>> {
        Some(Arc::new(Self {
            records: records?.clone(),
            clock: Arc::clone(clock),
            noted: ExpiringMap::new(PRECISION),
            batch: Mutex::default(),
        }))
    }

    /// Notes a use of a session that began at `began`, unless one was noted within [`PRECISION`].
    pub(super) fn note(self: &Arc<Self>, session: &SessionKey, began: OffsetDateTime) {
        let now = Reading::of(&self.clock);
        if now.now - began < PRECISION {
            return;
        }
        let is_due = |last: &Duration| now.elapsed >= *last + PRECISION;
        if !self.noted.put_if(session.clone(), now.elapsed, now, is_due) {
            return;
        }
        let is_first = {
            let mut batch = self.batch.lock();
            if batch.len() < BATCH {
                batch.push((session.clone(), now.now));
            }
            batch.len() == 1
        };
        if is_first && let Ok(runtime) = Handle::try_current() {
            runtime.spawn(write_later(Arc::downgrade(self), Arc::clone(&self.clock)));
        }
    }

    async fn write(&self) -> Result<(), StoreError> {
        let mut batch = std::mem::take(&mut *self.batch.lock());
        // All processes update rows in the same order.
        batch.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        self.records.calls()?.note_seen(&batch).await
    }
}

async fn write_later(of: Weak<LastSeen>, clock: SharedClock) {
    clock.sleep(COLLECTED).await;
    if let Some(of) = of.upgrade()
        && let Err(error) = of.write().await
    {
        tracing::debug!(%error, cause = cause::of(&error), "last use of sessions not stored");
    }
}

impl fmt::Debug for LastSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LastSeen({} waiting)", self.batch.lock().len())
    }
}
