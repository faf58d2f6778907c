//! What other processes on the same store have changed.

use std::sync::Arc;
use std::time::Duration;

use super::SyncError;
use super::directory::Directory;
use crate::clock;
use crate::store::StoreNotice;

/// How often the store is asked about one notice before it is left to the next one.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(500);

/// Obeys every notice. Never ends.
pub(super) async fn follow(directory: Arc<Directory>) {
    let Some(shared) = directory.store().shared() else {
        return std::future::pending().await;
    };
    let mut notices = shared.notices();
    loop {
        let notice = notices.next().await;
        for attempt in 1..=TRIES {
            match obey(&directory, &notice).await {
                Ok(()) => break,
                Err(error) if attempt == TRIES => {
                    tracing::warn!(%error, cause = error.causes(), "a notice could not be looked into");
                }
                Err(_) => clock::pause(PAUSE).await,
            }
        }
    }
}

async fn obey(directory: &Directory, notice: &StoreNotice) -> Result<(), SyncError> {
    match notice {
        StoreNotice::Resource(id) => directory.catch_up(id).await,
        StoreNotice::Session(key) => {
            directory.closed_sessions.note(key.clone());
            Ok(())
        }
        StoreNotice::Team(id) => Ok(directory.catch_up_with_team(id).await?),
    }
}
