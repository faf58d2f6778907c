//! How long somebody may stay who came in.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::keeper::Keeper;
use super::paths::Paths;
use crate::session::{Grant, SessionId, session_key};

/// One session at one gate.
#[derive(Clone)]
pub(super) struct Visit {
    keeper: Arc<Keeper>,
    session: SessionId,
}

impl Visit {
    pub(super) fn new(keeper: Arc<Keeper>, session: SessionId) -> Self {
        Self { keeper, session }
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.keeper.paths
    }

    /// Resolves when the session has ended, or its person has left the list.
    pub(super) async fn ended(self, mut grant: Grant) {
        let clock = self.keeper.directory.clock();
        let key = session_key(&self.session);
        let mut closings = self.keeper.sessions.closings();
        let Ok(mut watch) = self.keeper.directory.watch(&grant.resource).await else {
            return;
        };
        loop {
            match self.keeper.sessions.load(&self.session).await {
                Ok(Some(newest)) => grant = newest,
                Ok(None) => return,
                // The end that is known still counts.
                Err(error) => tracing::warn!(%error, "a session could not be looked up"),
            }
            let left = grant.expires_at - clock.now();
            let listed = watch.is_listed(&grant.email, grant.user_id.as_ref(), grant.ticket);
            let (true, Ok(left)) = (listed && left.is_positive(), left.try_into()) else {
                return;
            };
            let closed = async {
                loop {
                    match closings.recv().await {
                        Ok(closed) if closed == key => return,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_) | RecvError::Closed) => return,
                    }
                }
            };
            // Whatever happens, the next round looks at what is true then.
            tokio::select! {
                () = clock.sleep(left) => {}
                () = watch.changed() => {}
                () = closed => {}
            }
        }
    }
}
