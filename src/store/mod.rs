//! Persistent state of each resource: its tokens, its last list, its sessions and its lifecycle state; also
//! the SSO requests that were used, and the sessions that were closed.
//!
//! | store | for | feature |
//! | --- | --- | --- |
//! | [`MemoryStore`] | one process, which loses the data when it ends: development and tests. The default | |
//! | `SqliteStore` | one process that restarts | `sqlite` |
//! | `PostgresStore` | several processes | `postgres` |
//!
//! A partner whose add-on has its own database can implement [`author::Store`] on top of it.

mod absence;
pub mod author;
mod bounded;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod column;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod encryption;
mod memory;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod migrations;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod session_key;
mod session_record;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod sweep;

use std::fmt;
use std::sync::Arc;

use crate::error_chain;

pub(crate) use bounded::{BoundedSessions, BoundedStore};

#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use encryption::{EncryptionError, EncryptionKey, EncryptionKeys, KeyId};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
pub use session_record::SessionKind;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// A call to the store failed: it is unavailable, or holds a value that cannot be read.
#[derive(Clone, thiserror::Error)]
#[error("the store failed")]
pub struct StoreError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the error of the database behind a store.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into().into())
    }
}

impl fmt::Debug for StoreError {
    /// As shown when `main` returns the error: with its cause.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&error_chain::with(self))
    }
}
