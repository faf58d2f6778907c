//! From a resource id to its access list. The first time in three round trips: add-on, then app and
//! collaborators, then team members. From then on in one, as app and team are known.

use std::time::Duration;

use secrecy::SecretString;

use super::Held;
use crate::access::{AccessList, ListPolicy, People, Snapshot, Team};
use crate::clock::SharedClock;
use crate::heroku::{AddOn, AppInfo, HerokuClient, HerokuError};
use crate::ids::{AppId, ResourceId, TeamId};

/// One resolution of one resource's list.
pub(super) struct Resolution<'a> {
    pub(super) client: &'a HerokuClient,
    pub(super) clock: &'a SharedClock,
    pub(super) token: &'a SecretString,
    pub(super) id: &'a ResourceId,
    pub(super) policy: ListPolicy,
    pub(super) max_list_age: Duration,
    pub(super) previous: Option<&'a Held>,
}

/// What Heroku says of an app.
struct AboutApp {
    info: AppInfo,
    collaborators: People,
    /// Of its team; none if that was not asked for yet.
    members: Option<Result<People, HerokuError>>,
}

impl Resolution<'_> {
    /// Asks Heroku for the whole list. [`HerokuError::Gone`] means that the add-on itself is gone.
    pub(super) async fn run(&self) -> Result<Held, HerokuError> {
        match self.once().await {
            // App or team changed between two calls: from the top.
            Err(HerokuError::NotFound(_)) => self.once().await,
            result => result,
        }
    }

    async fn once(&self) -> Result<Held, HerokuError> {
        let asked_at = (self.clock.now(), self.clock.elapsed());
        let (add_on, app) = match self.previous {
            None => {
                let add_on = self.add_on().await?;
                let app = self.ask_app(&add_on.app.id, None).await?;
                (add_on, app)
            }
            Some(held) => self.ask_all(held).await?,
        };
        let (list, oldest) = match (&app.info.team, app.members) {
            (None, _) => (AccessList::of_app(app.collaborators, self.policy), None),
            (Some(team), Some(members)) => self.team_list(team, app.collaborators, members)?,
            (Some(team), None) => {
                let members = self.client.team_members(self.token, &team.id).await;
                self.team_list(team, app.collaborators, members)?
            }
        };
        let (fetched_at, taken_at) = match oldest {
            Some(held) => (held.snapshot.fetched_at, held.taken_at),
            None => (asked_at.0, Held::moment(asked_at.1)),
        };
        let snapshot = Snapshot {
            addon_name: add_on.name,
            app: app.info.app,
            team: app.info.team,
            web_url: add_on.web_url,
            list,
            fetched_at,
        };
        Ok(Held {
            snapshot: snapshot.into(),
            taken_at,
        })
    }

    /// Everything at once, as app and team rarely change; what was asked about a former one does not
    /// count.
    async fn ask_all(&self, held: &Held) -> Result<(AddOn, AboutApp), HerokuError> {
        let (app, team) = (&held.snapshot.app.id, held.snapshot.team.as_ref());
        let (add_on, about) =
            tokio::join!(self.add_on(), self.ask_app(app, team.map(|team| &team.id)),);
        let add_on = add_on?;
        let about = if add_on.app.id == *app {
            about?
        } else {
            self.ask_app(&add_on.app.id, None).await?
        };
        Ok((add_on, about))
    }

    /// The app and its collaborators, and the members of the team that it had, if it still has it.
    async fn ask_app(&self, app: &AppId, team: Option<&TeamId>) -> Result<AboutApp, HerokuError> {
        let members = async {
            match team {
                Some(team) => Some(self.client.team_members(self.token, team).await),
                None => None,
            }
        };
        let (info, collaborators, members) = tokio::join!(
            self.client.app(self.token, app),
            self.collaborators(app),
            members,
        );
        let info = info.map_err(below_the_add_on)?;
        let same_team = info.team.as_ref().map(|team| &team.id) == team;
        Ok(AboutApp {
            info,
            collaborators: collaborators.map_err(below_the_add_on)?,
            members: members.filter(|_| same_team),
        })
    }

    /// One 404 can be a hiccup of Heroku's; two in a row are the end of the resource.
    async fn add_on(&self) -> Result<AddOn, HerokuError> {
        match self.client.add_on(self.token, self.id).await {
            Err(HerokuError::NotFound(_)) => {}
            answer => return answer,
        }
        match self.client.add_on(self.token, self.id).await {
            Err(HerokuError::NotFound(answer)) => Err(HerokuError::Gone(answer)),
            answer => answer,
        }
    }

    /// An app that had people and suddenly has none is asked once more before it is believed.
    async fn collaborators(&self, app: &AppId) -> Result<People, HerokuError> {
        let people = self.client.collaborators(self.token, app).await?;
        let had_people = self.previous.is_some_and(|held| {
            held.snapshot.app.id == *app && !held.snapshot.list.collaborators().is_empty()
        });
        if people.is_empty() && had_people {
            return self.client.collaborators(self.token, app).await;
        }
        Ok(people)
    }

    /// The list with the team's members. If Heroku does not tell them, those it told before stay as
    /// long as their age allows, and the list is as old as they are.
    fn team_list(
        &self,
        team: &Team,
        collaborators: People,
        members: Result<People, HerokuError>,
    ) -> Result<(AccessList, Option<&Held>), HerokuError> {
        let refused = match members {
            Ok(members) => {
                let list = AccessList::of_team_app(collaborators, members, self.policy);
                return Ok((list, None));
            }
            Err(HerokuError::Forbidden(answer)) => answer,
            Err(error) => return Err(below_the_add_on(error)),
        };
        tracing::warn!(
            resource = %self.id, team = %team.id, answer = %refused,
            "heroku does not tell the members of this resource's team"
        );
        let known = self.previous.filter(|held| {
            held.snapshot.team.as_ref().map(|known| &known.id) == Some(&team.id)
                && held.age(self.clock) <= self.max_list_age
        });
        let members = known.and_then(|held| held.snapshot.list.team_members());
        Ok(match members {
            Some(members) => {
                let list = AccessList::of_team_app(collaborators, members.clone(), self.policy);
                (list, known)
            }
            None => (
                AccessList::of_team_app_without_members(collaborators, self.policy),
                None,
            ),
        })
    }
}

/// 410 for an app or a team says nothing of the add-on.
fn below_the_add_on(error: HerokuError) -> HerokuError {
    match error {
        HerokuError::Gone(answer) => HerokuError::NotFound(answer),
        other => other,
    }
}
