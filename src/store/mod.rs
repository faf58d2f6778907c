//! What must be remembered of each resource: its tokens, its last list, its end; and which SSO
//! requests have been used.
//!
//! [`MemoryStore`] is the default: one process, forgotten at its end. A partner whose add-on keeps
//! its own database can implement [`Store`] over it.

mod memory;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use time::OffsetDateTime;

use crate::access::{Email, Snapshot};
use crate::ids::{LegacyId, ResourceId};
use crate::secret::Tokens;
use crate::sso::ReplayKey;

pub use memory::MemoryStore;

/// Where resources, tokens, lists and used SSO requests are kept.
///
/// Every method is atomic, and may be called for one resource from several tasks at once. An error
/// means that nothing is known to have changed; the caller then refuses whoever asked.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Remembers a resource, or replaces what is known of it. Its list is kept.
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<(), StoreError>;

    /// What is known of a resource, those that are gone included.
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError>;

    /// The active resource that the provider knows by its own `id`.
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError>;

    /// Ids of active resources in ascending order: at most `limit` of those after `after`.
    async fn active(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ResourceId>, StoreError>;

    /// Replaces the tokens of a resource that is not gone. Does nothing for any other.
    async fn set_tokens(&self, id: &ResourceId, tokens: Tokens) -> Result<(), StoreError>;

    /// Replaces the list of an active resource. Does nothing for any other.
    async fn set_list(&self, id: &ResourceId, list: Arc<Snapshot>) -> Result<(), StoreError>;

    /// The last list of an active resource.
    async fn list(&self, id: &ResourceId) -> Result<Option<Arc<Snapshot>>, StoreError>;

    /// Makes an active resource a [`ResourceState::Closing`] one: no list any more, but its tokens
    /// stay. False if it was not active.
    async fn begin_closing(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Ends a resource: [`ResourceState::Gone`], with neither tokens nor list. That it existed is
    /// remembered. False if it was not known, or gone already.
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError>;

    /// Remembers that an active resource is subscribed to webhooks with the settings of this
    /// fingerprint, a short text that is no secret. Does nothing for any other resource.
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError>;

    /// Remembers that a person's sessions at an active resource from before a moment do not count.
    /// What is older than `forget_before` no session can hang on any more. Does nothing for any
    /// other resource.
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError>;

    /// The revocations of an active resource, one a person.
    async fn revocations(&self, id: &ResourceId) -> Result<Vec<Revocation>, StoreError>;

    /// Removes every trace of a resource whose provisioning was refused.
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError>;

    /// Marks `key` as used until at least `until`. True for exactly one caller, whoever else asks
    /// at the same time or later.
    async fn burn(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError>;
}

/// What a store knows of one resource.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Registration {
    /// Whether people may enter.
    pub state: ResourceState,
    /// The provider's own id, for sign-ins by the version 1 token.
    pub legacy_id: Option<LegacyId>,
    /// The OAuth tokens; none if Heroku sent no grant, or the resource is gone.
    pub tokens: Option<Tokens>,
    /// The grant code that the tokens came from, so that a repeated request is recognized.
    pub grant_code: Option<SecretString>,
    /// What its webhooks were subscribed to with, see [`Store::set_webhook`].
    pub webhook: Option<String>,
}

impl Registration {
    /// An active resource.
    pub fn active(tokens: Option<Tokens>) -> Self {
        Self {
            state: ResourceState::Active,
            legacy_id: None,
            tokens,
            grant_code: None,
            webhook: None,
        }
    }

    /// The same with the provider's own id.
    #[must_use]
    pub fn with_legacy_id(mut self, id: LegacyId) -> Self {
        self.legacy_id = Some(id);
        self
    }
}

/// A person whose sessions at a resource from before a moment do not count.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Revocation {
    /// Who.
    pub email: Email,
    /// Sessions that began then or earlier are over.
    pub at: OffsetDateTime,
}

impl Revocation {
    /// The end of this person's sessions that began at `at` or earlier.
    pub fn new(email: Email, at: OffsetDateTime) -> Self {
        Self { email, at }
    }
}

/// Where a resource is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ResourceState {
    /// Provisioned: people on its list may enter.
    Active,
    /// Being deprovisioned: nobody may enter, but its tokens still work.
    Closing,
    /// Deprovisioned. Its id never comes back.
    Gone,
}

/// The store cannot answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store cannot answer")]
pub struct StoreError(#[source] Arc<dyn std::error::Error + Send + Sync>);

impl StoreError {
    /// Wraps the error of the database behind a store.
    pub fn new(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(source.into().into())
    }
}
