//! A store whose methods can be made to fail or to wait.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use heroku_sso_store::{
    Absence, AbsenceSign, ActiveResource, Brake, Dated, Dormancy, PendingRemoval, Registration,
    Revocation, Sequence, SessionKey, SessionRecord, SessionRecords, SharedStore, Store,
    StoreEvent, StoreEvents, Work,
};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tower_heroku_sso::access::{People, ResourceList};
use tower_heroku_sso::sso::ReplayKey;
use tower_heroku_sso::store::{MemoryStore, StoreError};
use tower_heroku_sso::{Email, LegacyId, ResourceId, TeamId, Tokens};

/// Leases under the control of a test.
#[derive(Debug, Default)]
pub struct Leases {
    /// How often each lease was taken or renewed.
    pub taken: Mutex<HashMap<Work, usize>>,
    pub released: Mutex<Vec<Work>>,
    /// Another process holds all leases.
    pub elsewhere: AtomicBool,
    /// All calls hang.
    pub silent: AtomicBool,
    /// The events of other processes.
    pub events: Mutex<VecDeque<StoreEvent>>,
}

impl Leases {
    async fn reached(&self) {
        if self.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl SharedStore for Leases {
    async fn lease(&self, work: &Work, _life: Duration) -> Result<bool, StoreError> {
        self.reached().await;
        *self.taken.lock().unwrap().entry(work.clone()).or_default() += 1;
        Ok(!self.elsewhere.load(Ordering::SeqCst))
    }
    async fn release(&self, work: &Work) -> Result<(), StoreError> {
        self.reached().await;
        self.released.lock().unwrap().push(work.clone());
        Ok(())
    }
    fn events(&self) -> Box<dyn StoreEvents> {
        // A reader gets the events that were recorded before it started.
        Box::new(Words(std::mem::take(&mut self.events.lock().unwrap())))
    }
}

struct Words(VecDeque<StoreEvent>);

#[async_trait]
impl StoreEvents for Words {
    async fn next(&mut self) -> StoreEvent {
        match self.0.pop_front() {
            Some(event) => event,
            None => std::future::pending().await,
        }
    }
}

/// A store in memory. Clones share everything; [`another`](Self::another) shares what is stored.
#[derive(Clone, Debug, Default)]
pub struct Faulty {
    inner: MemoryStore,
    methods: Arc<Mutex<HashMap<&'static str, Method>>>,
    leases: Option<Arc<Leases>>,
    keeps_sessions: bool,
}

#[derive(Debug, Default)]
struct Method {
    calls: usize,
    fails: bool,
    /// A call takes effect, but fails.
    loses_answers: bool,
    /// A call waits for a permit.
    gate: Option<Arc<Semaphore>>,
    /// How long a call takes, by tokio's time.
    takes: Duration,
}

impl Faulty {
    /// A store that is shared with other processes.
    pub fn shared(leases: &Arc<Leases>) -> Self {
        Self {
            leases: Some(Arc::clone(leases)),
            ..Self::default()
        }
    }

    /// The same store, which keeps sessions too.
    pub fn keeping_sessions(mut self) -> Self {
        self.keeps_sessions = true;
        self
    }

    /// The same database with separate faults, for another process.
    pub fn another(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            ..Self::default()
        }
    }

    /// Makes every call of this method fail, or of all methods: `"*"`.
    pub fn fail(&self, method: &'static str) {
        self.methods().entry(method).or_default().fails = true;
    }

    /// Makes every call of this method take effect and fail all the same. Only for `complete_deprovisioning`.
    pub fn lose_answers(&self, method: &'static str) {
        self.methods().entry(method).or_default().loses_answers = true;
    }

    /// Ends all failures.
    pub fn mend(&self) {
        for method in self.methods().values_mut() {
            (method.fails, method.loses_answers) = (false, false);
        }
    }

    /// Makes every call of this method wait for `let_pass`.
    pub fn hold(&self, method: &'static str) {
        let gate = Arc::new(Semaphore::new(0));
        self.methods().entry(method).or_default().gate = Some(gate);
    }

    /// Lets this many waiting or future calls pass.
    pub fn let_pass(&self, method: &'static str, calls: usize) {
        if let Some(gate) = &self.methods().entry(method).or_default().gate {
            gate.add_permits(calls);
        }
    }

    /// Ends the waiting for future calls of this method.
    pub fn let_go(&self, method: &'static str) {
        self.methods().entry(method).or_default().gate = None;
    }

    /// Delays every call of this method, or of all methods: `"*"`.
    pub fn slow_down(&self, method: &'static str, takes: Duration) {
        self.methods().entry(method).or_default().takes = takes;
    }

    /// How often this method was called.
    pub fn calls(&self, method: &'static str) -> usize {
        self.methods().entry(method).or_default().calls
    }

    fn methods(&self) -> MutexGuard<'_, HashMap<&'static str, Method>> {
        self.methods.lock().unwrap()
    }

    async fn reached(&self, name: &'static str) -> Result<&MemoryStore, StoreError> {
        let (fails, gate, takes) = {
            let mut methods = self.methods();
            let all = methods.get("*");
            let all = all.map_or((false, Duration::ZERO), |all| (all.fails, all.takes));
            let method = methods.entry(name).or_default();
            method.calls += 1;
            (
                all.0 || method.fails,
                method.gate.clone(),
                all.1.max(method.takes),
            )
        };
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        if let Some(gate) = gate {
            gate.acquire().await.unwrap().forget();
        }
        match fails {
            true => Err(StoreError::new("the database is unavailable")),
            false => Ok(&self.inner),
        }
    }
}

#[async_trait]
impl Store for Faulty {
    async fn next_sequence(&self) -> Result<Sequence, StoreError> {
        self.reached("next_sequence").await?.next_sequence().await
    }
    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        self.reached("put").await?.put(id, registration).await
    }
    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        self.reached("get").await?.get(id).await
    }
    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        self.reached("find_legacy").await?.find_legacy(id).await
    }
    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        self.reached("load").await?.load(id).await
    }
    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        self.reached("load_page")
            .await?
            .load_page(after, limit)
            .await
    }
    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        self.reached("set_tokens")
            .await?
            .set_tokens(id, tokens, revision)
            .await
    }
    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        self.reached("set_list").await?.set_list(id, list).await
    }
    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        self.reached("set_members")
            .await?
            .set_members(id, members)
            .await
    }
    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        self.reached("members").await?.members(id).await
    }
    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.reached("begin_deprovisioning")
            .await?
            .begin_deprovisioning(id)
            .await
    }
    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        self.reached("end").await?.end(id).await
    }
    async fn complete_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        let changed = self
            .reached("complete_deprovisioning")
            .await?
            .complete_deprovisioning(id)
            .await;
        match self.methods()["complete_deprovisioning"].loses_answers {
            true => Err(StoreError::new("the connection was lost")),
            false => changed,
        }
    }
    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError> {
        self.reached("note_absence")
            .await?
            .note_absence(id, sign)
            .await
    }
    async fn make_dormant(
        &self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        self.reached("make_dormant")
            .await?
            .make_dormant(id, sequence, at, brake)
            .await
    }
    async fn end_dormant(&self, id: &ResourceId, sequence: Sequence) -> Result<bool, StoreError> {
        self.reached("end_dormant")
            .await?
            .end_dormant(id, sequence)
            .await
    }
    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError> {
        self.reached("note_pending_removal")
            .await?
            .note_pending_removal(id, pending_removal)
            .await
    }
    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        self.reached("erase").await?.erase(id).await
    }
    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError> {
        self.reached("set_webhook")
            .await?
            .set_webhook(id, fingerprint)
            .await
    }
    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.reached("revoke")
            .await?
            .revoke(id, revocation, forget_before)
            .await
    }
    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        self.reached("consume")
            .await?
            .consume(key, until, now)
            .await
    }
    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError> {
        self.reached("is_consumed").await?.is_consumed(key).await
    }
    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        self.reached("close_session")
            .await?
            .close_session(session, until, now)
            .await
    }
    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        self.reached("is_session_closed")
            .await?
            .is_session_closed(session)
            .await
    }
    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError> {
        self.reached("revoke_all")
            .await?
            .revoke_all(id, sequence)
            .await
    }
    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError> {
        self.reached("erase_person")
            .await?
            .erase_person(email)
            .await
    }
    fn sessions(&self) -> Option<&dyn SessionRecords> {
        self.keeps_sessions.then_some(self as _)
    }
    fn shared(&self) -> Option<&dyn SharedStore> {
        self.leases.as_deref().map(|leases| leases as _)
    }
}

#[async_trait]
impl SessionRecords for Faulty {
    async fn insert_session(&self, session: &SessionRecord) -> Result<bool, StoreError> {
        let inner = self.reached("insert_session").await?;
        inner.insert_session(session).await
    }
    async fn find_session(&self, key: &SessionKey) -> Result<Option<SessionRecord>, StoreError> {
        self.reached("find_session").await?.find_session(key).await
    }
    async fn list_sessions(
        &self,
        resource: &ResourceId,
        email: Option<&Email>,
        limit: usize,
    ) -> Result<Vec<SessionRecord>, StoreError> {
        let inner = self.reached("list_sessions").await?;
        inner.list_sessions(resource, email, limit).await
    }
    async fn note_seen(&self, seen: &[(SessionKey, OffsetDateTime)]) -> Result<(), StoreError> {
        self.reached("note_seen").await?.note_seen(seen).await
    }
}
