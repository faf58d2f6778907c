//! Fetches a team's members, with the token of any of its resources.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use super::answer::fetch_people;
use crate::access::People;
use crate::cause;
use crate::clock;
use crate::deadlines::MEMBERS_LEASE;
use crate::heroku::{Call, ETag, HerokuError};
use crate::ids::{ResourceId, TeamId};
use crate::secret::Tokens;
use crate::store::Work;
use crate::sync::SyncError;
use crate::sync::directory::Directory;
use crate::sync::lists::as_of::AsOf;
use crate::sync::lists::entry::Entry;
use crate::sync::lists::replace::Source;
use crate::sync::lists::team::{TeamEntry, TeamList};
use crate::sync::schedule::queue::Target;
use crate::sync::settings::RatePools;
use crate::sync::tokens::token_manager::RenewPolicy;

/// How many of a team's tokens are tried before its members count as withheld.
const TOKENS_TRIED: usize = 3;

impl Directory {
    /// Makes sure that the known members of a team are no older than `max_age`. `asker` is a resource of that
    /// team. Heroku's refusal to list them is an answer too.
    pub(in crate::sync) async fn ask_members(
        self: &Arc<Self>,
        id: &TeamId,
        asker: &Arc<Entry>,
        max_age: Duration,
    ) -> Result<(), SyncError> {
        let team = self.teams.entry(id);
        let age = team.state().age(&self.clock);
        if !max_age.is_zero() && age.is_some_and(|age| age <= max_age) {
            return Ok(());
        }
        let (directory, asker) = (Arc::clone(self), Arc::clone(asker));
        let work = || Ok(async move { directory.ask_once(&team, asker, max_age).await });
        self.asking_team.join(id.clone(), work).await
    }

    /// The first process fetches for all of them. A caller that wants the newest members does not wait for a
    /// fetch that began earlier.
    async fn ask_once(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
        asker: Arc<Entry>,
        max_age: Duration,
    ) -> Result<(), SyncError> {
        if self.store.shared().is_none() || max_age.is_zero() {
            return self.ask_for_members(team, Some(asker)).await;
        }
        let asking = || async {
            // Another process may have fetched them a moment ago.
            self.reload_team(&team.id).await?;
            let age = team.state().age(&self.clock);
            if age.is_some_and(|age| age <= max_age) {
                return Ok(());
            }
            self.ask_for_members(team, Some(Arc::clone(&asker))).await
        };
        let work = Work::Members(team.id.clone());
        match self
            .leased_in_turn(&work, MEMBERS_LEASE, || ready(None), asking)
            .await?
        {
            Some(result) => result,
            // The other process is slow or has died, and a request is waiting.
            None => self.ask_for_members(team, Some(Arc::clone(&asker))).await,
        }
    }

    /// The scheduled fetch, with the token of any of its resources.
    pub(in crate::sync) async fn ask_members_in_turn(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
    ) -> Result<(), SyncError> {
        let (directory, team) = (Arc::clone(self), Arc::clone(team));
        let key = team.id.clone();
        let work = || Ok(async move { directory.ask_for_members(&team, None).await });
        self.asking_team.join(key, work).await
    }

    async fn ask_for_members(
        self: &Arc<Self>,
        team: &Arc<TeamEntry>,
        asker: Option<Arc<Entry>>,
    ) -> Result<(), SyncError> {
        let asked_at = self.moment().await?;
        let limit = self.settings.deadlines.list;
        let told = clock::within(limit, self.try_each_token(team, asker, asked_at)).await;
        let result = told.unwrap_or(Err(SyncError::Slow { limit }));
        match &result {
            Ok(Some(list)) => {
                team.state().told(list.clone());
                self.store_members(&team.id, list).await;
            }
            Ok(None) => {
                self.withhold(team, asked_at);
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(
                    team = %team.id, %error, cause = cause::of(&error),
                    "team members could not be fetched; keeping the last ones"
                );
                team.state().attempts.note_failure(self.clock.elapsed());
            }
        }
        if result.is_ok() {
            self.spread(team, Source::Heroku);
        }
        self.plan(&Target::Team(Arc::clone(team)));
        result.map(|_| ())
    }

