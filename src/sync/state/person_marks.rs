//! What is recorded about people at one resource: pending removals, revocations and removals.

use std::time::Duration;

use heroku_sso_store::{Email, Revocation, Sequence, UserId};
use time::OffsetDateTime;

use super::as_of::AsOf;
use super::cached_list::{CachedList, ListVersion};
use crate::access::ListChange;

/// The person who asks for access, as their session or their sign-in identifies them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Principal<'a> {
    pub(crate) email: &'a Email,
    pub(crate) user_id: Option<&'a UserId>,
    /// Whether the account is proved, and not only claimed in the sign-in.
    pub(crate) is_account_proved: bool,
}

/// What is recorded about one person at one resource.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sync) struct Marks {
    /// When a notification said that they may have left.
    pub(in crate::sync) pending_removal: Option<AsOf>,
    /// Sessions of an earlier sign-in are revoked.
    pub(in crate::sync) revoked: Option<Sequence>,
    /// A list newer than the one that admitted the session lacked this person.
    pub(in crate::sync) was_removed: bool,
}

/// The records of all people at one resource.
#[derive(Debug, Default)]
pub(in crate::sync) struct PersonMarks {
    pending_removals: Vec<PendingRemoval>,
    revocations: Vec<Revocation>,
    /// All sessions from earlier sign-ins are revoked.
    sessions_since: Option<Sequence>,
    removals: Vec<Removal>,
}

/// A person who may have left: Heroku said so, and has not been asked since.
#[derive(Debug)]
struct PendingRemoval {
    email: Email,
    since: AsOf,
}

/// A list lacked a person whom the previous one had.
#[derive(Debug)]
struct Removal {
    email: Email,
    /// None for any account.
    account: Option<UserId>,
    /// The version of the list that lacked them.
    list: ListVersion,
    /// False while the person may have moved from one of Heroku's two lists to the other.
    is_confirmed: bool,
    /// When it was recorded, by [`Clock::elapsed`](crate::Clock::elapsed).
    at: Duration,
}

impl PersonMarks {
    pub(in crate::sync) fn is_empty(&self) -> bool {
        self.pending_removals.is_empty()
            && self.revocations.is_empty()
            && self.sessions_since.is_none()
            && self.removals.is_empty()
    }

    /// What is recorded about this person, whose session was admitted by a list of that version.
    pub(in crate::sync) fn about(
        &self,
        who: &Principal<'_>,
        admitted_by: Option<ListVersion>,
    ) -> Marks {
        let mut pending = self.pending_removals.iter();
        let mut revocations = self.revocations.iter();
        let mut removals = self.removals.iter();
        Marks {
            pending_removal: pending
                .find(|known| known.email == *who.email)
                .map(|known| known.since),
            revoked: revocations
                .find(|known| known.email == *who.email)
                .map(|known| known.sequence)
                .max(self.sessions_since),
            was_removed: admitted_by.is_some_and(|list| {
                removals.any(|known| {
                    known.is_confirmed && known.is_of(who) && list.is_before_removal(&known.list)
                })
            }),
        }
    }

    /// Marks a person's removal as pending until a list arrives that was requested after `since`.
    pub(in crate::sync) fn note_pending_removal(&mut self, email: Email, since: AsOf) {
        self.pending_removals.retain(|known| known.email != email);
        self.pending_removals.push(PendingRemoval { email, since });
    }

    /// Drops the pending removals that a list requested at `asked_at` answers.
    pub(in crate::sync) fn settle(&mut self, asked_at: AsOf) {
        self.pending_removals
            .retain(|known| asked_at.is_before(&known.since));
    }

    /// Ends this person's earlier sessions. Revocations from before `keep_from` are dropped. False if a later
    /// revocation is known.
    pub(in crate::sync) fn note_revocation(
        &mut self,
        revocation: Revocation,
        keep_from: OffsetDateTime,
    ) -> bool {
        self.revocations.retain(|known| known.at >= keep_from);
        let mut known = self.revocations.iter_mut();
        match known.find(|known| known.email == revocation.email) {
            Some(known) if known.sequence >= revocation.sequence => return false,
            Some(known) => *known = revocation,
            None => self.revocations.push(revocation),
        }
        true
    }

    /// Ends everybody's earlier sessions. False if a later revocation of them is known.
    pub(in crate::sync) fn note_revocation_of_all(&mut self, sequence: Sequence) -> bool {
        let is_later = self.sessions_since < Some(sequence);
        self.sessions_since = self.sessions_since.max(Some(sequence));
        is_later
    }

    /// Records the people whom this list lacks and the previous one had. Sessions that an earlier list
    /// admitted are over, even if a later list has the person again.
    ///
    /// A replaced account counts immediately. Any other removal counts once both of Heroku's lists were
    /// requested since, because a person who moves from one to the other may be missing in between. `longest`
    /// is how long a session can last.
    pub(in crate::sync) fn note_removals(
        &mut self,
        changes: &[ListChange],
        list: &CachedList,
        now: Duration,
        longest: Duration,
    ) {
        let removals = &mut self.removals;
        removals.retain(|known| now.saturating_sub(known.at) <= longest);
        removals.extend(changes.iter().filter_map(|change| {
            let (email, account) = removed_by(change)?;
            Some(Removal {
                email: email.clone(),
                account: account.cloned(),
                list: list.version(),
                is_confirmed: account.is_some(),
                at: now,
            })
        }));
        removals.retain_mut(|known| {
            // A list without the team's members is no evidence about them.
            let is_whole = !list.snapshot.list.is_partial();
            let is_since = is_whole && list.version().is_wholly_since(&known.list);
            let is_open = !known.is_confirmed && is_since;
            known.is_confirmed |= is_open;
            !is_open || !list.snapshot.list.has(&known.email)
        });
    }
}

impl Removal {
    fn is_of(&self, who: &Principal<'_>) -> bool {
        let account = self.account.as_ref();
        let is_same = account.is_none() || who.user_id.is_none() || who.user_id == account;
        self.email == *who.email && is_same
    }
}

/// The email that a change takes off the list, and the account if only that one is meant.
fn removed_by(change: &ListChange) -> Option<(&Email, Option<&UserId>)> {
    match change {
        ListChange::Removed(email) | ListChange::EmailChanged { from: email, .. } => {
            Some((email, None))
        }
        ListChange::AccountReplaced { from, to } => Some((&to.email, Some(from))),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
