//! Roles and permissions, stored once for all users who have the same.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::{Permission, Role, Roles};

/// Roles and permissions.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Privileges {
    /// On the app and in the team.
    pub roles: Roles,
    /// On the app.
    pub permissions: Box<[Permission]>,
}

/// All resources together have millions of memberships, but a few dozen combinations of privileges. Heroku
/// chooses the names; combinations beyond this number are stored for each person separately.
const NUMBERS: usize = 1024;

/// The shared combinations, each under its number permanently.
static SHARED: [OnceLock<Arc<Privileges>>; NUMBERS] = [const { OnceLock::new() }; NUMBERS];

static NUMBER_OF: Mutex<Option<HashMap<Arc<Privileges>, u16>>> = Mutex::new(None);

impl Privileges {
    /// The shared instance, if there is room for it.
    pub fn shared(self) -> Arc<Self> {
        let mut number_of = NUMBER_OF.lock();
        let number_of = number_of.get_or_insert_default();
        if let Some((shared, _)) = number_of.get_key_value(&self) {
            return Arc::clone(shared);
        }
        let privileges = Arc::new(self);
        let next = number_of.len();
        if let (Some(slot), Ok(number)) = (SHARED.get(next), u16::try_from(next)) {
            slot.get_or_init(|| Arc::clone(&privileges));
            number_of.insert(Arc::clone(&privileges), number);
        }
        privileges
    }

    /// The number of these privileges, if they are shared.
    pub(super) fn number(&self) -> Option<u16> {
        NUMBER_OF.lock().as_ref()?.get(self).copied()
    }

    /// The privileges of this number, which [`number`](Self::number) gave.
    pub(super) fn numbered(number: u16) -> &'static Arc<Self> {
        let shared = SHARED[usize::from(number)].get();
        shared.expect("a number is given once its privileges are in place")
    }

    /// The union of two lists' entries.
    pub fn merge(&self, other: &Self) -> Self {
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
    fn equal_privileges_are_shared_in_a_bounded_table() {
        let of = |role: Role| Privileges::of(Some(role)).shared();
        let admin = of(Role::Admin);
        assert!(Arc::ptr_eq(&of(Role::Admin), &admin));
        for number in 0..2 * NUMBERS {
            let role = Role::from(format!("role-{number}"));
            assert_eq!(of(role.clone()).roles.iter().next(), Some(&role));
        }
        assert_eq!(NUMBER_OF.lock().as_ref().unwrap().len(), NUMBERS);
        assert_eq!(of(Role::from("one-more")).number(), None);
        let number = admin.number().unwrap();
        assert!(Arc::ptr_eq(Privileges::numbered(number), &admin));
    }
}
