//! Fetches a team's members, with the token of any of its resources.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{ResourceId, TeamId, Tokens, Work};

use super::conditional_request::fetch_people;
use crate::access::People;
use crate::clock::{self, SharedClock};
use crate::deadlines::MEMBERS_LEASE;
use crate::error_chain;
use crate::heroku::{Call, ETag, HerokuClient, HerokuError};
use crate::sync::SyncError;
use crate::sync::cluster::coordinator::Coordinator;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::lists::list_event::Source;
use crate::sync::settings::{RatePools, SyncSettings};
use crate::sync::single_flight::SingleFlight;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::entry::Entry;
use crate::sync::state::member_list::TeamList;
use crate::sync::state::team::TeamEntry;
use crate::sync::tokens::token_manager::{RenewPolicy, TokenManager};

/// How many of a team's tokens are tried before its members count as withheld.
const TOKENS_TRIED: usize = 3;

/// Fetches the members of teams. Concurrent callers share a fetch; of each team at most two are in progress in
/// this process.
#[derive(Debug)]
pub(in crate::sync) struct MemberFetcher {
    clock: SharedClock,
    settings: Arc<SyncSettings>,
    client: Arc<HerokuClient>,
    coordinator: Arc<Coordinator>,
    lists: Arc<ListCache>,
    tokens: Arc<TokenManager>,
    /// By team, and by whether its members are fetched whatever their age.
    fetching: SingleFlight<(TeamId, bool), ()>,
}

impl MemberFetcher {
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

    /// Fetches the members of a team if the last answer about them is older than `max_age`; zero fetches them
    /// in any case. `asker` is a resource of that team. Heroku's refusal to list them is an answer too.
    ///
    /// A caller that joins a fetch in progress gets its result. It joins none that accepts older members, if it
    /// accepts none itself.
    pub(in crate::sync) async fn fetch(
        self: &Arc<Self>,
        id: &TeamId,
        asker: &Arc<Entry>,
        max_age: Duration,
    ) -> Result<(), SyncError> {
        let team = self.lists.teams().entry(id);
        let age = team.state().age(&self.clock);
        if !max_age.is_zero() && age.is_some_and(|age| age <= max_age) {
            return Ok(());
        }
        let (fetcher, asker) = (Arc::clone(self), Arc::clone(asker));
        let work = || Ok(async move { fetcher.fetch_shared(&team, asker, max_age).await });
        let key = (id.clone(), max_age.is_zero());
        let result = self.fetching.join(key, work).await;
        if result.is_err() {
            // The asker joins the team with its list, and perhaps it gets none.
            self.lists.teams().drop_unknown(id);
        }
        result
    }

    /// With several processes, one of them fetches for all, under a lease. A fetch with a `max_age` of zero
    /// waits for no other process, whose fetch may have begun earlier.
    async fn fetch_shared(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
        asker: Arc<Entry>,
        max_age: Duration,
    ) -> Result<(), SyncError> {
        if !self.coordinator.is_shared() || max_age.is_zero() {
            return self.fetch_now(team, Some(asker)).await;
        }
        let asking = || async {
            // Another process may have fetched them a moment ago.
            self.coordinator.reload_team(&team.id).await?;
            let age = team.state().age(&self.clock);
            if age.is_some_and(|age| age <= max_age) {
                return Ok(());
            }
            self.fetch_now(team, Some(Arc::clone(&asker))).await
        };
        let work = Work::Members(team.id.clone());
        match self
            .coordinator
            .leased_in_turn(&work, MEMBERS_LEASE, || ready(None), asking)
            .await?
        {
            Some(result) => result,
            // The other process is slow or has died, and a request is waiting.
            None => self.fetch_now(team, Some(Arc::clone(&asker))).await,
        }
    }

    /// The scheduled fetch, with the token of any of its resources.
    pub(in crate::sync) async fn fetch_scheduled(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
    ) -> Result<(), SyncError> {
        let (fetcher, team) = (Arc::clone(self), Arc::clone(team));
        let key = (team.id.clone(), false);
        let work = || Ok(async move { fetcher.fetch_now(&team, None).await });
        self.fetching.join(key, work).await
    }

    async fn fetch_now(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
        asker: Option<Arc<Entry>>,
    ) -> Result<(), SyncError> {
        let result = self.ask_and_apply(team, asker).await;
        if let Err(error) = &result {
            tracing::warn!(
                team = %team.id, %error, cause = error_chain::of(error),
                "team members could not be fetched; keeping the last ones"
            );
            let now = self.clock.elapsed();
            team.state().attempts.note_failure(now, error);
            self.lists.scheduler().plan_team(team);
        }
        result
    }

    async fn ask_and_apply(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
        asker: Option<Arc<Entry>>,
    ) -> Result<(), SyncError> {
        // Drawn before the question, so that an answer never counts as newer than it is.
        let asked_at = self.coordinator.as_of().await?;
        let limit = self.settings.deadlines.list;
        let answer = clock::within(limit, self.try_each_token(team, asker, asked_at)).await;
        match answer.unwrap_or(Err(SyncError::Slow { limit }))? {
            Some(list) => {
                team.state().apply(list.clone());
                self.store_members(&team.id, &list).await;
                self.lists.propagate_members(team, Source::Heroku);
            }
            None => self.lists.withhold_members(team, asked_at),
        }
        Ok(())
    }

