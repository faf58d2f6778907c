//! The resources and their lists, as the rest of the crate uses them.

use std::fmt;
use std::sync::Arc;

use heroku_sso_store::{Email, ResourceId, UserId};
use secrecy::SecretString;

use super::SyncError;
use super::changes::Changes;
use super::cluster::closed_sessions::ClosedSessions;
use super::cluster::coordinator::Coordinator;
use super::decision::authorize::Authorizer;
use super::decision::explain::{Explanation, explain};
use super::fetch::change_hint::follow_hint;
use super::fetch::fetcher::Fetcher;
use super::health::Health;
use super::lifecycle::dormancy::{Absences, DormantResource};
use super::lifecycle::resource_lifecycle::Lifecycle;
use super::lifecycle::revoke_sessions::{revoke, revoke_all};
use super::list_states::{self, ListStates};
use super::lists::list_cache::ListCache;
use super::schedule::rate_limits::RateLimits;
use super::schedule::scheduler::Scheduler;
use super::settings::SyncSettings;
use super::state::cached_list::CachedList;
use super::tokens::token_manager::TokenManager;
use super::worker::{self, SyncContext, SyncHandle};
use crate::clock::{Budget, SharedClock};
use crate::heroku::HerokuClient;
use crate::store::BoundedStore;
use crate::webhook::ChangeHint;

/// The owners of everything about the resources, each of which uses only those before it:
/// scheduler, lists, coordinator, tokens, lifecycle, fetcher, authorizer.
pub(crate) struct Directory {
    settings: Arc<SyncSettings>,
    client: Arc<HerokuClient>,
    lists: Arc<ListCache>,
    coordinator: Arc<Coordinator>,
    tokens: Arc<TokenManager>,
    lifecycle: Arc<Lifecycle>,
    fetcher: Arc<Fetcher>,
    authorizer: Arc<Authorizer>,
    closed_sessions: Arc<ClosedSessions>,
}

impl Directory {
    pub(crate) fn new(
        client: HerokuClient,
        store: Arc<BoundedStore>,
        clock: SharedClock,
        settings: SyncSettings,
    ) -> Arc<Self> {
        let (client, settings) = (Arc::new(client), Arc::new(settings));
        let limits = Arc::new(RateLimits::new(Arc::clone(&clock), &settings));
        let scheduler = Scheduler::new(Arc::clone(&clock), Arc::clone(&settings), limits);
        let lists = Arc::new(ListCache::new(
            Arc::clone(&clock),
            Arc::clone(&settings),
            Arc::new(scheduler),
        ));
        let coordinator = Arc::new(Coordinator::new(
            Arc::clone(&clock),
            Arc::clone(&settings),
            Arc::clone(&store),
            Arc::clone(&lists),
        ));
        let tokens = Arc::new(TokenManager::new(
            Arc::clone(&settings),
            Arc::clone(&client),
            Arc::clone(&coordinator),
            Arc::clone(&lists),
        ));
        let lifecycle = Arc::new(Lifecycle::new(
            Arc::clone(&settings),
            Arc::clone(&coordinator),
            Arc::clone(&lists),
            Arc::clone(&tokens),
        ));
        let fetcher = Arc::new(Fetcher::new(
            Arc::clone(&settings),
            Arc::clone(&client),
            Arc::clone(&coordinator),
            Arc::clone(&lists),
            Arc::clone(&tokens),
            Arc::clone(&lifecycle),
        ));
        let authorizer = Arc::new(Authorizer::new(
            Arc::clone(&settings),
            Arc::clone(&coordinator),
            Arc::clone(&lists),
            Arc::clone(&fetcher),
        ));
        Arc::new(Self {
            closed_sessions: Arc::new(ClosedSessions::new(store, clock, settings.max_session)),
            settings,
            client,
            lists,
            coordinator,
            tokens,
            lifecycle,
            fetcher,
            authorizer,
        })
    }

    pub(crate) fn clock(&self) -> &SharedClock {
        self.coordinator.clock()
    }

    pub(crate) fn store(&self) -> &Arc<BoundedStore> {
        self.coordinator.store()
    }

    pub(crate) fn settings(&self) -> &SyncSettings {
        &self.settings
    }

    pub(crate) fn closed_sessions(&self) -> &Arc<ClosedSessions> {
        &self.closed_sessions
    }

