//! Grants that were read a moment ago, from the session store or from a signed token.

use std::fmt;
use std::hash::Hash;
#[cfg(feature = "jwt")]
use std::hash::Hasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quick_cache::Equivalent;
use quick_cache::sync::Cache;

use super::Grant;
use crate::store::SessionKey;
use crate::sync::ClosedSessions;

/// How many grants are kept.
const CAPACITY: usize = 10_000;

/// Spares a session store in another process most of its reads, and the processor most of its
/// signature checks. A grant is only who somebody is: whether they may enter is asked of the list, at
/// every request.
pub(super) struct GrantCache<K> {
    kept: Duration,
    grants: Cache<K, Arc<Cached>>,
}

/// A grant, and the name of its session.
pub(super) struct Cached {
    pub(super) grant: Arc<Grant>,
    pub(super) key: SessionKey,
    /// Of [`Clock::elapsed`](crate::Clock::elapsed).
    read_at: Duration,
    /// How many sessions had been closed when this one was last known not to be among them.
    closed_before: AtomicU64,
}

/// A signed token by which a grant is found again. Equal if all of it is; its hash is that of its end
/// alone, where the signature is: the rest is long, and much the same in all tokens. Only tokens that
/// were signed here are kept, so nobody can choose many that end alike.
#[cfg(feature = "jwt")]
#[derive(Clone, Eq, PartialEq)]
pub(super) struct Token<T>(pub(super) T);

#[cfg(feature = "jwt")]
impl<T: AsRef<str>> Hash for Token<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        /// Of characters of 6 bits each.
        const END: usize = 24;
        let bytes = self.0.as_ref().as_bytes();
        state.write(&bytes[bytes.len().saturating_sub(END)..]);
    }
}

#[cfg(feature = "jwt")]
impl Equivalent<Token<Box<str>>> for Token<&str> {
    fn equivalent(&self, kept: &Token<Box<str>>) -> bool {
        *self.0 == *kept.0
    }
}

impl<K: Clone + Eq + Hash> GrantCache<K> {
    /// Keeps each grant for this long; zero keeps none.
    pub(super) fn new(kept: Duration) -> Self {
        let capacity = if kept.is_zero() { 0 } else { CAPACITY };
        Self {
            kept,
            grants: Cache::new(capacity),
        }
    }

    /// The grant, unless it was read too long ago or the session was closed since.
    pub(super) fn get<Q>(
        &self,
        id: &Q,
        closed: &ClosedSessions,
        now: Duration,
    ) -> Option<Arc<Cached>>
    where
        Q: Equivalent<K> + Hash + ?Sized,
    {
        let cached = self.open(id, closed)?;
        let is_young = now.saturating_sub(cached.read_at) < self.kept;
        is_young.then_some(cached)
    }

    /// The grant however long ago it was read, for when the store does not answer. It still ends when
    /// it says, and its list still decides.
    pub(super) fn get_old<Q>(&self, id: &Q, closed: &ClosedSessions) -> Option<Arc<Grant>>
    where
        Q: Equivalent<K> + Hash + ?Sized,
    {
        Some(Arc::clone(&self.open(id, closed)?.grant))
    }

    fn open<Q>(&self, id: &Q, closed: &ClosedSessions) -> Option<Arc<Cached>>
    where
        Q: Equivalent<K> + Hash + ?Sized,
    {
        if self.kept.is_zero() {
            return None;
        }
        let cached = self.grants.get(id)?;
        let count = closed.count();
        if cached.closed_before.load(Ordering::Relaxed) != count {
            if closed.has(&cached.key) {
                self.grants.remove(id);
                return None;
            }
            cached.closed_before.store(count, Ordering::Relaxed);
        }
        Some(cached)
    }

    /// Keeps what was read at `now`, when `closed_before` sessions had been closed.
    pub(super) fn put(
        &self,
        id: K,
        key: &SessionKey,
        grant: &Arc<Grant>,
        closed_before: u64,
        now: Duration,
    ) {
        if self.kept.is_zero() {
            return;
        }
        let cached = Cached {
            grant: Arc::clone(grant),
            key: key.clone(),
            read_at: now,
            closed_before: AtomicU64::new(closed_before),
        };
        self.grants.insert(id, Arc::new(cached));
    }

    pub(super) fn forget(&self, id: &K) {
        self.grants.remove(id);
    }
}

impl<K> fmt::Debug for GrantCache<K> {
    /// Session ids and tokens are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantCache")
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}
