//! Reads the people of the apps that an add-on is attached to: the attachments first, then the collaborators
//! of each app, one call after the other.

use super::heroku_answer::{Tagged, fetch_people};
use super::resolve_list::{Resolution, below_the_add_on};
use crate::access::{AttachedPeople, People};
use crate::heroku::{Call, HerokuError};
use crate::ids::AppId;
use crate::sync::SyncError;
use crate::sync::entries::attached_part::{AttachedPart, MAX_APPS};

/// Attached apps are read again at every third refresh.
const REFRESHES: u32 = 3;

impl Resolution<'_> {
    /// The people of attached apps, if they are wanted and due. `owner` is the app that owns the add-on. If
    /// they are not due, Heroku's last answer about them stays.
    pub(super) async fn attached_people(
        &self,
        owner: &AppId,
    ) -> Result<Option<AttachedPeople>, SyncError> {
        let last = self.previous.and_then(|list| list.attached());
        let is_due = last.is_none_or(|last| self.is_attached_due(last, owner));
        if !self.settings.include_attached_apps || !is_due {
            return Ok(None);
        }
        let had_people = last.map_or(&[][..], |last| &last.apps);
        let apps = self.attached_apps(owner, !had_people.is_empty()).await?;
        let mut attached = AttachedPeople {
            skipped: apps.len().saturating_sub(MAX_APPS),
            sequence: self.asked_at.sequence.number(),
            ..AttachedPeople::default()
        };
        if attached.skipped > 0 {
            tracing::warn!(
                resource = %self.entry.id, attached = apps.len(), read = MAX_APPS,
                "add-on is attached to too many apps; skipping the rest"
            );
        }
        let mut everybody = Vec::new();
        for app in apps.into_iter().take(MAX_APPS) {
            let had_people = had_people.contains(&app);
            match self.people_of_attached(&app, had_people).await? {
                None => attached.skipped += 1,
                Some(people) if people.is_empty() => {}
                Some(people) => {
                    everybody.extend(Vec::from(people));
                    attached.apps.push(app);
                }
            }
        }
        attached.people = everybody.into_iter().collect();
        Ok(Some(attached))
    }

    /// True if the people of attached apps must be asked for now: with everything else, after a webhook, for
    /// another owner, or because they would be too old before the next refresh ends.
    fn is_attached_due(&self, last: &AttachedPart, owner: &AppId) -> bool {
        let interval = self.settings.refresh_interval;
        let longest = interval.saturating_mul(REFRESHES);
        let longest = longest.min(self.settings.max_list_age);
        let previous = self.previous.map(|list| &list.snapshot.app.id);
        self.members_age.is_zero()
            || self.entry.progress().forced_at.is_some()
            || previous != Some(owner)
            || self.asked_at.since(&last.asked_at) + interval > longest
    }

    /// The attached apps, each once, without the owner. If there are suddenly none, Heroku is asked again.
    async fn attached_apps(&self, owner: &AppId, had_some: bool) -> Result<Vec<AppId>, SyncError> {
        let ask = || async {
            let answer = self.client.attachments(self.caller, &self.entry.id).await;
            let answer = answer.map_err(below_the_add_on)?;
            let mut apps = Tagged::read(answer, None, Call::Attachments)?.value;
            apps.retain(|app| app != owner);
            apps.sort_unstable();
            apps.dedup();
            Ok::<_, HerokuError>(apps)
        };
        let apps = ask().await?;
        Ok(match apps.is_empty() && had_some {
            true => ask().await?,
            false => apps,
        })
    }

    /// The collaborators of an attached app. None if Heroku itself refuses to list them, or does not find the
    /// app. The same status from any other server is not an answer.
    async fn people_of_attached(
        &self,
        app: &AppId,
        had_people: bool,
    ) -> Result<Option<People>, SyncError> {
        let ask = |_| self.client.collaborators(self.caller, app, None);
        let answer = fetch_people(ask, None, had_people, Call::Collaborators).await;
        match answer.map_err(below_the_add_on) {
            Ok(people) => Ok(Some(people.value)),
            Err(HerokuError::Forbidden(answer) | HerokuError::NotFound(answer)) => {
                if !answer.is_of_heroku() {
                    return Err(HerokuError::Unavailable(answer).into());
                }
                tracing::warn!(
                    resource = %self.entry.id, %app, %answer,
                    "heroku does not list an attached app's people; skipping the app"
                );
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}
