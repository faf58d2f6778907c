//! Stores whose calls each stop twice.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use heroku_sso_store::{
    Absence, AbsenceSign, ActiveResource, Brake, Dated, Dormancy, PendingRemoval, Registration,
    Revocation, Sequence, SessionKey, SessionRecord, SessionRecords, SharedStore, Store,
    StoreEvent, StoreEvents, Work,
};
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tower_heroku_sso::access::{People, ResourceList};
use tower_heroku_sso::sso::ReplayKey;
use tower_heroku_sso::store::{MemoryStore, StoreError};
use tower_heroku_sso::{Email, LegacyId, MemorySessions, ResourceId, TeamId, Tokens};
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::interleavings::stops::{OPERATION, Stops};

/// The stored data, with leases and events of a shared store.
#[derive(Clone, Debug, Default)]
pub struct Database {
    pub inner: MemoryStore,
    leases: Arc<Mutex<HashMap<Work, &'static str>>>,
    /// The event channels of the processes.
    listeners: Arc<Mutex<HashMap<&'static str, mpsc::UnboundedSender<StoreEvent>>>>,
    /// The operations by their sequence numbers.
    sequences: Arc<Mutex<HashMap<&'static str, Sequence>>>,
}

impl Database {
    /// The last sequence number of an operation. For a revocation, which continues in the background: `the
    /// revocation`.
    pub fn sequence_of(&self, operation: &str) -> Option<Sequence> {
        self.sequences.lock().unwrap().get(operation).copied()
    }

    fn note_sequence(&self, operation: &'static str, sequence: Sequence) {
        self.sequences.lock().unwrap().insert(operation, sequence);
    }

    pub fn forget_sequences(&self) {
        self.sequences.lock().unwrap().clear();
    }

    /// The held leases.
    pub fn leases(&self) -> Vec<Work> {
        self.leases.lock().unwrap().keys().cloned().collect()
    }
}

/// The database as one process sees it.
#[derive(Clone, Debug)]
pub struct HeldStore {
    pub database: Database,
    pub stops: Stops,
    /// The name of the process.
    pub name: &'static str,
    pub is_shared: bool,
}

impl HeldStore {
    async fn call<T>(&self, method: &str, call: impl Future<Output = T>) -> T {
        let place = format!("{} {method}", self.name);
        self.stops.stop(format!("{place} asked")).await;
        let answer = call.await;
        self.stops.stop(format!("{place} answered")).await;
        answer
    }

    /// The same for a change that sends an event.
    async fn change<T>(&self, method: &str, event: StoreEvent, call: impl Future<Output = T>) -> T {
        let and_tell = async {
            let answer = call.await;
            for (name, listener) in &*self.database.listeners.lock().unwrap() {
                if *name != self.name {
                    // An error means that the receiver is gone.
                    let _ = listener.send(event.clone());
                }
            }
            answer
        };
        self.call(method, and_tell).await
    }

    fn inner(&self) -> &MemoryStore {
        &self.database.inner
    }
}

#[async_trait]
impl Store for HeldStore {
    async fn next_sequence(&self) -> Result<Sequence, StoreError> {
        let drawn = async {
            let sequence = self.inner().next_sequence().await?;
            if let Ok(operation) = OPERATION.try_with(|operation| *operation) {
                self.database.note_sequence(operation, sequence);
            }
            Ok(sequence)
        };
        self.call("next_sequence", drawn).await
    }
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change("put", event, self.inner().put(id, registration))
            .await
    }
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        self.call("get", self.inner().get(id)).await
    }
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        self.call("find_legacy", self.inner().find_legacy(id)).await
    }
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        self.call("load", self.inner().load(id)).await
    }
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        self.call("load_page", self.inner().load_page(after, limit))
            .await
    }
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        let change = self.inner().set_tokens(id, tokens, revision);
        self.change("set_tokens", StoreEvent::Resource(*id), change)
            .await
    }
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        let change = self.inner().set_list(id, list);
        self.change("set_list", StoreEvent::Resource(*id), change)
            .await
    }
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        let change = self.inner().set_members(id, members);
        self.change("set_members", StoreEvent::Team(id.clone()), change)
            .await
    }
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        self.call("members", self.inner().members(id)).await
    }
    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change(
            "begin_deprovisioning",
            event,
            self.inner().begin_deprovisioning(id),
        )
        .await
    }
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change("end", event, self.inner().end(id)).await
    }
    async fn complete_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change(
            "complete_deprovisioning",
            event,
            self.inner().complete_deprovisioning(id),
        )
        .await
    }
    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError> {
        self.call("note_absence", self.inner().note_absence(id, sign))
            .await
    }
    async fn make_dormant(
        &self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change(
            "make_dormant",
            event,
            self.inner().make_dormant(id, sequence, at, brake),
        )
        .await
    }
    async fn end_dormant(&self, id: &ResourceId, sequence: Sequence) -> Result<bool, StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change("end_dormant", event, self.inner().end_dormant(id, sequence))
            .await
    }
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError> {
        let change = self.inner().set_webhook(id, fingerprint);
        self.call("set_webhook", change).await
    }
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.database
            .note_sequence("the revocation", revocation.sequence);
        let change = self.inner().revoke(id, revocation, forget_before);
        self.change("revoke", StoreEvent::Resource(*id), change)
            .await
    }
    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError> {
        let change = self.inner().note_pending_removal(id, pending_removal);
        self.change("note_pending_removal", StoreEvent::Resource(*id), change)
            .await
    }
    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError> {
        let erased = self.inner().erase_person(email);
        self.call("erase_person", erased).await
    }
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        let event = StoreEvent::Resource(*id);
        self.change("erase", event, self.inner().erase(id)).await
    }
    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.call("consume", self.inner().consume(key, until, now))
            .await
    }
    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError> {
        self.inner().is_consumed(key).await
    }

    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let change = self.inner().close_session(session, until, now);
        let event = StoreEvent::Session(session.clone());
        self.change("close_session", event, change).await
    }
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        let answer = self.inner().is_session_closed(session);
        self.call("is_session_closed", answer).await
    }
    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError> {
        self.database.note_sequence("the revocation", sequence);
        let change = self.inner().revoke_all(id, sequence);
        self.change("revoke_all", StoreEvent::Resource(*id), change)
            .await
    }
    fn sessions(&self) -> Option<&dyn SessionRecords> {
        Some(self)
    }
    fn shared(&self) -> Option<&dyn SharedStore> {
        self.is_shared.then_some(self as _)
    }
}

