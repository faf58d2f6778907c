//! Roles and permissions, stored once for all users who have the same.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{Permission, Role, Roles};

/// Roles and permissions.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(super) struct Privileges {
    pub(super) roles: Roles,
    pub(super) permissions: Box<[Permission]>,
}

/// All resources together have millions of memberships, but a few dozen combinations of privileges. Heroku
/// chooses the names; combinations beyond this number are stored for each person separately.
const SHARED: usize = 1024;

static KNOWN: Mutex<Option<HashSet<Arc<Privileges>>>> = Mutex::new(None);

impl Privileges {
    /// The shared instance, if there is room for it.
    pub(super) fn shared(self) -> Arc<Self> {
        let mut known = KNOWN.lock();
        let known = known.get_or_insert_default();
        if let Some(shared) = known.get(&self) {
            return Arc::clone(shared);
        }
        let privileges = Arc::new(self);
        if known.len() < SHARED {
            known.insert(Arc::clone(&privileges));
        }
        privileges
    }

    pub(super) fn merge(&self, other: &Self) -> Self {
        let mut permissions = [&*self.permissions, &*other.permissions].concat();
        permissions.sort();
        permissions.dedup();
        Self {
            roles: self.roles.union(&other.roles),
            permissions: permissions.into(),
        }
    }

    /// One role or none, without permissions.
    pub(super) fn of(role: Option<Role>) -> Self {
        Self {
            roles: role.into_iter().collect(),
            permissions: Box::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_privileges_are_one_and_the_table_is_bounded() {
        let admin = || Privileges::of(Some(Role::Admin)).shared();
        assert!(Arc::ptr_eq(&admin(), &admin()));
        for number in 0..2 * SHARED {
            let role = Role::from(format!("role-{number}"));
            assert_eq!(
                Privileges::of(Some(role.clone()))
                    .shared()
                    .roles
                    .iter()
                    .next(),
                Some(&role)
            );
        }
        let known = KNOWN.lock();
        assert_eq!(known.as_ref().unwrap().len(), SHARED);
    }
}
