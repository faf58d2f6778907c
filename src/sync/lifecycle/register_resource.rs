//! Registers a resource: its grant is exchanged for tokens, once.

use std::future::ready;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::end_resource::Lifecycle;
use crate::cause;
use crate::deadlines::REGISTRATION_LEASE;
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::store::author::{Registration, ResourceState, Work};
use crate::sync::SyncError;
use crate::sync::lists::list_event::Source;
use crate::sync::run_to_completion::run_to_completion;

/// The right to make calls to Heroku about a resource.
///
/// Access tokens are renewed about every 8 hours, and Heroku may invalidate the old refresh token at each
/// renewal. So a copy made at provisioning works only until the first renewal. Tokens that must outlive the
/// process belong in a [`Store`](crate::store::author::Store), which receives every renewal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OauthGrant {
    /// The `oauth_grant.code` of a provisioning request: valid for 5 minutes, and only once. A code that was
    /// exchanged before is not sent again. If Heroku refuses a new code, the present tokens are kept.
    Code(SecretString),
    /// Tokens that the partner already has; they are not checked. They are used if they expire later than the
    /// present ones.
    Tokens(Tokens),
}

impl Lifecycle {
    /// Registers a resource. May be repeated. A code that was exchanged before is not sent again, because a
    /// second use could invalidate the tokens of the first. If Heroku refuses a new code, the working tokens
    /// are kept.
    ///
    /// True if the resource was not known before.
    pub(crate) async fn register(
        self: &Arc<Self>,
        id: &ResourceId,
        grant: Option<OauthGrant>,
        legacy_id: Option<LegacyId>,
    ) -> Result<bool, SyncError> {
        let (lifecycle, id) = (Arc::clone(self), *id);
        // A client that disconnects must not lose tokens that Heroku has issued.
        run_to_completion(async move {
            let _turn = lifecycle.registration_locks.enter(&id).await?;
            let taking = || take_grant(&lifecycle, &id, grant.clone(), legacy_id.clone());
            let work = Work::Grant(id);
            let taken = lifecycle.coordinator.leased_in_turn(
                &work,
                REGISTRATION_LEASE,
                || ready(None),
                taking,
            );
            taken.await?.unwrap_or(Err(SyncError::Busy))
        })
        .await
    }
}

async fn take_grant(
    lifecycle: &Lifecycle,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    legacy_id: Option<LegacyId>,
) -> Result<bool, SyncError> {
    let mut registration = registered(lifecycle, id).await?;
    let is_new = registration.revision == 0;
    let traded = trade(lifecycle, id, grant, &mut registration).await?;
    if traded {
        // With a new grant the resource exists, whatever Heroku said before.
        registration.absence = None;
    }
    let renamed = legacy_id.is_some() && legacy_id != registration.legacy_id;
    if renamed {
        registration.legacy_id = legacy_id;
    }
    // An unchanged registration is not written: its tokens may have been renewed since they were read.
    if !is_new && !traded && !renamed {
        return Ok(false);
    }
    while !put(lifecycle, id, registration.clone()).await? {
        // The tokens for the code must not be lost to a concurrent change.
        let known = registered(lifecycle, id).await?;
        if !traded {
            registration.tokens = known.tokens;
            registration.grant_code = known.grant_code;
            registration.absence = known.absence;
        }
        registration.webhook = known.webhook;
        registration.revision = known.revision;
    }
    if let Some(code) = registration.grant_code.filter(|_| traded) {
        lifecycle.tokens.pending().forget(id, &code);
    }
    Ok(is_new)
}

/// Replaces a resource's registration. Returns false and writes nothing if it has changed since it was read.
async fn put(
    lifecycle: &Lifecycle,
    id: &ResourceId,
    registration: Registration,
) -> Result<bool, SyncError> {
    let absence = registration.absence;
    if !lifecycle.store.put(id, registration).await? {
        return Ok(false);
    }
    let entry = lifecycle.coordinator.entry(id).await?;
    let mut progress = entry.progress();
    progress.blocked = false;
    progress.forget_refusal();
    drop(progress);
    if absence.is_none() {
        entry.progress().forget_failures();
        lifecycle.lists.set_absence(&entry, None, Source::Heroku);
    }
    lifecycle.lists.scheduler().plan_resource(&entry);
    Ok(true)
}

/// The registration of a resource that is active, dormant or new.
async fn registered(lifecycle: &Lifecycle, id: &ResourceId) -> Result<Registration, SyncError> {
    let known = lifecycle.store.get(id).await?;
    let registration = known.unwrap_or_else(|| Registration::active(None));
    match registration.state {
        ResourceState::Active | ResourceState::Dormant => Ok(registration),
        ResourceState::Deprovisioning | ResourceState::Deprovisioned => Err(SyncError::Gone),
    }
}

/// Puts the tokens of `grant` into the registration. False if it already has them, or if the grant is refused
/// and the present tokens work.
async fn trade(
    lifecycle: &Lifecycle,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    registration: &mut Registration,
) -> Result<bool, SyncError> {
    let code = match grant {
        None => return Ok(false),
        Some(OauthGrant::Tokens(tokens)) => {
            // A copy from before a renewal must not replace the renewed tokens.
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
    let present = registration.tokens.as_ref();
    let exchanged = lifecycle.tokens.exchange(id, &code, present).await;
    match exchanged {
        Ok(tokens) => {
            registration.tokens = Some(tokens);
            registration.grant_code = Some(code);
            Ok(true)
        }
        Err(error) if has_tokens && !is_dormant => {
            tracing::warn!(
                resource = %id, %error, cause = cause::of(&error),
                "new grant was refused; keeping the present tokens"
            );
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}
