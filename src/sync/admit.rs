//! Whether a person who proved an email may come in now.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::SyncError;
use super::absence::Absences;
use super::directory::Directory;
use super::entry::Entry;
use super::forced::Force;
use super::held::Held;
use crate::access::{Admission, Email, Member};
use crate::cause;
use crate::clock;
use crate::ids::{ResourceId, UserId};
use crate::store::Ticket;

/// A person whom the resource's list has. Only [`Directory::admit`] makes one, and a session can
/// only be made of one.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) resource: ResourceId,
    pub(crate) member: Member,
    /// The account in the sign-in, or the one that the list names. Of an unsigned form it may refuse
    /// somebody, and proves nothing.
    pub(crate) user_id: Option<UserId>,
    /// Drawn after the list was looked at. What is revoked later than this has a greater one.
    pub(crate) ticket: Ticket,
    pub(crate) list_fetched_at: OffsetDateTime,
}

/// Why a person may not come in.
#[derive(Clone, Debug)]
pub(crate) enum NotAdmitted {
    /// Nobody knows; ask again later.
    CannotCheck(SyncError),
    /// Told apart from [`NotListed`](Self::NotListed) in the audit event only.
    Dormant,
    NotListed,
    OtherAccount,
    /// Told apart from [`NotListed`](Self::NotListed) in the audit event only.
    UnknownResource,
}

impl NotAdmitted {
    /// For the audit event.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::CannotCheck(error) => cause::with(error),
            Self::Dormant => SyncError::Dormant.to_string(),
            Self::NotListed => "the email is not on the list".to_owned(),
            Self::OtherAccount => "the email is another account's".to_owned(),
            Self::UnknownResource => "the resource is not registered".to_owned(),
        }
    }

    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CannotCheck(error) => Some(error.retry_after()),
            Self::Dormant | Self::NotListed | Self::OtherAccount | Self::UnknownResource => None,
        }
    }
}

impl Directory {
    /// Checks a person against a list no older than the refresh interval; if Heroku does not answer,
    /// against one within `max_list_age`. Somebody who is not on it causes one more fetch, within
    /// the budgets: a collaborator added a minute ago gets in.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        id: &ResourceId,
        email: &Email,
        user_id: Option<&UserId>,
    ) -> Result<Admitted, NotAdmitted> {
        let entry = self.entry(id).await?;
        let limit = self.settings.deadlines.request;
        let decided = clock::within(limit, self.decide(&entry, email, user_id)).await;
        let listed = decided.unwrap_or_else(|| {
            let verdict = |held: &Held| judge(held.snapshot.list.admission(email, user_id));
            match entry.in_doubt(email) {
                None => self.by_last_known_good(&entry, verdict, SyncError::Slow { limit }),
                Some(_) => Err(SyncError::Slow { limit }.into()),
            }
        })?;
        let list = entry.held().map(|held| held.snapshot.fetched_at);
        let admitted = Admitted {
            resource: *id,
            list_fetched_at: list.unwrap_or_else(|| self.clock.now()),
            user_id: user_id.or(listed.user_id.as_ref()).cloned(),
            member: listed,
            ticket: self.store.ticket().await.map_err(SyncError::from)?,
        };
        // Only somebody who is let in makes a list one in use.
        self.touch(&entry);
        Ok(admitted)
    }

    async fn decide(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        email: &Email,
        user_id: Option<&UserId>,
    ) -> Result<Member, NotAdmitted> {
        Absences::of(self).pass(entry).await?;
        let recent = |held: &Arc<Held>| held.age(&self.clock) <= self.settings.refresh_interval;
        let verdict = |held: &Held| {
            let admission = held.snapshot.list.admission(email, user_id);
            judge(admission)
        };
        // Whether a fetch of everything could tell more than the one that brought this list.
        let fetched = |held: Arc<Held>| (held.has_older_members(), held);
        // In this order: who finds a doubt settled finds the list that settled it.
        let doubt = entry.in_doubt(email);
        let held = entry.held();
        let doubt = doubt.filter(|since| {
            let held = held.as_ref();
            held.is_none_or(|held| held.own_asked_at().is_before(since))
        });
        let (may_be_outdated, held) = match (doubt, held.filter(recent)) {
            // Somebody of whom Heroku said that he may have left waits for a list asked for since then.
            (Some(since), _) => fetched(self.fetch_since(entry, since).await?),
            (None, Some(held)) => (true, held),
            (None, None) => match self.fetch_for_visitor(entry).await {
                Ok(held) => fetched(held),
                Err(error) => return self.by_last_known_good(entry, verdict, error),
            },
        };
        match verdict(&held) {
            Err(NotAdmitted::NotListed | NotAdmitted::OtherAccount) if may_be_outdated => {}
            answer => return answer,
        }
        match self.fetch_newest(entry, Force::Unlisted).await {
            Ok(held) => verdict(&held),
            // What the budget is for: strangers get the answer of the list we have.
            Err(SyncError::OverBudget { .. }) => verdict(&held),
            Err(error) => Err(error.into()),
        }
    }

    /// Heroku did not answer: whom the last list has may come in, as long as it is young enough. About
    /// anybody else nothing is known.
    fn by_last_known_good(
        &self,
        entry: &Entry,
        verdict: impl FnOnce(&Held) -> Result<Member, NotAdmitted>,
        error: SyncError,
    ) -> Result<Member, NotAdmitted> {
        let young = |held: &Arc<Held>| held.age(&self.clock) <= self.settings.max_list_age;
        let Some(held) = entry.held().filter(young) else {
            return Err(error.into());
        };
        match (verdict(&held), error) {
            (_, error @ (SyncError::Dormant | SyncError::Gone | SyncError::UnknownResource)) => {
                Err(error.into())
            }
            (Ok(member), _) => Ok(member),
            // What the budget is for: strangers get the answer of the list we have.
            (Err(refused), SyncError::OverBudget { .. }) => Err(refused),
            (Err(_), error) => Err(error.into()),
        }
    }
}

fn judge(admission: Admission) -> Result<Member, NotAdmitted> {
    match admission {
        Admission::Listed(member) => Ok(member),
        Admission::NotListed => Err(NotAdmitted::NotListed),
        Admission::OtherAccount => Err(NotAdmitted::OtherAccount),
        Admission::Unknown => Err(NotAdmitted::CannotCheck(SyncError::MembersWithheld)),
    }
}

impl From<SyncError> for NotAdmitted {
    fn from(error: SyncError) -> Self {
        match error {
            SyncError::Dormant => Self::Dormant,
            SyncError::Gone | SyncError::UnknownResource => Self::UnknownResource,
            other => Self::CannotCheck(other),
        }
    }
}
