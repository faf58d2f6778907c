//! Tokens that Heroku has issued and the store does not have yet.

use std::fmt;

use dashmap::DashMap;
use heroku_sso_store::{ResourceId, Tokens};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

/// Tokens that are not stored yet, by resource. The code or refresh token that they were issued for is
/// consumed, so a failing store must not lose them. They are useless once they have expired.
#[derive(Default)]
pub(in crate::sync) struct PendingTokens(DashMap<ResourceId, Vec<Issued>>);

struct Issued {
    /// The code or the refresh token.
    issued_for: SecretString,
    tokens: Tokens,
}

impl PendingTokens {
    /// Keeps tokens that were issued for this code or refresh token. Drops all that have expired.
    pub(in crate::sync) fn keep(
        &self,
        id: &ResourceId,
        issued_for: &SecretString,
        tokens: &Tokens,
        now: OffsetDateTime,
    ) {
        self.0.retain(|_, of_resource| {
            of_resource.retain(|issued| now < issued.tokens.expires_at);
            !of_resource.is_empty()
        });
        self.forget(id, issued_for);
        self.0.entry(*id).or_default().push(Issued {
            issued_for: issued_for.clone(),
            tokens: tokens.clone(),
        });
    }

    /// The resources that have pending tokens.
    pub(in crate::sync) fn resources(&self) -> Vec<ResourceId> {
        let with_tokens = self.0.iter().filter(|it| !it.value().is_empty());
        with_tokens.map(|it| *it.key()).collect()
    }

    /// The tokens that were issued for this code or refresh token, if they have not expired, and expire later
    /// than the stored ones (`known`).
    pub(in crate::sync) fn issued_for(
        &self,
        id: &ResourceId,
        what: &SecretString,
        known: Option<&Tokens>,
        now: OffsetDateTime,
    ) -> Option<Tokens> {
        let of_resource = self.0.get(id)?;
        let issued = of_resource.iter().find(|issued| issued.is_for(what))?;
        let ends = issued.tokens.expires_at;
        let is_newer = known.is_none_or(|known| known.expires_at < ends);
        (is_newer && now < ends).then(|| issued.tokens.clone())
    }

    pub(in crate::sync) fn forget(&self, id: &ResourceId, what: &SecretString) {
        if let Some(mut of_resource) = self.0.get_mut(id) {
            of_resource.retain(|issued| !issued.is_for(what));
        }
    }

    /// Forgets all tokens of a resource that has ended.
    pub(in crate::sync) fn forget_all(&self, id: &ResourceId) {
        self.0.remove(id);
    }
}

impl Issued {
    fn is_for(&self, what: &SecretString) -> bool {
        self.issued_for.expose_secret() == what.expose_secret()
    }
}

impl fmt::Debug for PendingTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingTokens").finish_non_exhaustive()
    }
}
