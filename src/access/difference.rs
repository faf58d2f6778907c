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
    let before = by_email(old);
    let after = by_email(new);
    let mut changes = BTreeMap::new();
    for (email, member) in &after {
        let change = match before.get(email) {
            None => ListChange::Added(member.clone()),
            Some(known) if known.roles != member.roles => ListChange::RoleChanged {
                email: email.clone(),
                from: known.roles.clone(),
                to: member.roles.clone(),
            },
            Some(_) => continue,
        };
        changes.insert(email, change);
    }
    for email in before.keys() {
        if !after.contains_key(email) && !new.is_partial() {
            changes.insert(email, ListChange::Removed(email.clone()));
        }
    }
    changes.into_values().collect()
}

fn by_email(list: &AccessList) -> BTreeMap<Email, Member> {
    let members = list.members();
    members.map(|m| (m.email.clone(), m)).collect()
}
