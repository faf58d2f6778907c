//! Notes that are forgotten after a while.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use crate::clock::Reading;

/// A note about each of some things, kept for a while.
pub(crate) struct ExpiringMap<K, T> {
    kept: Duration,
    notes: Mutex<Notes<K, T>>,
}

struct Notes<K, T> {
    by_key: HashMap<K, (T, Reading)>,
    /// Of [`Clock::elapsed`](crate::Clock::elapsed).
    sweep_at: Duration,
}

impl<K: Eq + Hash, T> ExpiringMap<K, T> {
    pub(crate) fn new(kept: Duration) -> Self {
        let notes = Notes {
            by_key: HashMap::new(),
            sweep_at: Duration::ZERO,
        };
        Self {
            kept,
            notes: Mutex::new(notes),
        }
    }

    /// Notes this, unless there is a note that `may_replace` does not let go. True if it was noted.
    pub(crate) fn put_if(
        &self,
        key: K,
        note: T,
        now: Reading,
        may_replace: impl FnOnce(&T) -> bool,
    ) -> bool {
        let mut notes = self.notes();
        if notes.sweep_at <= now.elapsed {
            // By both clocks: one that is set forth and back makes nobody forget.
            notes.by_key.retain(|_, (_, at)| {
                now.elapsed.saturating_sub(at.elapsed) < self.kept || now.now - at.now < self.kept
            });
            notes.sweep_at = now.elapsed.saturating_add(self.kept);
        }
        let known = notes.by_key.get(&key);
        let may_replace = known.is_none_or(|(known, _)| may_replace(known));
        if may_replace {
            notes.by_key.insert(key, (note, now));
        }
        may_replace
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.notes().by_key.contains_key(key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<T>
    where
        T: Clone,
    {
        self.notes().by_key.get(key).map(|(note, _)| note.clone())
    }

    pub(crate) fn remove(&self, key: &K) {
        self.notes().by_key.remove(key);
    }

    fn notes(&self) -> MutexGuard<'_, Notes<K, T>> {
        self.notes.lock()
    }
}

impl<K, T> fmt::Debug for ExpiringMap<K, T> {
    /// What it is about may be a secret: session ids are, also those of closed sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpiringMap(..)")
    }
}