#[async_trait]
impl SessionRecords for HeldStore {
    async fn insert_session(&self, session: &SessionRecord) -> Result<bool, StoreError> {
        self.call("session create", self.inner().insert_session(session))
            .await
    }
    async fn find_session(&self, key: &SessionKey) -> Result<Option<SessionRecord>, StoreError> {
        self.call("session load", self.inner().find_session(key))
            .await
    }
    async fn list_sessions(
        &self,
        resource: &ResourceId,
        email: Option<&Email>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let list = self.inner().list_sessions(resource, email, limit);
        self.call("session list", list).await
    }
    async fn note_seen(&self, seen: &[(SessionKey, OffsetDateTime)]) -> Result<(), StoreError> {
        self.inner().note_seen(seen).await
    }
}

#[async_trait]
impl SharedStore for HeldStore {
    async fn lease(&self, work: &Work, _life: Duration) -> Result<bool, StoreError> {
        let taken = async {
            let mut leases = self.database.leases.lock().unwrap();
            Ok(*leases.entry(work.clone()).or_insert(self.name) == self.name)
        };
        self.call("lease", taken).await
    }
    async fn release(&self, work: &Work) -> Result<(), StoreError> {
        let given_back = async {
            let mut leases = self.database.leases.lock().unwrap();
            if leases.get(work) == Some(&self.name) {
                leases.remove(work);
            }
            Ok(())
        };
        self.call("release", given_back).await
    }
    fn events(&self) -> Box<dyn StoreEvents> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut listeners = self.database.listeners.lock().unwrap();
        listeners.insert(self.name, sender);
        Box::new(Events {
            stops: self.stops.clone(),
            place: format!("{} event", self.name),
            receiver,
            next: None,
        })
    }
}

struct Events {
    stops: Stops,
    place: String,
    receiver: mpsc::UnboundedReceiver<StoreEvent>,
    /// Kept if the waiting future is dropped.
    next: Option<StoreEvent>,
}

#[async_trait]
impl StoreEvents for Events {
    async fn next(&mut self) -> StoreEvent {
        if self.next.is_none() {
            self.next = self.receiver.recv().await;
        }
        self.stops.stop(&*self.place).await;
        match self.next.take() {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

/// Sessions as one process sees them.
#[derive(Clone, Debug)]
pub struct HeldSessions {
    pub inner: MemorySessions,
    pub stops: Stops,
    pub name: &'static str,
}

impl HeldSessions {
    async fn call<T>(&self, method: &str, call: impl Future<Output = T>) -> T {
        let place = format!("{} session {method}", self.name);
        self.stops.stop(format!("{place} asked")).await;
        let answer = call.await;
        self.stops.stop(format!("{place} answered")).await;
        answer
    }
}

#[async_trait]
impl SessionStore for HeldSessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        self.call("create", self.inner.create(record)).await
    }
    async fn save(&self, record: &Record) -> session_store::Result<()> {
        self.call("save", self.inner.save(record)).await
    }
    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        self.call("load", self.inner.load(id)).await
    }
    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        self.call("delete", self.inner.delete(id)).await
    }
}
