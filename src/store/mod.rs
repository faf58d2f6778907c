//! Where the state of each resource is kept: its tokens, its last list, its sessions and its lifecycle state;
//! also the sign-in forms that were used, and the sessions that were closed.
//!
//! | store | for | feature |
//! | --- | --- | --- |
//! | [`MemoryStore`] | one process, which loses the data when it ends: development and tests. The default | |
//! | `SqliteStore` | one process that restarts | `sqlite` |
//! | `PostgresStore` | several processes | `postgres` |
//!
//! A partner whose add-on has its own database can implement [`Store`] with the crate `heroku-sso-store` on
//! top of it: [`your_own_store`](crate::guide::your_own_store).

mod bounded;

pub(crate) use bounded::{BoundedSessions, BoundedStore};

#[cfg(feature = "sqlite")]
#[doc(inline)]
pub use heroku_sso_store::SqliteStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
#[doc(inline)]
pub use heroku_sso_store::{EncryptionError, EncryptionKey, EncryptionKeys, KeyId};
#[doc(inline)]
pub use heroku_sso_store::{MemoryStore, SessionKey, SessionKind, Store, StoreError};
#[cfg(feature = "postgres")]
#[doc(inline)]
pub use heroku_sso_store::{PostgresOptions, PostgresStore};
