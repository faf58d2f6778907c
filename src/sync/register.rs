//! Taking a resource in: its grant is traded for tokens, once.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::SyncError;
use super::directory::Directory;
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::store::{Registration, ResourceState};

/// The right to ask Heroku about a resource.
///
/// Access tokens are renewed about every 8 hours, and Heroku may end the old refresh token with it.
/// So a copy made at the provisioning is good only until the first renewal; what must outlive the
/// process belongs into a [`Store`](crate::store::Store), which is told of every renewal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OauthGrant {
    /// `oauth_grant.code` of a provisioning request: good for 5 minutes, once. A code that was
    /// traded before is not sent again. If Heroku refuses a further one, the tokens that are there
    /// stay.
    Code(SecretString),
    /// Tokens that the partner has already, unchecked. They count if they end later than those that
    /// are there.
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
    let traded = trade(directory, id, grant, &mut registration).await?;
    let renamed = legacy_id.is_some() && legacy_id != registration.legacy_id;
    if renamed {
        registration.legacy_id = legacy_id;
    }
    // What has not changed is not written: its tokens may have been renewed since they were read.
    if is_new || traded || renamed {
        directory.put(id, registration).await?;
    }
    Ok(is_new)
}

/// Puts the tokens of `grant` into the registration. False if it has them already, or has some that
/// work and the grant is refused.
async fn trade(
    directory: &Directory,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    registration: &mut Registration,
) -> Result<bool, SyncError> {
    let code = match grant {
        None => return Ok(false),
        Some(OauthGrant::Tokens(tokens)) => {
            // A copy from before a renewal must not take the place of what the renewal gave.
            let known = registration.tokens.as_ref();
            let is_newer = known.is_none_or(|known| known.expires_at < tokens.expires_at);
            if is_newer {
                registration.tokens = Some(tokens);
            }
            return Ok(is_newer);
        }
        Some(OauthGrant::Code(code)) => code,
    };
    let has_tokens = registration.tokens.is_some();
    let last = registration
        .grant_code
        .as_ref()
        .map(ExposeSecret::expose_secret);
    if has_tokens && last == Some(code.expose_secret()) {
        return Ok(false);
    }
    match directory.client.exchange(&code).await {
        Ok(tokens) => {
            registration.tokens = Some(tokens);
            registration.grant_code = Some(code);
            Ok(true)
        }
        Err(error) if has_tokens => {
            tracing::warn!(resource = %id, %error, "a further grant was refused");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
