//! Tokens that Heroku has given and the store does not have.

use std::fmt;

use dashmap::DashMap;
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::ids::ResourceId;
use crate::secret::Tokens;

/// Tokens that are not written down yet, by resource. What they were given for, a code or a refresh
/// token, is used up: a store that fails in between must not cost them. Of no use once they have ended.
#[derive(Default)]
pub(super) struct PendingTokens(DashMap<ResourceId, Vec<Given>>);

struct Given {
    given_for: SecretString,
    tokens: Tokens,
}

impl PendingTokens {
    pub(super) fn keep(
        &self,
        id: &ResourceId,
        given_for: &SecretString,
        tokens: &Tokens,
        now: OffsetDateTime,
    ) {
        self.0.retain(|_, of_resource| {
            of_resource.retain(|given| now < given.tokens.expires_at);
            !of_resource.is_empty()
        });
        self.forget(id, given_for);
        self.0.entry(*id).or_default().push(Given {
            given_for: given_for.clone(),
            tokens: tokens.clone(),
        });
    }

    /// What was given for this before, if it still works and is newer than the tokens that are there.
    pub(super) fn given_for(
        &self,
        id: &ResourceId,
        what: &SecretString,
        known: Option<&Tokens>,
        now: OffsetDateTime,
    ) -> Option<Tokens> {
        let of_resource = self.0.get(id)?;
        let given = of_resource.iter().find(|given| given.is_for(what))?;
        let ends = given.tokens.expires_at;
        let is_newer = known.is_none_or(|known| known.expires_at < ends);
        (is_newer && now < ends).then(|| given.tokens.clone())
    }

    pub(super) fn forget(&self, id: &ResourceId, what: &SecretString) {
        if let Some(mut of_resource) = self.0.get_mut(id) {
            of_resource.retain(|given| !given.is_for(what));
        }
    }

    /// Of a resource that has ended.
    pub(super) fn forget_all(&self, id: &ResourceId) {
        self.0.remove(id);
    }
}

impl Given {
    fn is_for(&self, what: &SecretString) -> bool {
        self.given_for.expose_secret() == what.expose_secret()
    }
}

impl fmt::Debug for PendingTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingTokens").finish_non_exhaustive()
    }
}