    async fn store_members(&self, team: &TeamId, list: &TeamList) {
        let members = list.asked_at.date(list.people.clone(), &self.clock);
        if let Err(error) = self.coordinator.store().set_members(team, members).await {
            // Memory has the members; the store gets the next ones.
            tracing::warn!(
                %team, %error, cause = error_chain::of(&error),
                "team members could not be stored; the next fetch stores newer ones"
            );
        }
    }

    /// Tries the tokens of [candidates](Self::candidates), one after the other. None if no token gets the
    /// members and Heroku refuses at least one. Of several errors, that of the asker's own token counts: an
    /// error of another resource's token says nothing about this resource.
    async fn try_each_token(
        self: &Arc<Self>,
        team: &TeamEntry,
        asker: Option<Arc<Entry>>,
        asked_at: AsOf,
    ) -> Result<Option<TeamList>, SyncError> {
        let known = team.state().list.clone();
        let answered_by = known.as_ref().and_then(|list| list.answered_by);
        let wanted_by = asker.as_ref().map(|asker| asker.id);
        let (mut refused, mut failure, mut is_own) = (false, None, false);
        for candidate in Self::candidates(team, answered_by, asker) {
            match self
                .fetch_with_token_of(&candidate, &team.id, known.as_deref())
                .await
            {
                Ok((people, etag)) => {
                    return Ok(Some(TeamList {
                        people,
                        asked_at,
                        etag,
                        answered_by: Some(candidate.id),
                    }));
                }
                Err(SyncError::Heroku(HerokuError::Forbidden(answer))) => {
                    tracing::warn!(
                        resource = %candidate.id, team = %team.id, %answer,
                        "heroku withholds a team's members from this resource"
                    );
                    refused = true;
                }
                Err(error) if self.is_about_the_token(&error) => {
                    if !is_own {
                        is_own = wanted_by == Some(candidate.id);
                        failure = Some(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        match failure {
            _ if refused => Ok(None),
            Some(error) if is_own || wanted_by.is_none() => Err(error),
            _ => Err(SyncError::NoTokens),
        }
    }

    async fn fetch_with_token_of(
        self: &Arc<Self>,
        owner: &Arc<Entry>,
        team: &TeamId,
        last: Option<&TeamList>,
    ) -> Result<(People, Option<ETag>), SyncError> {
        let had_people = last.is_some_and(|last| !last.people.is_empty());
        // The ETag of another token's answer may be equal although the answer differs.
        let known = last.filter(|last| last.answered_by == Some(owner.id));
        let known = known.and_then(|last| last.etag.as_ref().zip(Some(&last.people)));
        let with_tokens = |tokens: Tokens| async move {
            let caller = self.tokens.caller(owner, &tokens);
            let ask = |etag: Option<ETag>| async move {
                self.client.team_members(caller, team, etag.as_ref()).await
            };
            let answer = fetch_people(ask, known, had_people, Call::TeamMembers).await?;
            Ok((answer.value, answer.etag))
        };
        self.tokens
            .with_tokens(owner, RenewPolicy::Now, with_tokens)
            .await
    }

    /// The resource whose token worked last, then the asker, then others, up to [`TOKENS_TRIED`].
    fn candidates(
        team: &TeamEntry,
        answered_by: Option<ResourceId>,
        asker: Option<Arc<Entry>>,
    ) -> Vec<Arc<Entry>> {
        let state = team.state();
        let known = answered_by.and_then(|id| state.resource(&id));
        let mut candidates: Vec<_> = known.cloned().into_iter().collect();
        let is_another = |entry: &Arc<Entry>| known.is_none_or(|known| known.id != entry.id);
        candidates.extend(asker.filter(is_another));
        // Starts at a random resource, in case the first ones are refused.
        let resources = state.resources();
        let start = fastrand::usize(..resources.len().max(1));
        let others = resources.iter().cycle().skip(start).take(resources.len());
        for entry in others {
            if candidates.len() >= TOKENS_TRIED {
                break;
            }
            if candidates.iter().all(|candidate| candidate.id != entry.id) {
                candidates.push(Arc::clone(entry));
            }
        }
        candidates
    }

    /// True for an error that another resource's token may avoid.
    fn is_about_the_token(&self, error: &SyncError) -> bool {
        use HerokuError::{Gone, GrantRefused, NotFound, RateLimited, Unauthorized};

        let pools_are_apart = self.settings.rate_pools == RatePools::PerToken;
        match error {
            SyncError::Heroku(RateLimited { .. }) => pools_are_apart,
            SyncError::NoTokens
            | SyncError::NeedsGrant
            | SyncError::Gone
            | SyncError::UnknownResource
            | SyncError::Heroku(Unauthorized(_) | GrantRefused(_) | NotFound(_) | Gone(_)) => true,
            _ => false,
        }
    }
}
