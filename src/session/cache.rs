//! Grants that were read recently, from the session store or from a signed token.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heroku_sso_store::SessionKey;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use tower_sessions::session::Id;

use super::{Grant, SessionRef};
use crate::clock::AtomicInstant;
use crate::sync::{ClosedSessions, EntryRef};

/// The maximum number of cached grants.
const CAPACITY: usize = 10_000;

/// Avoids most reads of the session store, and most signature checks. A grant only identifies the user: the
/// list decides at every request whether the user may enter.
pub(super) struct GrantCache {
    kept: Duration,
    grants: Cache<Value<Box<str>>, Arc<Cached>>,
}

/// A session and its grant.
pub(crate) struct Cached {
    pub(crate) session: SessionRef,
    pub(crate) grant: Arc<Grant>,
    /// The list of the grant's resource.
    pub(crate) list: EntryRef,
    key: SessionKey,
    /// When it was read, by [`Clock::elapsed`](crate::Clock::elapsed).
    read_at: Duration,
    /// When its use was last noted.
    used_at: AtomicInstant,
    /// The number of closed sessions when this session was last known to be open.
    closed_before: AtomicU64,
}

impl Cached {
    pub(super) fn key(&self) -> &SessionKey {
        &self.key
    }

    /// True if its use was not noted within `span` before `now`, and is noted by this call.
    pub(super) fn note_use(&self, span: Duration, now: Duration) -> bool {
        let is_due = !self.used_at.is_within(span, now);
        if is_due {
            self.used_at.set(now);
        }
        is_due
    }
}

/// The value of a cookie, or a token, which is the key of a cached grant. Equality compares all of it. The
/// hash covers only its end, which holds a token's signature: the rest is long, and similar in all tokens.
/// Only values that a gate has made are cached, so an attacker cannot choose many with the same end.
#[derive(Eq, PartialEq)]
struct Value<T>(T);

impl<T: AsRef<str>> Hash for Value<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        /// In characters of 6 bits each.
        const END: usize = 24;
        let bytes = self.0.as_ref().as_bytes();
        state.write(&bytes[bytes.len().saturating_sub(END)..]);
    }
}

impl Equivalent<Value<Box<str>>> for Value<&str> {
    fn equivalent(&self, kept: &Value<Box<str>>) -> bool {
        *self.0 == *kept.0
    }
}

impl GrantCache {
    /// Caches each grant for this long; zero caches none.
    pub(super) fn new(kept: Duration) -> Self {
        let capacity = if kept.is_zero() { 0 } else { CAPACITY };
        Self {
            kept,
            grants: Cache::new(capacity),
        }
    }

    /// The grant, unless it was read too long ago or the session has been closed since.
    pub(super) fn get(
        &self,
        value: &str,
        closed: &ClosedSessions,
        now: Duration,
    ) -> Option<Arc<Cached>> {
        let cached = self.open(value, closed)?;
        let is_young = now.saturating_sub(cached.read_at) < self.kept;
        is_young.then_some(cached)
    }

    /// The grant however long ago it was read, for when the session store is unavailable. The list still
    /// decides.
    pub(super) fn get_old(&self, value: &str, closed: &ClosedSessions) -> Option<Arc<Grant>> {
        Some(Arc::clone(&self.open(value, closed)?.grant))
    }

    fn open(&self, value: &str, closed: &ClosedSessions) -> Option<Arc<Cached>> {
        if self.kept.is_zero() {
            return None;
        }
        let cached = self.grants.get(&Value(value))?;
        let count = closed.count();
        if cached.closed_before.load(Ordering::Relaxed) != count {
            if closed.has(&cached.key) {
                self.grants.remove(&Value(value));
                return None;
            }
            cached.closed_before.store(count, Ordering::Relaxed);
        }
        Some(cached)
    }

    /// Caches a grant that was read at `now`, when `closed_before` sessions had been closed.
    pub(super) fn put(
        &self,
        value: &str,
        session: SessionRef,
        grant: &Arc<Grant>,
        closed_before: u64,
        now: Duration,
    ) {
        if self.kept.is_zero() {
            return;
        }
        let cached = Cached {
            key: session.key(),
            session,
            grant: Arc::clone(grant),
            list: EntryRef::default(),
            read_at: now,
            used_at: AtomicInstant::default(),
            closed_before: AtomicU64::new(closed_before),
        };
        self.grants.insert(Value(value.into()), Arc::new(cached));
    }

    pub(super) fn forget(&self, value: &str) {
        self.grants.remove(&Value(value));
    }
}

/// The ids of the sessions that this process opened or read last. They are known to be genuine even when
/// the store is unavailable.
pub(super) struct SeenIds(Cache<Id, ()>);

impl SeenIds {
    pub(super) fn note(&self, id: Id) {
        self.0.insert(id, ());
    }

    pub(super) fn has(&self, id: &Id) -> bool {
        self.0.get(id).is_some()
    }
}

impl Default for SeenIds {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl fmt::Debug for SeenIds {
    /// Session ids are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeenIds(..)")
    }
}

impl fmt::Debug for GrantCache {
    /// Session ids and tokens are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantCache")
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}
