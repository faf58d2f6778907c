//! What changed from one list to the next.

use std::collections::BTreeMap;

use super::{AccessList, Email, Member, Roles};

/// One person's change between two lists.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ListChange {
    /// New on the list.
    Added(Member),
    /// No longer on the list.
    Removed(Email),
    /// Still on the list, in other roles.
    RoleChanged {
        /// Who.
        email: Email,
        /// The roles until now.
        from: Roles,
        /// The roles from now on.
        to: Roles,
    },
}

/// What leads from `old` to `new`, in order of email.
///
/// Nobody counts as removed by a `new` list that lacks the team's members
/// ([`AccessList::is_partial`]): that they were not told does not mean that they left.
pub fn difference(old: &AccessList, new: &AccessList) -> Vec<ListChange> {
    if new.is_partial() {
        difference_of_all(&[old], &[old, new])
    } else {
        difference_of_all(&[old], &[new])
    }
}

/// As [`difference`], of the people on one or several lists; the roles are those of the last list that
/// has the person.
pub(crate) fn difference_of_all(old: &[&AccessList], new: &[&AccessList]) -> Vec<ListChange> {
    let before = by_email(old);
    let after = by_email(new);
    let mut changes = BTreeMap::new();
    for (email, member) in &after {
        let change = match before.get(email) {
            None => ListChange::Added(member.clone()),
            Some(known) if known.roles() != member.roles() => ListChange::RoleChanged {
                email: email.clone(),
                from: known.roles().clone(),
                to: member.roles().clone(),
            },
            Some(_) => continue,
        };
        changes.insert(email, change);
    }
    for email in before.keys().filter(|email| !after.contains_key(email)) {
        changes.insert(email, ListChange::Removed(email.clone()));
    }
    changes.into_values().collect()
}

fn by_email(lists: &[&AccessList]) -> BTreeMap<Email, Member> {
    let members = lists.iter().flat_map(|list| list.members());
    members.map(|m| (m.email.clone(), m)).collect()
}
