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
    entries: Mutex<Entries<K, T>>,
}

struct Entries<K, T> {
    by_key: HashMap<K, (T, Reading)>,
    /// By [`Clock::elapsed`](crate::Clock::elapsed).
    sweep_at: Duration,
}

impl<K: Eq + Hash, T> ExpiringMap<K, T> {
    pub(crate) fn new(kept: Duration) -> Self {
        let entries = Entries {
            by_key: HashMap::new(),
            sweep_at: Duration::ZERO,
        };
        Self {
            kept,
            entries: Mutex::new(entries),
        }
    }

    /// Stores the value, unless there is one that `may_replace` keeps. True if it was stored.
    pub(crate) fn put_if(
        &self,
        key: K,
        value: T,
        now: Reading,
        may_replace: impl FnOnce(&T) -> bool,
    ) -> bool {
        let mut entries = self.entries();
        if entries.sweep_at <= now.elapsed {
            // Only what both clocks call old expires: setting the wall clock forward expires nothing.
            entries.by_key.retain(|_, (_, at)| {
                let by_wall = now.unix.since(at.unix);
                now.elapsed.saturating_sub(at.elapsed) < self.kept
                    || by_wall.is_none_or(|by_wall| by_wall < self.kept)
            });
            entries.sweep_at = now.elapsed.saturating_add(self.kept);
        }
        let known = entries.by_key.get(&key);
        let may_replace = known.is_none_or(|(known, _)| may_replace(known));
        if may_replace {
            entries.by_key.insert(key, (value, now));
        }
        may_replace
    }

    pub(crate) fn has(&self, key: &K) -> bool {
        self.entries().by_key.contains_key(key)
    }

    pub(crate) fn get(&self, key: &K) -> Option<T>
    where
        T: Clone,
    {
        self.entries()
            .by_key
            .get(key)
            .map(|(value, _)| value.clone())
    }

    pub(crate) fn remove(&self, key: &K) {
        self.entries().by_key.remove(key);
    }

    fn entries(&self) -> MutexGuard<'_, Entries<K, T>> {
        self.entries.lock()
    }
}

impl<K, T> fmt::Debug for ExpiringMap<K, T> {
    /// Omits the entries, which identify sessions and used forms.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExpiringMap(..)")
    }
}
