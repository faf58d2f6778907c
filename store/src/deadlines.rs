//! How long a store may take, and how long the Postgres store waits for its database, in real time.

use std::time::Duration;

/// How long most calls of a [`Store`](crate::Store) may take: those for one or a few rows.
pub const STORE_CALL: Duration = Duration::from_secs(5);

/// How long a call of a store for many rows may take: [`load_page`](crate::Store::load_page), for a thousand
/// resources with their lists, and [`erase_person`](crate::Store::erase_person).
pub const STORE_PAGE: Duration = Duration::from_secs(15);

/// One call of the Postgres store's database. Most callers have a shorter deadline; opening, re-encrypting,
/// sweeping and polling for changes have this one.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_CALL: Duration = Duration::from_secs(10);

/// Waiting for a free connection to that database. Shorter than [`STORE_CALL`], so that the error says which
/// of the two was late.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_CONNECTION: Duration = Duration::from_secs(3);

/// Migrating its tables at the start: waiting for other processes that migrate, and the longest migration.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_MIGRATION: Duration = Duration::from_secs(5 * 60);

/// The first connection, at the start.
#[cfg(feature = "postgres")]
pub(crate) const DATABASE_START: Duration = Duration::from_secs(10);
