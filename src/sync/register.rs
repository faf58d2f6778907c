//! Taking a resource in: its grant is traded for tokens, once.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

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
