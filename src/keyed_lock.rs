//! A lock by key. A key costs memory only while its lock is held or waited for.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::OwnedMutexGuard;

/// Work under one key runs one after the other, in its order of arrival; work under different keys runs in
/// parallel.
pub(crate) struct KeyedLock<K: Eq + Hash>(Arc<Mutex<HashMap<K, Slot>>>);

#[derive(Default)]
struct Slot {
    lock: Arc<tokio::sync::Mutex<()>>,
    /// The number of tasks that hold the lock or wait for it.
    wanted_by: usize,
}

/// Holds the lock of one key. The fields drop in this order: the next task gets the lock before this one
/// leaves the queue.
#[must_use = "the lock is released when this is dropped"]
pub(crate) struct KeyGuard<K: Eq + Hash> {
    _guard: OwnedMutexGuard<()>,
    _place: Place<K>,
}

/// A place in the queue of a key.
struct Place<K: Eq + Hash> {
    slots: Arc<Mutex<HashMap<K, Slot>>>,
    key: K,
}

impl<K: Clone + Eq + Hash> KeyedLock<K> {
    /// Waits for the lock of this key.
    pub(crate) async fn lock(&self, key: &K) -> KeyGuard<K> {
        let lock = {
            let mut slots = self.0.lock();
            let slot = slots.entry(key.clone()).or_default();
            slot.wanted_by += 1;
            Arc::clone(&slot.lock)
        };
        // Before the wait, which may be cancelled.
        let _place = Place {
            slots: Arc::clone(&self.0),
            key: key.clone(),
        };
        let _guard = lock.lock_owned().await;
        KeyGuard { _guard, _place }
    }

    /// True if a task waits for the lock of this key while another holds it.
    pub(crate) fn is_contended(&self, key: &K) -> bool {
        let slots = self.0.lock();
        slots.get(key).is_some_and(|slot| slot.wanted_by > 1)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.get_mut(&self.key) else {
            return;
        };
        slot.wanted_by -= 1;
        if slot.wanted_by == 0 {
            slots.remove(&self.key);
        }
    }
}

impl<K: Eq + Hash> Default for KeyedLock<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash> fmt::Debug for KeyedLock<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyedLock({} keys)", self.0.lock().len())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// The result of the future if it is ready now.
    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        }
    }

    #[test]
    fn lock_is_exclusive_for_its_key_only() {
        let locks = KeyedLock::default();
        let held = poll(pin!(locks.lock(&0))).unwrap();
        let mut waiting = pin!(locks.lock(&0));
        assert!(poll(waiting.as_mut()).is_none());
        for key in 1..1_000 {
            drop(poll(pin!(locks.lock(&key))).unwrap());
        }
        assert!(locks.is_contended(&0) && !locks.is_contended(&1));
        drop(held);
        let next = poll(waiting).unwrap();
        assert!(!locks.is_contended(&0));
        drop(next);
    }

    #[test]
    fn key_without_a_holder_or_waiter_costs_no_memory() {
        let locks = KeyedLock::default();
        let held = poll(pin!(locks.lock(&0))).unwrap();
        {
            let mut cancelled = pin!(locks.lock(&0));
            assert!(poll(cancelled.as_mut()).is_none());
        }
        assert_eq!(locks.0.lock().len(), 1);
        drop(held);
        assert_eq!(locks.0.lock().len(), 0);
    }
}
