//! A striped lock: one registration of a resource at a time.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::clock;
use crate::deadlines::REGISTRATION_TURN;
use crate::ids::ResourceId;
use crate::sync::SyncError;

/// Registrations of one resource run one after the other; of different resources, mostly in parallel.
#[derive(Debug)]
pub(in crate::sync) struct KeyedLock([Mutex<()>; 32]);

impl Default for KeyedLock {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl KeyedLock {
    /// Waits for the lock, and holds it until the guard is dropped.
    ///
    /// # Errors
    /// [`SyncError::Busy`] if the lock is not free in time.
    pub(in crate::sync) async fn enter(
        &self,
        id: &ResourceId,
    ) -> Result<MutexGuard<'_, ()>, SyncError> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % 32).unwrap_or_default();
        let turn = clock::within(REGISTRATION_TURN, self.0[lane].lock()).await;
        turn.ok_or(SyncError::Busy)
    }
}
