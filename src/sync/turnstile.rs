//! One registration of a resource at a time.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use tokio::sync::{Mutex, MutexGuard};

use crate::ids::ResourceId;

/// Registrations of one resource go one after the other; of different ones, mostly side by side.
#[derive(Debug)]
pub(super) struct Turnstile([Mutex<()>; 32]);

impl Default for Turnstile {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turnstile {
    /// Waits for its turn, and keeps it until the guard is dropped.
    pub(super) async fn enter(&self, id: &ResourceId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % 32).unwrap_or_default();
        self.0[lane].lock().await
    }
}
