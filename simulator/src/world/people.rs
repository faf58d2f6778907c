//! All users that were ever named, with their generated accounts.

use std::collections::HashMap;

use time::OffsetDateTime;
use uuid::Uuid;

use super::records::ListEntry;

#[derive(Debug, Default)]
pub(crate) struct People {
    /// By address in lower case.
    accounts: HashMap<String, Uuid>,
    addresses: HashMap<Uuid, String>,
}

impl People {
    /// The account of a user, created at the first call.
    pub(crate) fn account(&mut self, email: &str) -> Uuid {
        let known = self.accounts.get(&email.to_ascii_lowercase());
        known.copied().unwrap_or_else(|| self.new_account(email))
    }

    /// Gives the address to a new account.
    pub(crate) fn new_account(&mut self, email: &str) -> Uuid {
        let new = Uuid::new_v4();
        self.set_account(email, new);
        new
    }

    /// Gives the address to this account.
    pub(crate) fn set_account(&mut self, email: &str, account: Uuid) {
        let key = email.to_ascii_lowercase();
        self.accounts.insert(key.clone(), account);
        self.addresses.insert(account, key);
    }

    /// Gives an account another address. The previous one is free again.
    pub(super) fn move_account(&mut self, account: Uuid, email: &str) {
        let key = email.to_ascii_lowercase();
        self.accounts.retain(|_, known| *known != account);
        self.accounts.insert(key.clone(), account);
        self.addresses.insert(account, key);
    }

    pub(crate) fn email_of(&self, account: Uuid) -> Option<&str> {
        self.addresses.get(&account).map(|email| &**email)
    }

    /// A new entry for a list of users.
    pub(crate) fn list_entry(
        &mut self,
        email: &str,
        role: &str,
        permissions: &[&str],
        now: OffsetDateTime,
    ) -> ListEntry {
        ListEntry {
            id: Uuid::new_v4(),
            user: self.account(email),
            email: email.to_owned(),
            role: role.to_owned(),
            permissions: permissions.iter().map(|&name| name.to_owned()).collect(),
            created_at: now,
            updated_at: now,
        }
    }
}
