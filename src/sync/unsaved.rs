//! Tokens that Heroku has given and the store does not have.

use dashmap::DashMap;
use secrecy::{ExposeSecret, SecretString};

use crate::ids::ResourceId;
use crate::secret::Tokens;

/// The last tokens of each resource that are not written down yet. What they were given for, a code or a
/// refresh token, is used up: a store that fails in between must not cost them.
#[derive(Default)]
pub(super) struct Unsaved(DashMap<ResourceId, Given>);

struct Given {
    given_for: SecretString,
    tokens: Tokens,
}

impl Unsaved {
    pub(super) fn keep(&self, id: &ResourceId, given_for: &SecretString, tokens: &Tokens) {
        let given = Given {
            given_for: given_for.clone(),
            tokens: tokens.clone(),
        };
        self.0.insert(*id, given);
    }

    /// What was given for this before.
    pub(super) fn given_for(&self, id: &ResourceId, what: &SecretString) -> Option<Tokens> {
        let given = self.0.get(id)?;
        let is_same = given.given_for.expose_secret() == what.expose_secret();
        is_same.then(|| given.tokens.clone())
    }

    pub(super) fn forget(&self, id: &ResourceId) {
        self.0.remove(id);
    }
}
