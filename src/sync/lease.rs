//! Work that only one of several processes does.

use std::future::Future;
use std::time::Duration;

use super::directory::Directory;
use crate::cause;
use crate::clock::{self, Budget};
use crate::store::{StoreError, Work};

/// A process that died has its work taken over after this.
const LIFE: Duration = Duration::from_secs(10);

/// Between two looks whether another process has done the work.
const PAUSE: Duration = Duration::from_millis(250);

impl Directory {
    /// As [`leased`](Self::leased), once no other process is at it; or what `look` finds, which is asked
    /// before each try whether the work is done. None if another is still at it after about `patience`, of
    /// real time.
    pub(super) async fn leased_in_turn<T, L, F>(
        &self,
        work: &Work,
        patience: Duration,
        mut look: impl FnMut() -> L,
        mut doing: impl FnMut() -> F,
    ) -> Result<Option<T>, StoreError>
    where
        L: Future<Output = Option<T>>,
        F: Future<Output = T>,
    {
        let budget = Budget::of(patience);
        loop {
            if let Some(done) = look().await {
                return Ok(Some(done));
            }
            if let Some(done) = self.leased(work.clone(), doing()).await? {
                return Ok(Some(done));
            }
            if budget.left() <= PAUSE {
                return Ok(None);
            }
            clock::pause(PAUSE).await;
        }
    }

    /// Does the work under its lease, which is renewed as long as the work takes. None if another
    /// process is at it.
    pub(super) async fn leased<T>(
        &self,
        work: Work,
        doing: impl Future<Output = T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(shared) = self.store.shared() else {
            return Ok(Some(doing.await));
        };
        if !shared.lease(&work, LIFE).await? {
            return Ok(None);
        }
        let renewing = async {
            loop {
                self.clock.sleep(LIFE / 3).await;
                match shared.lease(&work, LIFE).await {
                    Ok(true) => {}
                    // Nothing depends on being alone at it.
                    Ok(false) => {
                        tracing::warn!(%work, "a lease was lost: another process is at it too")
                    }
                    Err(error) => {
                        tracing::warn!(%work, %error, cause = cause::of(&error), "a lease could not be renewed")
                    }
                }
            }
        };
        let done = tokio::select! {
            done = doing => done,
            () = renewing => unreachable!("renewing does not end"),
        };
        if let Err(error) = shared.release(&work).await {
            tracing::warn!(
                %work, %error, cause = cause::of(&error),
                "a lease could not be released; it ends by itself"
            );
        }
        Ok(Some(done))
    }
}
