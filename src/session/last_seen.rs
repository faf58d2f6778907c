//! When sessions were last used: noted in memory by each request, and written to the store in batches that
//! no request waits for. A lost batch is harmless.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use heroku_sso_store::SessionKey;
use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::records::OwnRecords;
use crate::clock::{Reading, SharedClock};
use crate::error_chain;
use crate::expiring_map::ExpiringMap;
use crate::store::StoreError;

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
    batch: Mutex<Batch>,
}

#[derive(Default)]
struct Batch {
    uses: Vec<(SessionKey, OffsetDateTime)>,
    /// The task that writes them, until it finds none.
    writer: Option<JoinHandle<()>>,
}

impl Batch {
    /// False also if the task was lost, by a panic or with its runtime.
    fn has_writer(&self) -> bool {
        self.writer.as_ref().is_some_and(|it| !it.is_finished())
    }

    /// The uses to write. Without any, the task that asks ends, and the next use starts another.
    fn take(&mut self) -> Vec<(SessionKey, OffsetDateTime)> {
        if self.uses.is_empty() {
            self.writer = None;
        }
        std::mem::take(&mut self.uses)
    }
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
        if now.date() - began < PRECISION {
            return;
        }
        let is_due = |last: &Duration| now.elapsed >= *last + PRECISION;
        if !self.noted.put_if(session.clone(), now.elapsed, now, is_due) {
            return;
        }
        let mut batch = self.batch.lock();
        if batch.uses.len() < BATCH {
            batch.uses.push((session.clone(), now.date()));
        }
        if !batch.has_writer()
            && let Ok(runtime) = Handle::try_current()
        {
            let writing = write_later(Arc::downgrade(self), Arc::clone(&self.clock));
            batch.writer = Some(runtime.spawn(writing));
        }
    }

    /// False if there was nothing to write.
    async fn write(&self) -> Result<bool, StoreError> {
        let mut uses = self.batch.lock().take();
        if uses.is_empty() {
            return Ok(false);
        }
        // All processes update rows in the same order.
        uses.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        self.records.calls()?.note_seen(&uses).await?;
        Ok(true)
    }
}

async fn write_later(of: Weak<LastSeen>, clock: SharedClock) {
    loop {
        clock.sleep(COLLECTED).await;
        let Some(of) = of.upgrade() else { return };
        match of.write().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::debug!(%error, cause = error_chain::of(&error), "last use of sessions not stored");
            }
        }
    }
}

impl fmt::Debug for LastSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LastSeen({} waiting)", self.batch.lock().uses.len())
    }
}
