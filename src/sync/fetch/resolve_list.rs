//! Resolves a resource id to its access list. The first time takes three round trips: add-on, then app and
//! collaborators, then team members. Later ones take one, because app and team are known.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::AppId;

use super::conditional_request::{Tagged, fetch_people};
use super::team_members::MemberFetcher;
use crate::access::{People, ResourceList, Team};
use crate::heroku::{AddOn, AppInfo, Call, Caller, ETag, HerokuClient, HerokuError};
use crate::sync::SyncError;
use crate::sync::lists::list_cache::ListCache;
use crate::sync::state::as_of::AsOf;
use crate::sync::state::cached_list::{CachedList, ETags, OwnList};
use crate::sync::state::entry::Entry;

/// One resolution of one resource's list. Afterwards the cache has the members of its team as well.
pub(super) struct Resolution<'a> {
    pub(super) client: &'a HerokuClient,
    pub(super) members: &'a Arc<MemberFetcher>,
    pub(super) lists: &'a ListCache,
    pub(super) entry: &'a Arc<Entry>,
    pub(super) caller: Caller<'a>,
    pub(super) members_age: Duration,
    pub(super) previous: Option<&'a CachedList>,
    /// Drawn before Heroku is asked.
    pub(super) asked_at: AsOf,
}

/// What it means if Heroku does not find a team that the app names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum MissingTeam {
    /// The app may have left the team between two calls: start again.
    MayBeFormer,
    /// The app still names the team: Heroku withholds its members, as with 403.
    IsWithheld,
}

/// Heroku's answers about an app.
struct AboutApp {
    info: Tagged<AppInfo>,
    collaborators: Tagged<People>,
}

