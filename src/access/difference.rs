//! The changes between two lists.

use std::collections::{BTreeMap, BTreeSet};

use heroku_sso_store::{Email, Roles, UserId};

use super::{AccessList, Member};

/// One user's change between two lists.
///
/// Applied in order, the changes turn a table of the old list into a table of the new one. The table may be
/// keyed by account (by email where the list names no account), or by email. If a change assigns an email to
/// an account that already has a row, that row gets the email. For a short time an account can be on the
/// list under two emails, while one of Heroku's two lists still has its old one. Its row then has one of
/// them.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ListChange {
    /// The list names the account of an email for which it named none before: as far as is known, the same
    /// user.
    AccountKnown(Member),
    /// An email belongs to another account now: another user. The row of the account `from`, if it has
    /// this email, must be removed.
    AccountReplaced {
        /// The previous account.
        from: UserId,
        /// The user who now has the email.
        to: Member,
    },
    /// The list no longer names the account of an email, or Heroku's two lists disagree about it. The
    /// row of the account `from`, if it has this email, is from now on identified by the email.
    AccountUnknown {
        /// The previous account.
        from: UserId,
        /// The user with this email, as the list now has them.
        member: Member,
    },
    /// New on the list.
    Added(Member),
    /// An account has another email now: the same user.
    EmailChanged {
        /// The previous email.
        from: Email,
        /// The user, with the new email.
        to: Member,
    },
    /// No longer on the list.
    Removed(Email),
    /// Still on the list, with other roles. A change of permissions alone is not reported.
    RoleChanged {
        /// The user's email.
        email: Email,
        /// The previous roles.
        from: Roles,
        /// The new roles.
        to: Roles,
    },
}

/// The changes from `old` to `new`: removed users first, new users last.
///
/// No user counts as removed by a `new` list that lacks the team's members
/// ([`AccessList::is_partial`]): an unknown member has not necessarily left.
pub fn difference(old: &AccessList, new: &AccessList) -> Vec<ListChange> {
    if new.is_partial() {
        difference_of_all(&[old], &[old, new])
    } else {
        difference_of_all(&[old], &[new])
    }
}

/// As [`difference`], for the users on one or several lists. If several lists contain a user, the last one
/// counts.
pub(crate) fn difference_of_all(old: &[&AccessList], new: &[&AccessList]) -> Vec<ListChange> {
    let (old, new) = (by_email(old), by_email(new));
    let mut changes = Vec::new();
    let moves = moves(&old, &new);
    leave(&old, &new, &moves, &mut changes);
    change_hands(&old, &new, &moves, &mut changes);
    rename(&old, &new, &moves, &mut changes);
    for (email, member) in &new {
        let known = old.get(email);
        if let Some(known) = known.filter(|known| known.user_id == member.user_id) {
            change_roles(known, member, &mut changes);
        }
    }
    arrive(&old, &new, &moves, &mut changes);
    changes
}

type ByEmail = BTreeMap<Email, Member>;

fn by_email(lists: &[&AccessList]) -> ByEmail {
    let members = lists.iter().flat_map(|list| list.members());
    members
        .map(|member| (member.email.clone(), member))
        .collect()
}

/// Accounts that are on both lists, but under different emails.
#[derive(Default)]
struct Moves {
    /// The new email of each old one.
    to: BTreeMap<Email, Email>,
    /// The emails, on the new list only, that such an account takes.
    taken: BTreeSet<Email>,
}

impl Moves {
    /// True if the account that had this email now has another one.
    fn leads_from(&self, email: &Email) -> bool {
        self.to.contains_key(email)
    }
}

fn moves(old: &ByEmail, new: &ByEmail) -> Moves {
    /// The emails that an account has on only one of the lists, and one that it has on both.
    #[derive(Default)]
    struct Emails<'a> {
        old: Vec<&'a Email>,
        new: Vec<&'a Email>,
        both: Option<&'a Email>,
    }

    let mut accounts = BTreeMap::<&UserId, Emails<'_>>::new();
    for (email, id) in only_in(old, new) {
        accounts.entry(id).or_default().old.push(email);
    }
    let mut moves = Moves::default();
    if accounts.is_empty() {
        return moves;
    }
    for member in new.values() {
        let emails = member.user_id.as_ref().and_then(|id| accounts.get_mut(id));
        let before = old.get(&member.email);
        match (emails, before) {
            (None, _) => {}
            (Some(emails), Some(before)) if before.user_id == member.user_id => {
                emails.both = Some(&member.email);
            }
            (Some(emails), _) => emails.new.push(&member.email),
        }
    }
    for emails in accounts.values() {
        // If the account gives up several emails, the further ones map to one that it has anyway.
        let rest = emails.new.last().copied().or(emails.both);
        for (place, from) in emails.old.iter().enumerate() {
            let new = emails.new.get(place).copied();
            if let Some(to) = new.or(rest) {
                moves.to.insert((*from).clone(), to.clone());
            }
            moves.taken.extend(new.cloned());
        }
    }
    moves
}

