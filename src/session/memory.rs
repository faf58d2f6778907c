//! Sessions in this process's memory.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use time::{Duration, OffsetDateTime};
use tower_sessions::SessionStore;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::Result;

use crate::clock::{SharedClock, SystemClock};

/// A session store in memory: for one process, which loses the sessions when it ends.
///
/// It is the default only if the gate's [`store`](crate::HerokuSsoBuilder::store) keeps no sessions. Unlike
/// `tower_sessions::MemoryStore` it deletes expired records, at most once a minute when a session is created,
/// so that its size follows the number of live sessions.
#[derive(Clone)]
pub struct MemorySessions {
    records: Arc<Mutex<Records>>,
    clock: SharedClock,
}

#[derive(Default)]
struct Records {
    by_id: HashMap<Id, Record>,
    sweep_at: Option<OffsetDateTime>,
}

impl MemorySessions {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            records: Arc::default(),
            clock,
        }
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock()
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock::default()))
    }
}

impl fmt::Debug for MemorySessions {
    /// Session ids are secrets: only their number is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions")
            .field("records", &self.records().by_id.len())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl SessionStore for MemorySessions {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let now = self.clock.now();
        let mut records = self.records();
        if records.sweep_at.is_none_or(|at| at <= now) {
            records.by_id.retain(|_, record| record.expiry_date > now);
            records.sweep_at = Some(now + Duration::MINUTE);
        }
        while records.by_id.contains_key(&record.id) {
            record.id = Id::default();
        }
        records.by_id.insert(record.id, record.clone());
        Ok(())
    }

    async fn save(&self, record: &Record) -> Result<()> {
        self.records().by_id.insert(record.id, record.clone());
        Ok(())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let now = self.clock.now();
        let records = self.records();
        let record = records.by_id.get(id);
        Ok(record.filter(|record| record.expiry_date > now).cloned())
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        self.records().by_id.remove(id);
        Ok(())
    }
}
