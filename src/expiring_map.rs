//! A map whose entries expire.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use crate::clock::Reading;

/// A TTL map: one value for each key, kept for at least a fixed time. An expired value stays visible until
/// [`put_if`](Self::put_if) sweeps it, at most once in that time.
pub(crate) struct ExpiringMap<K, T> {
    kept: Duration,
    notes: Mutex<Notes<K, T>>,
}

struct Notes<K, T> {
    by_key: HashMap<K, (T, Reading)>,
    /// By [`Clock::elapsed`](crate::Clock::elapsed).
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

    /// Stores the value, unless there is one that `may_replace` keeps. True if it was stored.
    pub(crate) fn put_if(
        &self,
        key: K,
        note: T,
        now: Reading,
        may_replace: impl FnOnce(&T) -> bool,
    ) -> bool {
        let mut notes = self.notes();
        if notes.sweep_at <= now.elapsed {
            // Only what both clocks call old expires: setting the wall clock forward expires nothing.
            notes.by_key.retain(|_, (_, at)| {
                let by_wall = now.unix.since(at.unix);
                now.elapsed.saturating_sub(at.elapsed) < self.kept
                    || by_wall.is_none_or(|by_wall| by_wall < self.kept)
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
    /// Omits the keys. They may be secrets: session ids are, including those of closed sessions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpiringMap(..)")
    }
}