    /// Decides whether a person has access.
    pub(crate) fn authorizer(&self) -> &Arc<Authorizer> {
        &self.authorizer
    }

    /// Registers and ends resources.
    pub(crate) fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// The list that is in memory or store now, however old, without a call to Heroku.
    pub(crate) async fn known_list(
        &self,
        id: &ResourceId,
    ) -> Result<Option<Arc<CachedList>>, SyncError> {
        Ok(self.coordinator.entry(id).await?.list())
    }

    /// Fetches the list now, or waits for the fetch that is in progress. If the budgets do not allow a fetch,
    /// returns the cached list.
    ///
    /// # Errors
    /// [`SyncError::Slow`] after three `heroku_timeout`s, at most 15 s; the fetch continues.
    /// [`SyncError::Dormant`] or [`SyncError::OverBudget`] if the budgets do not allow a fetch, and the
    /// resource is dormant or has no list. The errors of the fetch.
    pub(crate) async fn refresh(&self, id: &ResourceId) -> Result<Arc<CachedList>, SyncError> {
        let limit = self.settings.deadlines.request;
        let (budget, too_slow) = (Budget::of(limit), SyncError::Slow { limit });
        let entry = budget.within(self.coordinator.entry(id)).await;
        let entry = entry.unwrap_or(Err(too_slow))?;
        match budget
            .within(self.fetcher.fetch_with_attached(&entry))
            .await
        {
            Some(Err(SyncError::OverBudget { .. })) if entry.is_dormant() => {
                Err(SyncError::Dormant)
            }
            Some(Err(error @ SyncError::OverBudget { .. })) => entry.list().ok_or(error),
            Some(result) => result,
            None => Err(SyncError::Slow { limit }),
        }
    }

    /// Has the lists fetched that a webhook is about: [`follow_hint`].
    pub(crate) async fn follow_hint(&self, hint: &ChangeHint) -> Result<usize, SyncError> {
        follow_hint(&self.fetcher, hint).await
    }

    /// An access token for the partner's own calls: [`TokenManager::access_token`].
    pub(crate) async fn access_token(&self, id: &ResourceId) -> Result<SecretString, SyncError> {
        self.tokens.access_token(id).await
    }

    /// Ends every session that this person has at the resource now.
    pub(crate) async fn revoke(&self, id: &ResourceId, email: &Email) -> Result<(), SyncError> {
        revoke(&self.coordinator, &self.settings, id, email).await
    }

    /// Ends every session that any person has at the resource now.
    pub(crate) async fn revoke_all(&self, id: &ResourceId) -> Result<(), SyncError> {
        revoke_all(&self.coordinator, &self.settings, id).await
    }

    /// Why a person may or may not sign in now: [`explain`].
    pub(crate) async fn explain(
        &self,
        id: &ResourceId,
        email: &Email,
        user_id: Option<&UserId>,
    ) -> Result<Explanation, SyncError> {
        explain(&self.authorizer, id, email, user_id).await
    }

    /// What changes on the lists.
    pub(crate) fn changes(&self) -> Changes {
        Changes::new(&self.coordinator, &self.lists)
    }

    /// The state of all lists. Reads every resource in memory: about 10 ms for 100,000.
    pub(crate) fn health(&self) -> Health {
        self.sync_context().health()
    }

    /// Which resources lack a list, and why; and which of these are still not registered. Reads every
    /// resource in memory.
    pub(crate) fn list_states(&self, unregistered: Vec<ResourceId>) -> ListStates {
        list_states::of(&self.lists, unregistered)
    }

    /// The resources that are dormant now, as far as this process knows.
    pub(crate) fn dormant(&self) -> Vec<DormantResource> {
        Absences::of(&self.lifecycle).dormant()
    }

    /// Starts the sync on the current Tokio runtime.
    pub(crate) fn spawn_sync(&self) -> SyncHandle {
        worker::spawn(self.sync_context(), Arc::clone(&self.closed_sessions))
    }

    fn sync_context(&self) -> SyncContext {
        SyncContext {
            settings: Arc::clone(&self.settings),
            client: Arc::clone(&self.client),
            lists: Arc::clone(&self.lists),
            coordinator: Arc::clone(&self.coordinator),
            fetcher: Arc::clone(&self.fetcher),
            tokens: Arc::clone(&self.tokens),
        }
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Directory")
            .field("lists", &self.lists)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
