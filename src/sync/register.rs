//! Taking a resource in: its grant is traded for tokens, once.

use std::future::ready;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::SyncError;
use super::directory::Directory;
use super::run_to_completion::run_to_completion;
use crate::cause;
use crate::deadlines::REGISTRATION_LEASE;
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::store::{Registration, ResourceState, Work};

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
        // A caller that hangs up must not lose tokens that Heroku has given.
        run_to_completion(async move {
            let _turn = directory.registration_locks.enter(&id).await?;
            let taking_in = || take_in(&directory, &id, grant.clone(), legacy_id.clone());
            let work = Work::Grant(id);
            let taken_in =
                directory.leased_in_turn(&work, REGISTRATION_LEASE, || ready(None), taking_in);
            taken_in.await?.unwrap_or(Err(SyncError::Busy))
        })
        .await
    }
}

async fn take_in(
    directory: &Directory,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    legacy_id: Option<LegacyId>,
) -> Result<bool, SyncError> {
    let mut registration = registered(directory, id).await?;
    let is_new = registration.revision == 0;
    let traded = trade(directory, id, grant, &mut registration).await?;
    if traded {
        // A new grant: whatever Heroku has said before, it is there.
        registration.absence = None;
    }
    let renamed = legacy_id.is_some() && legacy_id != registration.legacy_id;
    if renamed {
        registration.legacy_id = legacy_id;
    }
    // What has not changed is not written: its tokens may have been renewed since they were read.
    if !is_new && !traded && !renamed {
        return Ok(false);
    }
    while !directory.put(id, registration.clone()).await? {
        // What Heroku gave for the code must not be lost to a change from elsewhere.
        let known = registered(directory, id).await?;
        if !traded {
            registration.tokens = known.tokens;
            registration.grant_code = known.grant_code;
            registration.absence = known.absence;
        }
        registration.webhook = known.webhook;
        registration.revision = known.revision;
    }
    if let Some(code) = registration.grant_code.filter(|_| traded) {
        directory.unsaved.forget(id, &code);
    }
    Ok(is_new)
}

/// What is known of a resource that is active, dormant, or new.
async fn registered(directory: &Directory, id: &ResourceId) -> Result<Registration, SyncError> {
    let known = directory.store.get(id).await?;
    let registration = known.unwrap_or_else(|| Registration::active(None));
    match registration.state {
        ResourceState::Active | ResourceState::Dormant => Ok(registration),
        ResourceState::Deprovisioning | ResourceState::Deprovisioned => Err(SyncError::Gone),
    }
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
    let is_dormant = registration.state == ResourceState::Dormant;
    let last = registration
        .grant_code
        .as_ref()
        .map(ExposeSecret::expose_secret);
    if has_tokens && last == Some(code.expose_secret()) {
        return Ok(false);
    }
    let (unsaved, now) = (&directory.unsaved, directory.clock.now());
    let exchanged = match unsaved.given_for(id, &code, registration.tokens.as_ref(), now) {
        Some(tokens) => Ok(tokens),
        None => directory.client.exchange(&code).await,
    };
    match exchanged {
        Ok(tokens) => {
            directory.unsaved.keep(id, &code, &tokens, now);
            registration.tokens = Some(tokens);
            registration.grant_code = Some(code);
            Ok(true)
        }
        Err(error) if has_tokens && !is_dormant => {
            tracing::warn!(
                resource = %id, %error, cause = cause::of(&error),
                "a further grant was refused"
            );
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
