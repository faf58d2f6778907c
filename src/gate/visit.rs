//! How long somebody may stay who came in.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::keeper::Keeper;
use super::paths::Paths;
use crate::cause;
use crate::session::{Grant, SessionName};

/// One session at one gate.
#[derive(Clone)]
pub(super) struct Visit {
    keeper: Arc<Keeper>,
    session: SessionName,
}

impl Visit {
    pub(super) fn new(keeper: Arc<Keeper>, session: SessionName) -> Self {
        Self { keeper, session }
    }

    #[cfg(feature = "jwt")]
    pub(super) fn session(&self) -> &SessionName {
        &self.session
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.keeper.paths
    }

    /// Resolves when the session has ended, or its person has left the list.
    pub(super) async fn ended(self, mut grant: Arc<Grant>) {
        let clock = self.keeper.directory.clock();
        let key = self.session.key();
        let mut closings = self.keeper.sessions.closings();
        let Ok(mut watch) = self.keeper.directory.watch(&grant.resource).await else {
            return;
        };
        loop {
            match self.keeper.sessions.reload(&self.session, &grant).await {
                Ok(Some(newest)) => grant = newest,
                Ok(None) => return,
                // The end that is known still counts.
                Err(error) => {
                    tracing::warn!(
                        %error, cause = cause::of(&error),
                        "a session could not be looked up"
                    );
                }
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
