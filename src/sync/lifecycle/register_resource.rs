//! Registers a resource: its grant is exchanged for tokens, once.

use std::future::ready;
use std::sync::Arc;

use heroku_sso_store::{LegacyId, Registration, ResourceId, ResourceState, Tokens, Work};
use secrecy::{ExposeSecret, SecretString};

use super::resource_lifecycle::Lifecycle;
use crate::deadlines::REGISTRATION_LEASE;
use crate::error_chain;
use crate::heroku::HerokuError;
use crate::sync::SyncError;
use crate::sync::lists::list_event::Source;
use crate::sync::run_to_completion::run_to_completion;

/// The right to make calls to Heroku about a resource.
///
/// Access tokens are renewed about every 8 hours, and Heroku may invalidate the old refresh token at each
/// renewal. So a copy made at provisioning works only until the first renewal. Tokens that must outlive the
/// process belong in a [`Store`](heroku_sso_store::Store), which receives every renewal.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum OauthGrant {
    /// The `oauth_grant.code` of a provisioning request: valid for 5 minutes, and only once. A code that was
    /// exchanged before is not sent again. If Heroku refuses a new code, an active resource keeps its present
    /// tokens, and the registration succeeds. If Heroku is unavailable, the registration fails.
    Code(SecretString),
    /// Tokens that the partner already has; they are not checked. They are used if they expire later than the
    /// present ones. They do not revive a [dormant](crate::Resources::dormant) resource: Heroku is asked with
    /// them, and an answer with its list does.
    Tokens(Tokens),
}

/// What a registration changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Registered {
    /// The resource was not known before.
    New,
    /// It had no tokens before.
    FirstTokens,
    /// It has newer tokens.
    NewTokens,
    /// It has newer tokens, and is dormant until Heroku answers them with its list.
    StaysDormant,
    /// Only its `legacy_id` has changed.
    Renamed,
    Unchanged,
}

/// New values for a registration.
struct Update {
    tokens: Option<NewTokens>,
    legacy_id: Option<LegacyId>,
}

enum NewTokens {
    Issued { code: SecretString, tokens: Tokens },
    Given(Tokens),
}

