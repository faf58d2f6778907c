//! Taking a resource in: its grant is traded for tokens, once.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, MutexGuard};

use super::SyncError;
use super::directory::Directory;
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::store::{Registration, ResourceState};

/// The right to ask Heroku about a resource.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OauthGrant {
    /// `oauth_grant.code` of a provisioning request: good for 5 minutes, once.
    Code(SecretString),
    /// Tokens that the partner has already.
    Tokens(Tokens),
}

/// Registrations of one resource go one after the other; of different ones, mostly side by side.
#[derive(Debug)]
pub(super) struct Turnstile([Mutex<()>; 32]);

impl Default for Turnstile {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turnstile {
    async fn enter(&self, id: &ResourceId) -> MutexGuard<'_, ()> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % 32).unwrap_or_default();
        self.0[lane].lock().await
    }
}

impl Directory {
    /// Takes a resource in. May be repeated: a code that was traded before is not sent again (a
    /// second use could cost the tokens of the first), and a new one that Heroku refuses leaves the
    /// tokens that work.
    ///
    /// True if the resource was not known before.
    pub(crate) async fn register(
        self: &Arc<Self>,
        id: &ResourceId,
        grant: Option<OauthGrant>,
        legacy_id: Option<LegacyId>,
    ) -> Result<bool, SyncError> {
        let (directory, id) = (Arc::clone(self), *id);
        // In a task of its own: a caller that hangs up must not lose tokens that Heroku has given.
        let task = tokio::spawn(async move {
            let _turn = directory.turnstile.enter(&id).await;
            take_in(&directory, &id, grant, legacy_id).await
        });
        task.await.unwrap_or(Err(SyncError::Interrupted))
    }
}

async fn take_in(
    directory: &Directory,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    legacy_id: Option<LegacyId>,
) -> Result<bool, SyncError> {
    let known = directory.store.get(id).await?;
    let is_new = known.is_none();
    let mut registration = known.unwrap_or_else(|| Registration::active(None));
    if registration.state != ResourceState::Active {
        return Err(SyncError::Gone);
    }
    match grant {
        None => {}
        Some(OauthGrant::Tokens(tokens)) => registration.tokens = Some(tokens),
        Some(OauthGrant::Code(code)) => {
            let used = registration.grant_code.as_ref();
            let traded = used.is_some_and(|used| used.expose_secret() == code.expose_secret());
            if !(traded && registration.tokens.is_some()) {
                match directory.client.exchange(&code).await {
                    Ok(tokens) => {
                        registration.tokens = Some(tokens);
                        registration.grant_code = Some(code);
                    }
                    Err(error) if registration.tokens.is_some() => {
                        tracing::warn!(resource = %id, %error, "a further grant was refused");
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    if legacy_id.is_some() {
        registration.legacy_id = legacy_id;
    }
    directory.put(id, registration).await?;
    Ok(is_new)
}
