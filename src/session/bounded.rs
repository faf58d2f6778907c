//! The session store as the rest of the crate sees it: every call returns in time, or fails.

use std::sync::Arc;
use std::time::Duration;

use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::clock;
use crate::deadlines::{SESSION_STORE_CALL, SESSION_STORE_RECHECK};

/// A [`SessionStore`] whose every call has a deadline. A call that takes too long is dropped and returns an
/// error; its write may still have taken effect.
#[derive(Debug)]
pub(crate) struct BoundedSessionStore(Arc<dyn SessionStore>);

impl BoundedSessionStore {
    pub(crate) fn new(store: Arc<dyn SessionStore>) -> Self {
        Self(store)
    }

    pub(super) async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        answer(SESSION_STORE_CALL, "create", self.0.create(record)).await
    }

    pub(super) async fn save(&self, record: &Record) -> session_store::Result<()> {
        answer(SESSION_STORE_CALL, "save", self.0.save(record)).await
    }

    pub(super) async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        answer(SESSION_STORE_CALL, "load", self.0.load(id)).await
    }

    /// As [`load`](Self::load), for a record of which the process has a copy.
    pub(super) async fn load_again(&self, id: &Id) -> session_store::Result<Option<Record>> {
        answer(SESSION_STORE_RECHECK, "load", self.0.load(id)).await
    }

    pub(super) async fn delete(&self, id: &Id) -> session_store::Result<()> {
        answer(SESSION_STORE_CALL, "delete", self.0.delete(id)).await
    }
}

async fn answer<T>(
    limit: Duration,
    name: &str,
    call: impl Future<Output = session_store::Result<T>>,
) -> session_store::Result<T> {
    let answer = clock::within(limit, call).await;
    answer.unwrap_or_else(|| {
        let error = format!("`{name}` took longer than {limit:?}");
        Err(session_store::Error::Backend(error))
    })
}
