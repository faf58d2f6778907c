//! The partner's own user table: one row for a person, however they sign in. The lists at Heroku
//! decide who is in it; `HerokuSso::changes` tells what they say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tower_heroku_sso::access::Roles;
use tower_heroku_sso::sync::{Change, Changes};
use tower_heroku_sso::{Email, Proof, ResourceId};

/// In memory here; in a database these are two tables, `users` and `memberships`, and each change is
/// one transaction.
#[derive(Clone, Default)]
pub(crate) struct Users(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    last_number: u64,
    by_email: BTreeMap<Email, User>,
}

struct User {
    /// The partner's own key, as long as the person is on any list.
    number: u64,
    memberships: BTreeMap<ResourceId, Membership>,
}

/// What a person is to one resource.
#[derive(Clone, Default)]
pub(crate) struct Membership {
    pub(crate) roles: Roles,
    /// How the person came in so far; empty if never.
    pub(crate) came_by: BTreeSet<&'static str>,
}

/// One person of one resource.
pub(crate) struct Row {
    pub(crate) number: u64,
    pub(crate) email: Email,
    pub(crate) membership: Membership,
}

impl Users {
    /// Applies every change, to the end.
    pub(crate) async fn follow(self, mut changes: Changes) {
        while let Some(change) = changes.next().await {
            self.apply(change);
        }
    }

    pub(crate) fn apply(&self, change: Change) {
        let mut table = self.table();
        match change {
            Change::Snapshot { resource, snapshot } => {
                let mut gone = table.emails_at(&resource);
                for member in snapshot.list.members() {
                    gone.remove(&member.email);
                    table.put(resource, &member.email, member.roles());
                }
                for email in gone {
                    table.remove(&resource, &email);
                }
            }
            Change::Added { resource, member } => {
                table.put(resource, &member.email, member.roles());
            }
            Change::Removed { resource, email } => table.remove(&resource, &email),
            Change::RoleChanged {
                resource,
                email,
                to,
                ..
            } => table.put(resource, &email, &to),
            Change::ResourceGone { resource } => {
                for email in table.emails_at(&resource) {
                    table.remove(&resource, &email);
                }
            }
            _ => {}
        }
    }

    /// The resources that a person may enter, as far as the table knows. To show, not to decide by:
    /// whether they are let in is up to `HerokuSso::admit`.
    pub(crate) fn resources_of(&self, email: &Email) -> Vec<ResourceId> {
        let table = self.table();
        let user = table.by_email.get(email);
        user.map_or_else(Vec::new, |user| user.memberships.keys().copied().collect())
    }

    /// The people of one resource, and of no other: a customer sees their own only.
    pub(crate) fn at(&self, resource: &ResourceId) -> Vec<Row> {
        let table = self.table();
        let rows = table.by_email.iter().filter_map(|(email, user)| {
            Some(Row {
                number: user.number,
                email: email.clone(),
                membership: user.memberships.get(resource)?.clone(),
            })
        });
        rows.collect()
    }

    /// Notes how somebody came in.
    pub(crate) fn came(&self, resource: &ResourceId, email: &Email, proof: Proof) {
        let mut table = self.table();
        let user = table.by_email.get_mut(email);
        // Not there yet: the gate knows a list a moment before the table does.
        if let Some(membership) = user.and_then(|user| user.memberships.get_mut(resource)) {
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

impl Table {
    /// Adds a person or changes their roles. What else is known of them stays.
    fn put(&mut self, resource: ResourceId, email: &Email, roles: &Roles) {
        let last_number = &mut self.last_number;
        let user = self.by_email.entry(email.clone()).or_insert_with(|| {
            *last_number += 1;
            User {
                number: *last_number,
                memberships: BTreeMap::new(),
            }
        });
        user.memberships.entry(resource).or_default().roles = roles.clone();
    }

    /// Whoever is on no list any more is no user any more.
    fn remove(&mut self, resource: &ResourceId, email: &Email) {
        if let Some(user) = self.by_email.get_mut(email) {
            user.memberships.remove(resource);
            if user.memberships.is_empty() {
                self.by_email.remove(email);
            }
        }
    }

    fn emails_at(&self, resource: &ResourceId) -> BTreeSet<Email> {
        let here = |user: &User| user.memberships.contains_key(resource);
        let users = self.by_email.iter().filter(|(_, user)| here(user));
        users.map(|(email, _)| email.clone()).collect()
    }
}
