//! How long somebody may stay who came in.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use super::keeper::Keeper;
use super::paths::Paths;
use crate::cause;
use crate::session::{Grant, SessionName};

/// One session at one gate, and what it held when it was looked at.
#[derive(Clone)]
pub(super) struct Visit {
    keeper: Arc<Keeper>,
    session: SessionName,
    grant: Arc<Grant>,
}

impl Visit {
    pub(super) fn new(keeper: Arc<Keeper>, session: SessionName, grant: Arc<Grant>) -> Self {
        Self {
            keeper,
            session,
            grant,
        }
    }

    pub(super) fn session(&self) -> &SessionName {
        &self.session
    }

    pub(super) fn grant(&self) -> &Grant {
        &self.grant
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.keeper.paths
    }

    /// Resolves when the session has ended, or its person has left the list.
    pub(super) async fn ended(self) {
        let Self {
            keeper,
            session,
            mut grant,
        } = self;
        let clock = keeper.directory.clock();
        let key = session.key();
        let mut closings = keeper.sessions.closings();
        let Ok(mut watch) = keeper.directory.watch(&grant.resource).await else {
            return;
        };
        loop {
            match keeper.sessions.reload(&session, &grant).await {
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