/// The emails of known accounts for which the other list does not have the same account.
fn only_in<'a>(
    some: &'a ByEmail,
    other: &ByEmail,
) -> impl Iterator<Item = (&'a Email, &'a UserId)> {
    some.iter().filter_map(|(email, member)| {
        let id = member.user_id.as_ref()?;
        let there = other.get(email).and_then(|there| there.user_id.as_ref());
        (there != Some(id)).then_some((email, id))
    })
}

fn leave(old: &ByEmail, new: &ByEmail, moves: &Moves, changes: &mut Vec<ListChange>) {
    let left = old.keys().filter(|email| !new.contains_key(*email));
    let left = left.filter(|email| !moves.leads_from(email));
    changes.extend(left.cloned().map(ListChange::Removed));
}

/// Emails that stay on the list while their account changes.
fn change_hands(old: &ByEmail, new: &ByEmail, moves: &Moves, changes: &mut Vec<ListChange>) {
    for (email, before) in old {
        let Some(member) = new.get(email).filter(|_| !moves.leads_from(email)) else {
            continue;
        };
        let to = member.clone();
        match (&before.user_id, &member.user_id) {
            (None, Some(_)) => {
                changes.push(ListChange::AccountKnown(to));
                change_roles(before, member, changes);
            }
            (Some(from), None) => {
                let (from, member) = (from.clone(), to);
                changes.push(ListChange::AccountUnknown {
                    from,
                    member: member.clone(),
                });
                change_roles(before, &member, changes);
            }
            (Some(from), Some(id)) if from != id => {
                let from = from.clone();
                changes.push(ListChange::AccountReplaced { from, to });
            }
            _ => {}
        }
    }
}

/// Moves each account once its new email is not held by another account that is still to move.
fn rename(old: &ByEmail, new: &ByEmail, moves: &Moves, changes: &mut Vec<ListChange>) {
    let mut pending = moves.to.clone();
    while !pending.is_empty() {
        let free = |(_, to): &(&Email, &Email)| !pending.contains_key(*to);
        let next = pending.iter().find(free);
        let Some((from, to)) = next.map(|(from, to)| (from.clone(), to.clone())) else {
            exchange(old, new, &mut pending, changes);
            continue;
        };
        pending.remove(&from);
        let member = &new[&to];
        changes.push(ListChange::EmailChanged {
            from: from.clone(),
            to: member.clone(),
        });
        if moves.taken.contains(&to) {
            change_roles(&old[&from], member, changes);
        }
    }
}

/// Accounts that have exchanged their emails cannot move one by one: each email gets its new account.
fn exchange(
    old: &ByEmail,
    new: &ByEmail,
    pending: &mut BTreeMap<Email, Email>,
    changes: &mut Vec<ListChange>,
) {
    // Every pending move leads to the start of another, so following them ends in a cycle.
    let mut email = pending.keys().next().cloned();
    for _ in 0..pending.len() {
        email = email.map(|email| pending[&email].clone());
    }
    while let Some(to) = email.as_ref().and_then(|email| pending.remove(email)) {
        if let (Some(from), Some(member)) = (old[&to].user_id.clone(), new.get(&to)) {
            let to = member.clone();
            changes.push(ListChange::AccountReplaced { from, to });
        }
        email = Some(to);
    }
}

fn arrive(old: &ByEmail, new: &ByEmail, moves: &Moves, changes: &mut Vec<ListChange>) {
    let is_there = |email: &Email| old.contains_key(email) && !moves.leads_from(email);
    let new = new.values();
    let new = new.filter(|member| !is_there(&member.email) && !moves.taken.contains(&member.email));
    changes.extend(new.cloned().map(ListChange::Added));
}

fn change_roles(before: &Member, now: &Member, changes: &mut Vec<ListChange>) {
    if before.roles() != now.roles() {
        changes.push(ListChange::RoleChanged {
            email: now.email.clone(),
            from: before.roles().clone(),
            to: now.roles().clone(),
        });
    }
}