impl Lifecycle {
    /// Registers a resource. May be repeated. A code that was exchanged before is not sent again, because a
    /// second use could invalidate the tokens of the first. If Heroku refuses a new code, an active resource
    /// keeps the tokens that it has, and the registration succeeds.
    pub(crate) async fn register(
        self: &Arc<Self>,
        id: &ResourceId,
        grant: Option<OauthGrant>,
        legacy_id: Option<LegacyId>,
    ) -> Result<Registered, SyncError> {
        let (lifecycle, id) = (Arc::clone(self), *id);
        // A client that disconnects, or a shutdown, must not lose tokens that Heroku has issued.
        let in_progress = self.coordinator.tasks().begin();
        run_to_completion(async move {
            let _in_progress = in_progress;
            let _turn = lifecycle.turn(&id).await?;
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

    /// What the registration of these tokens would change.
    pub(crate) async fn would_register(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        legacy_id: Option<LegacyId>,
    ) -> Result<Registered, SyncError> {
        let tokens = Some(NewTokens::Given(tokens));
        let mut registration = registered(self, id).await?;
        Ok(Update { tokens, legacy_id }.apply(&mut registration))
    }
}

async fn take_grant(
    lifecycle: &Lifecycle,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    legacy_id: Option<LegacyId>,
) -> Result<Registered, SyncError> {
    let mut known = registered(lifecycle, id).await?;
    let tokens = trade(lifecycle, id, grant, &known).await?;
    let update = Update { tokens, legacy_id };
    loop {
        let mut registration = known;
        let done = update.apply(&mut registration);
        if done == Registered::Unchanged {
            return Ok(done);
        }
        if put(lifecycle, id, registration, done).await? {
            if let Some(NewTokens::Issued { code, .. }) = &update.tokens {
                lifecycle.tokens.pending().forget(id, code);
            }
            return Ok(done);
        }
        // It has changed since it was read: its tokens may have been renewed.
        known = registered(lifecycle, id).await?;
    }
}

impl Update {
    fn apply(&self, registration: &mut Registration) -> Registered {
        let had_tokens = registration.tokens.is_some();
        let has_new_tokens = match &self.tokens {
            None => false,
            Some(NewTokens::Issued { code, tokens }) => {
                registration.tokens = Some(tokens.clone());
                registration.grant_code = Some(code.clone());
                // With a new grant the resource exists, whatever Heroku said before.
                registration.absence = None;
                true
            }
            Some(NewTokens::Given(tokens)) => {
                // A copy from before a renewal must not replace the renewed tokens.
                let known = registration.tokens.as_ref();
                let is_newer = known.is_none_or(|known| known.expires_at < tokens.expires_at);
                if is_newer {
                    registration.tokens = Some(tokens.clone());
                }
                is_newer
            }
        };
        let is_renamed = self.legacy_id.is_some() && self.legacy_id != registration.legacy_id;
        if is_renamed {
            registration.legacy_id.clone_from(&self.legacy_id);
        }
        let dormant_at = registration.absence.and_then(|it| it.dormant_at);
        match has_new_tokens {
            _ if registration.revision == 0 => Registered::New,
            true if dormant_at.is_some() => Registered::StaysDormant,
            true if !had_tokens => Registered::FirstTokens,
            true => Registered::NewTokens,
            false if is_renamed => Registered::Renamed,
            false => Registered::Unchanged,
        }
    }
}

/// Replaces a resource's registration. Returns false and writes nothing if it has changed since it was read.
async fn put(
    lifecycle: &Lifecycle,
    id: &ResourceId,
    registration: Registration,
    done: Registered,
) -> Result<bool, SyncError> {
    let absence = registration.absence;
    if !lifecycle.store.put(id, registration).await? {
        return Ok(false);
    }
    let entry = match lifecycle.coordinator.entry(id).await {
        Ok(entry) => entry,
        Err(error @ (SyncError::Gone | SyncError::UnknownResource)) => return Err(error),
        Err(error) => {
            tracing::warn!(
                resource = %id, %error, cause = error_chain::of(&error),
                "registered resource could not be loaded; its next request loads it"
            );
            return Ok(true);
        }
    };
    let mut progress = entry.progress();
    progress.blocked = false;
    progress.forget_refusal();
    if absence.is_none() || done != Registered::Renamed {
        progress.forget_failures();
    }
    if done == Registered::StaysDormant
        && let Some(mark) = &mut progress.note().mark
    {
        mark.wanted = true;
    }
    drop(progress);
    if absence.is_none() {
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

/// The tokens of `grant`. None if there is no grant, if the resource has its tokens already, or if Heroku
/// refuses the code and an active resource has other tokens.
async fn trade(
    lifecycle: &Lifecycle,
    id: &ResourceId,
    grant: Option<OauthGrant>,
    known: &Registration,
) -> Result<Option<NewTokens>, SyncError> {
    let code = match grant {
        None => return Ok(None),
        Some(OauthGrant::Tokens(tokens)) => return Ok(Some(NewTokens::Given(tokens))),
        Some(OauthGrant::Code(code)) => code,
    };
    let has_tokens = known.tokens.is_some();
    let is_dormant = known.state == ResourceState::Dormant;
    let last = known.grant_code.as_ref().map(ExposeSecret::expose_secret);
    if has_tokens && last == Some(code.expose_secret()) {
        return Ok(None);
    }
    let present = known.tokens.as_ref();
    match lifecycle.tokens.exchange(id, &code, present).await {
        Ok(tokens) => Ok(Some(NewTokens::Issued { code, tokens })),
        // Heroku may repeat a provisioning with a code that is used up or too old. After any other error the
        // code may still work, so the caller must try again.
        Err(HerokuError::GrantRefused(answer))
            if answer.refuses_the_grant() && has_tokens && !is_dormant =>
        {
            tracing::warn!(
                resource = %id, %answer,
                "new grant was refused; keeping the present tokens"
            );
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
