//! The partner's own user table: one row per user, regardless of the kind of sign-in. The lists at Heroku
//! decide which users are in it; `Lists::changes` reports the lists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_heroku_sso::access::{Member, Roles};
use tower_heroku_sso::sync::{Change, Changes};
use tower_heroku_sso::{Email, Proof, ResourceId, UserId};

/// The table is in memory here. In a database it would be two tables, `users` and `memberships`, with one
/// transaction per change.
#[derive(Clone, Default)]
pub(crate) struct Users(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    last_number: u64,
    users: BTreeMap<Key, User>,
}

/// The key of a user. An email can change, and can pass to another user; an account cannot.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
enum Key {
    Account(UserId),
    /// If the list names no account.
    Email(Email),
}

struct User {
    /// The partner's own key, while the user is on any list.
    number: u64,
    memberships: BTreeMap<ResourceId, Membership>,
}

/// The membership of a user in one resource.
#[derive(Clone)]
pub(crate) struct Membership {
    /// The email on this resource's list.
    pub(crate) email: Email,
    pub(crate) roles: Roles,
    /// The kinds of sign-in so far; empty if the user never signed in.
    pub(crate) came_by: BTreeSet<&'static str>,
}

/// One user of one resource.
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) email: Email,
    pub(crate) membership: Membership,
}

impl Users {
    /// Applies every change, until the changes end.
    pub(crate) async fn follow(self, mut changes: Changes) {
        while let Some(change) = changes.next().await {
            self.apply(change);
        }
    }

    pub(crate) fn apply(&self, change: Change) {
        let mut table = self.table();
        match change {
            Change::Snapshot { resource, snapshot } => {
                let mut gone = table.keys_at(&resource);
                for member in snapshot.list.members() {
                    gone.remove(&Key::of(&member));
                    table.put(resource, &member);
                }
                for key in gone {
                    table.remove(&resource, &key);
                }
            }
            Change::Added { resource, member } => table.put(resource, &member),
            // The same user, and the same row.
            Change::EmailChanged { resource, to, .. } => table.put(resource, &to),
            Change::AccountKnown { resource, member } => {
                table.rename(&Key::Email(member.email.clone()), &Key::of(&member));
                table.put(resource, &member);
            }
            // Another user, with another row.
            Change::AccountReplaced { resource, from, to } => {
                table.leave(&resource, &Key::Account(from), &to.email);
                table.put(resource, &to);
            }
            Change::AccountUnknown {
                resource,
                from,
                member,
            } => {
                table.leave(&resource, &Key::Account(from), &member.email);
                table.put(resource, &member);
            }
            Change::Removed { resource, email } => {
                for key in table.keys_at(&resource) {
                    table.leave(&resource, &key, &email);
                }
            }
            Change::RoleChanged {
                resource,
                email,
                to,
                ..
            } => {
                if let Some(membership) = table.membership(&resource, &email) {
                    membership.roles = to;
                }
            }
            Change::ResourceGone { resource } => {
                for key in table.keys_at(&resource) {
                    table.remove(&resource, &key);
                }
            }
            _ => {}
        }
    }

    /// The resources that a user may enter, according to the table. Use it for display only:
    /// `Sessions::admit` decides access.
    pub(crate) fn resources_of(&self, email: &Email) -> Vec<ResourceId> {
        let table = self.table();
        let memberships = table.users.values().flat_map(|user| &user.memberships);
        let theirs = memberships.filter(|(_, membership)| membership.email == *email);
        theirs.map(|(resource, _)| *resource).collect()
    }

    /// The users of one resource only: a customer must not see those of others.
    pub(crate) fn at(&self, resource: &ResourceId) -> Vec<Row> {
        let table = self.table();
        let rows = table.users.values().filter_map(|user| {
            let membership = user.memberships.get(resource)?.clone();
            Some(Row {
                number: user.number,
                email: membership.email.clone(),
                membership,
            })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| a.email.cmp(&b.email));
        rows
    }

    /// Records the kind of a user's sign-in.
    pub(crate) fn came(&self, resource: &ResourceId, email: &Email, proof: Proof) {
        // The row may be missing: the gate has a new list a moment before the table.
        if let Some(membership) = self.table().membership(resource, email) {
            membership.came_by.insert(match proof {
                Proof::OwnLogin => "Forge",
                _ => "Heroku",
            });
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Key {
    fn of(member: &Member) -> Self {
        match &member.user_id {
            Some(account) => Self::Account(account.clone()),
            None => Self::Email(member.email.clone()),
        }
    }
}

impl Table {
    /// Adds a user, or changes their email and roles. Other data of the user stays.
    fn put(&mut self, resource: ResourceId, member: &Member) {
        let last_number = &mut self.last_number;
        let user = self.users.entry(Key::of(member)).or_insert_with(|| {
            *last_number += 1;
            User {
                number: *last_number,
                memberships: BTreeMap::new(),
            }
        });
        let came_by = user.memberships.remove(&resource);
        let membership = Membership {
            email: member.email.clone(),
            roles: member.roles().clone(),
            came_by: came_by.map(|before| before.came_by).unwrap_or_default(),
        };
        user.memberships.insert(resource, membership);
    }

    /// Deletes a user who is no longer on any list.
    fn remove(&mut self, resource: &ResourceId, key: &Key) {
        if let Some(user) = self.users.get_mut(key) {
            user.memberships.remove(resource);
            if user.memberships.is_empty() {
                self.users.remove(key);
            }
        }
    }

    /// The same for the user with this email at the resource.
    fn leave(&mut self, resource: &ResourceId, key: &Key, email: &Email) {
        let user = self.users.get(key);
        let membership = user.and_then(|user| user.memberships.get(resource));
        if membership.is_some_and(|membership| membership.email == *email) {
            self.remove(resource, key);
        }
    }

    /// Keeps the row of a user whose account has become known.
    fn rename(&mut self, from: &Key, to: &Key) {
        if let Some(user) = self.users.remove(from) {
            let known = self.users.entry(to.clone()).or_insert(User {
                number: user.number,
                memberships: BTreeMap::new(),
            });
            for (resource, membership) in user.memberships {
                known.memberships.entry(resource).or_insert(membership);
            }
        }
    }

    fn membership(&mut self, resource: &ResourceId, email: &Email) -> Option<&mut Membership> {
        let here = self.users.values_mut();
        let mut here = here.filter_map(|user| user.memberships.get_mut(resource));
        here.find(|membership| membership.email == *email)
    }

    fn keys_at(&self, resource: &ResourceId) -> BTreeSet<Key> {
        let here = |user: &User| user.memberships.contains_key(resource);
        let users = self.users.iter().filter(|(_, user)| here(user));
        users.map(|(key, _)| key.clone()).collect()
    }
}
