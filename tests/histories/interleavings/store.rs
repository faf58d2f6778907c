//! Stores whose calls each stop twice.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use tokio::sync::mpsc;
use tower_heroku_sso::access::{People, ResourceList};
use tower_heroku_sso::ids::{LegacyId, TeamId};
use tower_heroku_sso::sso::ReplayKey;
use tower_heroku_sso::store::{
    Absence, AbsenceSign, ActiveResource, Brake, Dated, Dormancy, Doubt, MemoryStore, Registration,
    Revocation, SessionKey, SharedStore, Store, StoreError, StoreNotice, StoreNotices, Ticket,
    Work,
};
use tower_heroku_sso::{MemorySessions, ResourceId, Tokens};
use tower_sessions::session::{Id, Record};
use tower_sessions::{SessionStore, session_store};

use crate::interleavings::stops::{OPERATION, Stops};

/// The stored data, with leases and events of a shared store.
#[derive(Clone, Debug, Default)]
pub struct Database {
    pub inner: MemoryStore,
    leases: Arc<Mutex<HashMap<Work, &'static str>>>,
    /// The event channels of the processes.
    listeners: Arc<Mutex<HashMap<&'static str, mpsc::UnboundedSender<StoreNotice>>>>,
    /// The operations by their sequence numbers.
    tickets: Arc<Mutex<HashMap<&'static str, Ticket>>>,
}

impl Database {
    /// The last sequence number of an operation. For a revocation, which continues in the background: `the
    /// revocation`.
    pub fn ticket_of(&self, operation: &str) -> Option<Ticket> {
        self.tickets.lock().unwrap().get(operation).copied()
    }

    fn note_ticket(&self, operation: &'static str, ticket: Ticket) {
        self.tickets.lock().unwrap().insert(operation, ticket);
    }

    pub fn forget_tickets(&self) {
        self.tickets.lock().unwrap().clear();
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
    async fn change<T>(
        &self,
        method: &str,
        notice: StoreNotice,
        call: impl Future<Output = T>,
    ) -> T {
        let and_tell = async {
            let answer = call.await;
            for (name, listener) in &*self.database.listeners.lock().unwrap() {
                if *name != self.name {
                    // An error means that the receiver is gone.
                    let _ = listener.send(notice.clone());
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
    async fn ticket(&self) -> Result<Ticket, StoreError> {
        let drawn = async {
            let ticket = self.inner().ticket().await?;
            if let Ok(operation) = OPERATION.try_with(|operation| *operation) {
                self.database.note_ticket(operation, ticket);
            }
            Ok(ticket)
        };
        self.call("ticket", drawn).await
    }
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change("put", notice, self.inner().put(id, registration))
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
        self.change("set_tokens", StoreNotice::Resource(*id), change)
            .await
    }
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        let change = self.inner().set_list(id, list);
        self.change("set_list", StoreNotice::Resource(*id), change)
            .await
    }
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        let change = self.inner().set_members(id, members);
        self.change("set_members", StoreNotice::Team(id.clone()), change)
            .await
    }
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        self.call("members", self.inner().members(id)).await
    }
    async fn begin_closing(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change("begin_closing", notice, self.inner().begin_closing(id))
            .await
    }
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change("end", notice, self.inner().end(id)).await
    }
    async fn deprovisioned(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change("deprovisioned", notice, self.inner().deprovisioned(id))
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
        ticket: Ticket,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change(
            "make_dormant",
            notice,
            self.inner().make_dormant(id, ticket, at, brake),
        )
        .await
    }
    async fn end_dormant(&self, id: &ResourceId, ticket: Ticket) -> Result<bool, StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change("end_dormant", notice, self.inner().end_dormant(id, ticket))
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
            .note_ticket("the revocation", revocation.ticket);
        let change = self.inner().revoke(id, revocation, forget_before);
        self.change("revoke", StoreNotice::Resource(*id), change)
            .await
    }
    async fn doubt(&self, id: &ResourceId, doubt: Doubt) -> Result<(), StoreError> {
        let change = self.inner().doubt(id, doubt);
        self.change("doubt", StoreNotice::Resource(*id), change)
            .await
    }
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        let notice = StoreNotice::Resource(*id);
        self.change("erase", notice, self.inner().erase(id)).await
    }
    async fn burn(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.call("burn", self.inner().burn(key, until, now)).await
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
        let notice = StoreNotice::Session(session.clone());
        self.change("close_session", notice, change).await
    }
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        let answer = self.inner().is_session_closed(session);
        self.call("is_session_closed", answer).await
    }
    fn shared(&self) -> Option<&dyn SharedStore> {
        self.is_shared.then_some(self as _)
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
    fn notices(&self) -> Box<dyn StoreNotices> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let mut listeners = self.database.listeners.lock().unwrap();
        listeners.insert(self.name, sender);
        Box::new(Notices {
            stops: self.stops.clone(),
            place: format!("{} notice", self.name),
            receiver,
            next: None,
        })
    }
}

struct Notices {
    stops: Stops,
    place: String,
    receiver: mpsc::UnboundedReceiver<StoreNotice>,
    /// Kept if the waiting future is dropped.
    next: Option<StoreNotice>,
}

#[async_trait]
impl StoreNotices for Notices {
    async fn next(&mut self) -> StoreNotice {
        if self.next.is_none() {
            self.next = self.receiver.recv().await;
        }
        self.stops.stop(&*self.place).await;
        match self.next.take() {
            Some(notice) => notice,
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
