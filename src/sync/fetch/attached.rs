//! Reads the people of the apps that an add-on is attached to: the attachments first, then the collaborators
//! of each app, one call after the other.
//!
//! This reading is separate from the list's own fetch, so that a slow or refused app delays and fails nothing
//! else.

use std::sync::Arc;

use heroku_sso_store::{AppId, ResourceId, Tokens};

use super::conditional_request::{Tagged, fetch_people};
use super::resolve_list::below_the_add_on;
use crate::access::{People, Person};
use crate::clock::{self, SharedClock};
use crate::error_chain;
use crate::heroku::{Call, CallCount, Caller, HerokuClient, HerokuError};
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::lists::list_event::Source;
use crate::sync::schedule::rate_limits::Charge;
use crate::sync::settings::SyncSettings;
use crate::sync::single_flight::SingleFlight;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::attached_part::{AttachedPart, MAX_APPS};
use crate::sync::state::cached_list::CachedList;
use crate::sync::state::entry::Entry;
use crate::sync::state::fetch_budgets::ForcedBy;
use crate::sync::tokens::token_manager::{RenewPolicy, TokenManager};

/// Attached apps are read again at every third refresh.
const REFRESHES: u32 = 3;

/// After this many calls no further app is read, because the list of an app can have many pages.
const MAX_CALLS: u32 = 60;

/// The calls that a first reading is expected to take: the attachments, and one for each app.
const FIRST_CALLS: u32 = 1 + MAX_APPS as u32;

/// Reads attached apps. Of each resource, one reading at a time.
#[derive(Debug)]
pub(in crate::sync) struct AttachedFetcher {
    clock: SharedClock,
    settings: Arc<SyncSettings>,
    client: Arc<HerokuClient>,
    coordinator: Arc<Coordinator>,
    lists: Arc<ListCache>,
    tokens: Arc<TokenManager>,
    fetching: SingleFlight<ResourceId, Arc<CachedList>>,
}

impl AttachedFetcher {
    pub(in crate::sync) fn new(
        settings: Arc<SyncSettings>,
        client: Arc<HerokuClient>,
        coordinator: Arc<Coordinator>,
        lists: Arc<ListCache>,
        tokens: Arc<TokenManager>,
    ) -> Self {
        Self {
            clock: Arc::clone(coordinator.clock()),
            settings,
            client,
            lists,
            tokens,
            fetching: SingleFlight::new(coordinator.tasks()),
            coordinator,
        }
    }

    /// Starts a reading if one is due, and does not wait for it. Called after a fetch of the list.
    pub(in crate::sync) fn start_if_due(self: &Arc<Self>, entry: &Arc<Entry>) {
        if self.due(entry).is_some() {
            let (fetcher, entry) = (Arc::clone(self), Arc::clone(entry));
            let reading = async move { fetcher.fetch_if_due(&entry).await };
            self.coordinator.tasks().spawn(reading);
        }
    }

    /// As [`start_if_due`](Self::start_if_due), and waits for the reading.
    pub(in crate::sync) async fn fetch_if_due(self: &Arc<Self>, entry: &Arc<Entry>) {
        if let Some(charge) = self.due(entry) {
            // Errors are logged where they occur.
            drop(self.fetch(entry, charge).await);
        }
    }

    /// Reads attached apps now, if the budgets allow it, and returns the list with the answer. Waiting for a
    /// reading in progress costs nothing.
    pub(in crate::sync) async fn fetch(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        charge: Charge,
    ) -> Result<Arc<CachedList>, SyncError> {
        let start = || {
            let list = entry.list();
            let last = list.as_ref().and_then(|list| list.attached());
            let expected = last.map_or(FIRST_CALLS, |last| last.calls.max(1));
            let limits = self.lists.scheduler().rate_limits();
            limits.charge_attached(entry, charge, expected)?;
            let (fetcher, entry) = (Arc::clone(self), Arc::clone(entry));
            Ok(async move { fetcher.read_counted(&entry, charge, expected).await })
        };
        self.fetching.join(entry.id, start).await
    }

    /// The charge of a reading that is due now; none if none is due.
    ///
    /// The schedule pays if the apps were never read, if the add-on has moved to another app since, or if the
    /// answer would be too old before the next refresh. Otherwise a webhook about attachments makes a reading
    /// due, within the budget for webhooks.
    fn due(&self, entry: &Entry) -> Option<Charge> {
        let list = entry
            .list()
            .filter(|_| self.settings.include_attached_apps)?;
        let progress = entry.progress();
        if !progress.attached_back_off(self.clock.elapsed()).is_zero() {
            return None;
        }
        let interval = self.settings.refresh_interval;
        let longest = interval.saturating_mul(REFRESHES);
        let longest = longest.min(self.settings.max_list_age);
        let is_on_schedule = list.attached().is_none_or(|last| {
            let age = list.own_asked_at().since(&last.asked_at);
            last.owner != list.snapshot.app.id || age + interval > longest
        });
        let is_hinted = progress.has_attached_hint();
        match (is_on_schedule, is_hinted) {
            (true, _) => Some(Charge::Schedule),
            (false, true) => Some(Charge::Forced(ForcedBy::Webhook)),
            (false, false) => None,
        }
    }