impl Resolution<'_> {
    /// Fetches the whole list from Heroku.
    ///
    /// # Errors
    /// [`HerokuError::Gone`] only if Heroku says that the add-on itself does not exist.
    pub(super) async fn run(&self) -> Result<OwnList, SyncError> {
        match self.once(MissingTeam::MayBeFormer).await {
            // App or team changed between two calls: start again.
            Err(SyncError::Heroku(HerokuError::NotFound(_))) => {
                self.once(MissingTeam::IsWithheld).await
            }
            result => result,
        }
    }

    async fn once(&self, missing: MissingTeam) -> Result<OwnList, SyncError> {
        let (add_on, app) = match self.previous {
            None => {
                let add_on = self.add_on(None).await?;
                let app = self.ask_app(&add_on.value.app.id, None).await?;
                let team = app.info.value.team.as_deref();
                self.ask_members(team, missing).await?;
                (add_on, app)
            }
            Some(list) => self.ask_all(list, missing).await?,
        };
        let etags = ETags {
            add_on: add_on.etag,
            app: app.info.etag,
            collaborators: app.collaborators.etag,
        };
        let (app, collaborators) = (app.info.value, app.collaborators.value);
        let mut list = ResourceList::new(add_on.value.name, app.app, collaborators);
        list.team = app.team;
        list.web_url = add_on.value.web_url;
        Ok(OwnList {
            list,
            etags: Some(Box::new(etags)),
            asked_at: self.asked_at,
        })
    }

    /// Makes all calls in parallel, because app and team rarely change. Answers about a former app or team
    /// are discarded.
    async fn ask_all(
        &self,
        list: &CachedList,
        missing: MissingTeam,
    ) -> Result<(Tagged<AddOn>, AboutApp), SyncError> {
        let (app, team) = (&list.snapshot.app.id, list.snapshot.team.as_deref());
        let (add_on, about, members) = tokio::join!(
            self.add_on(Some(list)),
            self.ask_app(app, Some(list)),
            self.ask_members(team, missing),
        );
        let add_on = add_on?;
        let about = if add_on.value.app.id == *app {
            about?
        } else {
            self.ask_app(&add_on.value.app.id, None).await?
        };
        let new_team = about.info.value.team.as_deref();
        if new_team.map(|team| &team.id) == team.map(|team| &team.id) {
            members?;
        } else {
            self.ask_members(new_team, missing).await?;
        }
        Ok((add_on, about))
    }

    /// The app and its collaborators.
    async fn ask_app(&self, app: &AppId, list: Option<&CachedList>) -> Result<AboutApp, SyncError> {
        let (info, collaborators) =
            tokio::join!(self.app_info(app, list), self.collaborators(app, list));
        Ok(AboutApp {
            info: info.map_err(below_the_add_on)?,
            collaborators: collaborators.map_err(below_the_add_on)?,
        })
    }

    async fn ask_members(
        &self,
        team: Option<&Team>,
        missing: MissingTeam,
    ) -> Result<(), SyncError> {
        let Some(team) = team else { return Ok(()) };
        let members = self.members.fetch(&team.id, self.entry, self.members_age);
        match members.await {
            Err(SyncError::Heroku(HerokuError::NotFound(_) | HerokuError::Gone(_)))
                if missing == MissingTeam::IsWithheld =>
            {
                let team = self.lists.teams().entry(&team.id);
                self.lists.withhold_members(&team, self.asked_at);
                Ok(())
            }
            // The result may be that of another resource's token, which says nothing about this resource.
            Err(
                SyncError::Gone
                | SyncError::UnknownResource
                | SyncError::NeedsGrant
                | SyncError::NoTokens
                | SyncError::Heroku(HerokuError::Unauthorized(_) | HerokuError::GrantRefused(_)),
            ) => Err(SyncError::Interrupted),
            Err(SyncError::Heroku(error)) => Err(below_the_add_on(error).into()),
            result => result,
        }
    }

    /// A single 404 can be a temporary error at Heroku, so the call is repeated once.
    async fn add_on(&self, list: Option<&CachedList>) -> Result<Tagged<AddOn>, HerokuError> {
        let known = list.and_then(|list| {
            let etag = list.etags()?.add_on.as_ref()?;
            let snapshot = &list.snapshot;
            let add_on = AddOn {
                name: snapshot.addon_name.clone(),
                app: snapshot.app.clone(),
                web_url: snapshot.web_url.clone(),
            };
            Some((etag, add_on))
        });
        let (client, id) = (self.client, &self.entry.id);
        let etag = known.as_ref().map(|(etag, _)| *etag);
        let answer = match client.add_on(self.caller, id, etag).await {
            Err(HerokuError::NotFound(_)) => client.add_on(self.caller, id, None).await,
            answer => answer,
        };
        Tagged::read(answer.map_err(of_the_add_on)?, known, Call::AddOn)
    }

    async fn app_info(
        &self,
        app: &AppId,
        list: Option<&CachedList>,
    ) -> Result<Tagged<AppInfo>, HerokuError> {
        let known = list.and_then(|list| {
            let etag = list.etags()?.app.as_ref()?;
            let snapshot = &list.snapshot;
            let info = AppInfo {
                app: snapshot.app.clone(),
                team: snapshot.team.clone(),
            };
            Some((etag, info))
        });
        let etag = known.as_ref().map(|(etag, _)| *etag);
        let answer = self.client.app(self.caller, app, etag).await?;
        Tagged::read(answer, known, Call::App)
    }

    async fn collaborators(
        &self,
        app: &AppId,
        list: Option<&CachedList>,
    ) -> Result<Tagged<People>, HerokuError> {
        let last = list.map(|list| list.snapshot.list.collaborators());
        let etag = list.and_then(|list| list.etags()?.collaborators.as_ref());
        let ask = |etag: Option<ETag>| async move {
            let client = self.client;
            client.collaborators(self.caller, app, etag.as_ref()).await
        };
        let had_people = last.is_some_and(|people| !people.is_empty());
        fetch_people(ask, etag.zip(last), had_people, Call::Collaborators).await
    }
}

/// Only Heroku itself can say that the add-on does not exist. A 404 or 410 of an intermediary is a failure.
fn of_the_add_on(error: HerokuError) -> HerokuError {
    match error {
        HerokuError::NotFound(answer) | HerokuError::Gone(answer) => {
            match answer.says_not_there() {
                true => HerokuError::Gone(answer),
                false => HerokuError::Unavailable(answer),
            }
        }
        other => other,
    }
}

/// A 410 for an app or a team says nothing about the add-on, so it counts as a 404.
pub(super) fn below_the_add_on(error: HerokuError) -> HerokuError {
    match error {
        HerokuError::Gone(answer) => HerokuError::NotFound(answer),
        other => other,
    }
}
