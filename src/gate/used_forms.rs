//! Single-use sign-in forms: their earlier use is detected before anything is created for them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use heroku_sso_store::ResourceId;
use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use crate::clock::Reading;
use crate::expiring_map::ExpiringMap;
use crate::sso::{ReplayKey, VerifiedSso};
use crate::store::{BoundedStore, StoreError};

/// What this process knows about used forms, and which forms it is processing.
pub(crate) struct UsedForms {
    /// With the resource that each was used for, where that is known.
    known: ExpiringMap<ReplayKey, Option<ResourceId>>,
    turns: Mutex<HashMap<ReplayKey, Weak<Lock<()>>>>,
}

/// The turn of one form. Of two requests with the same form, the second waits for the first.
pub(super) struct Turn<'a> {
    forms: &'a UsedForms,
    key: ReplayKey,
    lock: Option<Arc<Lock<()>>>,
    guard: Option<OwnedMutexGuard<()>>,
}

/// Whether a form was used before.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Unused,
    Used(Option<ResourceId>),
}

impl UsedForms {
    /// A used form is remembered for as long as it could otherwise be accepted.
    pub(crate) fn new(kept: Duration) -> Self {
        Self {
            known: ExpiringMap::new(kept),
            turns: Mutex::default(),
        }
    }

    /// Waits until no other request of this process holds the form's turn.
    pub(super) async fn turn(&self, key: &ReplayKey) -> Turn<'_> {
        let lock = self.lock_of(key);
        let mut turn = Turn {
            forms: self,
            key: key.clone(),
            lock: Some(Arc::clone(&lock)),
            guard: None,
        };
        turn.guard = Some(lock.lock_owned().await);
        turn
    }

    /// Asks the store only about a form that this process does not know.
    pub(super) async fn look_up(
        &self,
        key: &ReplayKey,
        store: &BoundedStore,
        now: Reading,
    ) -> Result<Form, StoreError> {
        if let Some(resource) = self.known.get(key) {
            return Ok(Form::Used(resource));
        }
        if !store.is_consumed(key).await? {
            return Ok(Form::Unused);
        }
        self.note(key, None, now);
        Ok(Form::Used(None))
    }

    /// Consumes the form. False if any process consumed it before.
    pub(super) async fn consume(
        &self,
        verified: &VerifiedSso,
        resource: &ResourceId,
        store: &BoundedStore,
        until: OffsetDateTime,
        now: Reading,
    ) -> Result<bool, StoreError> {
        // The weaker tokens first: if this stops half-way, fewer tokens work, not more. Another person's
        // sign-in in the same second may have consumed them already. That is no reason to reject this one.
        for key in verified.weaker_replay_keys() {
            store.consume(key, until, now.date()).await?;
            self.note(key, Some(*resource), now);
        }
        let key = verified.replay_key();
        let is_first = store.consume(key, until, now.date()).await?;
        self.note(key, Some(*resource), now);
        Ok(is_first)
    }

    fn note(&self, key: &ReplayKey, resource: Option<ResourceId>, now: Reading) {
        self.known.put_if(key.clone(), resource, now, |_| false);
    }

    fn lock_of(&self, key: &ReplayKey) -> Arc<Lock<()>> {
        let mut turns = self.turns();
        if let Some(lock) = turns.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        let lock = Arc::default();
        turns.insert(key.clone(), Arc::downgrade(&lock));
        lock
    }

    fn turns(&self) -> MutexGuard<'_, HashMap<ReplayKey, Weak<Lock<()>>>> {
        self.turns.lock()
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut turns = self.forms.turns();
        drop((self.guard.take(), self.lock.take()));
        let is_last = |lock: &Weak<_>| lock.strong_count() == 0;
        if turns.get(&self.key).is_some_and(is_last) {
            turns.remove(&self.key);
        }
    }
}

impl fmt::Debug for UsedForms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UsedForms({} under way)", self.turns().len())
    }
}
