//! [`tower-heroku-sso`](https://docs.rs/tower-heroku-sso) is a tower layer, *the gate*, that admits only the
//! users whom Heroku lists for an add-on. This crate defines the store behind it. For each resource, which is
//! one add-on of a customer, it keeps the OAuth tokens, the access list, the sessions and the lifecycle
//! state. It also keeps the sign-in forms that were used, and the sessions that were closed.
//!
//! | store | for | feature |
//! | --- | --- | --- |
//! | [`MemoryStore`] | one process, which loses the data when it ends: development and tests. The default | |
//! | `SqliteStore` | one process that restarts | `sqlite` |
//! | `PostgresStore` | several processes | `postgres` |
//!
//! A partner of Heroku (a seller of add-ons) uses these through `tower_heroku_sso::store`, and does not need
//! this crate. It is for authors of another store, which implements up to three traits:
//!
//! | trait | for |
//! | --- | --- |
//! | [`Store`] | one process. Its documentation has the rules for all three |
//! | [`SessionRecords`] | a store that also keeps sessions |
//! | [`SharedStore`] | several processes |
//!
//! With the feature `conformance`, `heroku_sso_store::conformance` has the rules as tests. The
//! [guide](https://docs.rs/tower-heroku-sso/latest/tower_heroku_sso/guide/your_own_store/) of the gate has a
//! chapter.
//!
//! ```
//! use heroku_sso_store::{MemoryStore, Sequence, Store};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), heroku_sso_store::StoreError> {
//! let store = MemoryStore::default();
//! let earlier = store.next_sequence().await?;
//! assert!(earlier < store.next_sequence().await?);
//! # Ok(())
//! # }
//! ```

#![warn(unreachable_pub)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod absence;
mod attached_people;
// What is hidden is shared with the gate, which is released together with this crate: not part of the API.
#[doc(hidden)]
pub mod clock;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod column;
#[cfg(feature = "conformance")]
pub mod conformance;
mod deadlines;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod encryption;
#[doc(hidden)]
pub mod error_chain;
mod ids;
mod invalid_value;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod log_target;
mod memory;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod migrations;
mod people;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod replay_key;
mod resource_list;
mod sequence;
mod session_key;
mod session_record;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod store;
mod store_error;
mod sweep;
mod tokens;

pub use absence::{Absence, AbsenceKind, AbsenceSign, Brake, Dormancy};
pub use attached_people::AttachedPeople;
pub use clock::{Clock, ManualClock, SystemClock};
pub use deadlines::{STORE_CALL, STORE_PAGE};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use encryption::{EncryptionError, EncryptionKey, EncryptionKeys, KeyId};
pub use ids::{AppId, LegacyId, ResourceId, TeamId, UserId};
pub use invalid_value::InvalidValue;
pub use memory::MemoryStore;
#[doc(hidden)]
pub use people::Privileges;
pub use people::{Account, Email, People, Permission, Person, Role, Roles};
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
pub use record::{ActiveResource, Dated, PendingRemoval, Registration, ResourceState, Revocation};
pub use replay_key::ReplayKey;
pub use resource_list::{App, ResourceList, Team};
pub use sequence::Sequence;
pub use session_key::SessionKey;
pub use session_record::{SessionKind, SessionRecord, SessionRecords};
pub use shared::{SharedStore, StoreEvent, StoreEvents, Work};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use store::Store;
pub use store_error::StoreError;
pub use tokens::Tokens;