    async fn read_counted(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        charge: Charge,
        expected: u32,
    ) -> Result<Arc<CachedList>, SyncError> {
        let count = CallCount::default();
        let result = self.read_and_replace(entry, &count).await;
        let scheduler = self.lists.scheduler();
        let limits = scheduler.rate_limits();
        limits.correct_attached(entry, charge, expected, count.made());
        if let Err(error) = &result {
            let now = self.clock.elapsed();
            entry.progress().note_attached_failure(now, error);
            scheduler.plan_resource(entry);
            tracing::warn!(
                resource = %entry.id, %error, cause = error_chain::of(error),
                "attached apps could not be read; keeping the last answer about them"
            );
        }
        result
    }

    async fn read_and_replace(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        count: &CallCount,
    ) -> Result<Arc<CachedList>, SyncError> {
        let list = entry.list().ok_or(SyncError::NoUsableList)?;
        // Drawn before the question, so that an answer never counts as newer than it is.
        let asked_at = self.coordinator.as_of().await?;
        let ask = |tokens: Tokens| {
            let list = Arc::clone(&list);
            async move {
                let caller = Caller {
                    count: Some(count),
                    ..self.tokens.caller(entry, &tokens)
                };
                let reading = Reading {
                    client: &self.client,
                    caller,
                    resource: &entry.id,
                    owner: &list.snapshot.app.id,
                    last: list.attached(),
                };
                Ok(reading.run(asked_at, count).await?)
            }
        };
        let limit = self.settings.deadlines.attached;
        let read = self.tokens.with_tokens(entry, RenewPolicy::Now, ask);
        let read = clock::within(limit, read).await;
        let part = read.unwrap_or(Err(SyncError::Slow { limit }))?;
        let list = self.lists.replace_attached(entry, part, Source::Heroku);
        let list = list.ok_or(SyncError::Gone)?;
        self.coordinator.store_list(entry, &list, asked_at).await;
        Ok(list)
    }
}

/// One reading of the attached apps of one resource.
struct Reading<'a> {
    client: &'a HerokuClient,
    caller: Caller<'a>,
    resource: &'a ResourceId,
    /// The app that owns the add-on.
    owner: &'a AppId,
    last: Option<&'a AttachedPart>,
}

impl Reading<'_> {
    async fn run(&self, asked_at: AsOf, count: &CallCount) -> Result<AttachedPart, HerokuError> {
        let apps = self.attached_apps().await?;
        let mut part = AttachedPart {
            people: People::default(),
            apps: Vec::new(),
            skipped: 0,
            left_out: 0,
            owner: self.owner.clone(),
            calls: 0,
            asked_at,
        };
        let mut everybody = Vec::<Person>::new();
        for (place, app) in apps.iter().enumerate() {
            if place >= MAX_APPS || count.made() >= MAX_CALLS {
                part.left_out = apps.len() - place;
                tracing::warn!(
                    resource = %self.resource, attached = apps.len(), read = place,
                    "add-on is attached to too many apps; leaving out the rest"
                );
                break;
            }
            match self.people_of(app).await? {
                None => part.skipped += 1,
                Some(people) if people.is_empty() => {}
                Some(people) => {
                    everybody.extend(Vec::from(people));
                    part.apps.push(app.clone());
                }
            }
        }
        let people: People = everybody.into_iter().collect();
        part.people = people.without_privileges();
        part.calls = count.made();
        Ok(part)
    }

    /// The attached apps, each once, without the owner. Those that had people at the last reading come first,
    /// so that new attachments cannot crowd them out. If there were some and are none now, Heroku is asked
    /// again.
    async fn attached_apps(&self) -> Result<Vec<AppId>, HerokuError> {
        let ask = || async {
            let answer = self.client.attachments(self.caller, self.resource).await;
            let answer = answer.map_err(below_the_add_on)?;
            let mut apps = Tagged::read(answer, None, Call::Attachments)?.value;
            apps.retain(|app| app != self.owner);
            apps.sort_unstable_by_key(|app| (!self.had_people(app), app.clone()));
            apps.dedup();
            Ok::<_, HerokuError>(apps)
        };
        let had_some = self.last.is_some_and(|last| !last.apps.is_empty());
        let apps = ask().await?;
        match apps.is_empty() && had_some {
            true => ask().await,
            false => Ok(apps),
        }
    }

    fn had_people(&self, app: &AppId) -> bool {
        self.last.is_some_and(|last| last.apps.contains(app))
    }

    /// The collaborators of an attached app. None if Heroku itself refuses to list them, or does not find the
    /// app; if the app had people, Heroku is asked twice. The same status from an intermediary is a failure.
    async fn people_of(&self, app: &AppId) -> Result<Option<People>, HerokuError> {
        let had_people = self.had_people(app);
        let ask = |_| self.client.collaborators(self.caller, app, None);
        let fetch = || fetch_people(ask, None, had_people, Call::Collaborators);
        let answer = match fetch().await {
            Err(error) if had_people && is_refusal(&error) => fetch().await,
            answer => answer,
        };
        match answer.map_err(below_the_add_on) {
            Ok(people) => Ok(Some(people.value)),
            Err(HerokuError::Forbidden(answer) | HerokuError::NotFound(answer)) => {
                if !answer.is_of_heroku() {
                    return Err(HerokuError::Unavailable(answer));
                }
                tracing::warn!(
                    resource = %self.resource, %app, %answer,
                    "heroku does not list an attached app's people; skipping the app"
                );
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

fn is_refusal(error: &HerokuError) -> bool {
    use HerokuError::{Forbidden, Gone, NotFound};
    matches!(error, Forbidden(_) | Gone(_) | NotFound(_))
}
