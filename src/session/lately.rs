//! What was done to sessions lately, for requests that were under way at that moment.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use tower_sessions::session::Id;

/// A note about each of some sessions, forgotten after a while.
pub(super) struct Lately<T> {
    kept: Duration,
    notes: Mutex<Notes<T>>,
}

struct Notes<T> {
    by_id: HashMap<Id, (T, OffsetDateTime)>,
    sweep_at: Option<OffsetDateTime>,
}

impl<T> Lately<T> {
    pub(super) fn new(kept: Duration) -> Self {
        let notes = Notes {
            by_id: HashMap::new(),
            sweep_at: None,
        };
        Self {
            kept,
            notes: Mutex::new(notes),
        }
    }

    /// Notes this, unless there is a note that `may_replace` does not let go. True if it was noted.
    pub(super) fn put_if(
        &self,
        id: Id,
        note: T,
        now: OffsetDateTime,
        may_replace: impl FnOnce(&T) -> bool,
    ) -> bool {
        let mut notes = self.notes();
        if notes.sweep_at.is_none_or(|at| at <= now) {
            notes.by_id.retain(|_, (_, at)| now - *at < self.kept);
            notes.sweep_at = Some(now + self.kept);
        }
        let known = notes.by_id.get(&id);
        let may_replace = known.is_none_or(|(known, _)| may_replace(known));
        if may_replace {
            notes.by_id.insert(id, (note, now));
        }
        may_replace
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.notes().by_id.contains_key(id)
    }

    pub(super) fn remove(&self, id: &Id) {
        self.notes().by_id.remove(id);
    }

    fn notes(&self) -> MutexGuard<'_, Notes<T>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> fmt::Debug for Lately<T> {
    /// Session ids are secrets, also those of closed sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lately(..)")
    }
}