    /// Records that Heroku withholds the team's members from all of its resources.
    pub(in crate::sync) fn withhold(&self, team: &Arc<TeamEntry>, asked_at: AsOf) {
        tracing::warn!(
            team = %team.id,
            "heroku withholds a team's members from all of its resources"
        );
        team.state().refused(asked_at);
        self.spread(team, Source::Heroku);
        self.plan(&Target::Team(Arc::clone(team)));
    }

    async fn store_members(&self, team: &TeamId, list: &TeamList) {
        let members = list.asked_at.date(list.people.clone(), &self.clock);
        if let Err(error) = self.store.set_members(team, members).await {
            // Memory has the members; the store gets the next ones.
            tracing::warn!(
                %team, %error, cause = cause::of(&error),
                "team members could not be stored; the next fetch stores newer ones"
            );
        }
    }

    /// Tries one token after the other. None if no token gets the members and Heroku refuses at least one. Of
    /// several errors, that of the asker's own token counts: a problem of another resource says nothing about
    /// this one.
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
        for asker in self.candidates(team, answered_by, asker) {
            match self
                .members_told_to(&asker, &team.id, known.as_deref())
                .await
            {
                Ok((people, etag)) => {
                    return Ok(Some(TeamList {
                        people,
                        asked_at,
                        etag,
                        answered_by: Some(asker.id),
                    }));
                }
                Err(SyncError::Heroku(HerokuError::Forbidden(answer))) => {
                    tracing::warn!(
                        resource = %asker.id, team = %team.id, %answer,
                        "heroku withholds a team's members from this resource"
                    );
                    refused = true;
                }
                Err(error) if self.is_about_the_token(&error) => {
                    if !is_own {
                        is_own = wanted_by == Some(asker.id);
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

    async fn members_told_to(
        self: &Arc<Self>,
        asker: &Arc<Entry>,
        team: &TeamId,
        last: Option<&TeamList>,
    ) -> Result<(People, Option<ETag>), SyncError> {
        let had_people = last.is_some_and(|last| !last.people.is_empty());
        // The ETag of another token's answer may be equal although the answer differs.
        let known = last.filter(|last| last.answered_by == Some(asker.id));
        let known = known.and_then(|last| last.etag.as_ref().zip(Some(&last.people)));
        let with_tokens = |tokens: Tokens| async move {
            let caller = self.caller(asker, &tokens);
            let ask = |etag: Option<ETag>| async move {
                self.client.team_members(caller, team, etag.as_ref()).await
            };
            let answer = fetch_people(ask, known, had_people, Call::TeamMembers).await?;
            Ok((answer.value, answer.etag))
        };
        self.with_tokens(asker, RenewPolicy::Now, with_tokens).await
    }

    /// The resource whose token worked last, then the asker, then some others.
    fn candidates(
        &self,
        team: &TeamEntry,
        answered_by: Option<ResourceId>,
        asker: Option<Arc<Entry>>,
    ) -> Vec<Arc<Entry>> {
        let entry = |id: &ResourceId| self.entries.get(id).map(|entry| Arc::clone(&entry));
        let resources = team.state().resources();
        let known = answered_by.filter(|id| resources.contains(id));
        let mut candidates: Vec<_> = known.as_ref().and_then(entry).into_iter().collect();
        let is_another = |asker: &Arc<Entry>| Some(asker.id) != known;
        candidates.extend(asker.filter(is_another));
        // Starts at a random resource, in case the first ones are refused.
        let start = fastrand::usize(..resources.len().max(1));
        let others = resources.iter().cycle().skip(start).take(resources.len());
        for id in others {
            if candidates.len() >= TOKENS_TRIED {
                break;
            }
            if candidates.iter().all(|asker| asker.id != *id) {
                candidates.extend(entry(id));
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
