//! All users that were ever named, with their generated accounts.

use std::collections::HashMap;

use uuid::Uuid;

#[derive(Debug, Default)]
pub(super) struct People {
    /// By address in lower case.
    accounts: HashMap<String, Uuid>,
    addresses: HashMap<Uuid, String>,
}

impl People {
    /// The account of a user, created at the first call.
    pub(super) fn account(&mut self, email: &str) -> Uuid {
        let known = self.accounts.get(&email.to_ascii_lowercase());
        known.copied().unwrap_or_else(|| self.new_account(email))
    }

    /// Gives the address to a new account.
    pub(super) fn new_account(&mut self, email: &str) -> Uuid {
        let new = Uuid::new_v4();
        self.set_account(email, new);
        new
    }

    /// Gives the address to this account.
    pub(super) fn set_account(&mut self, email: &str, account: Uuid) {
        let key = email.to_ascii_lowercase();
        self.accounts.insert(key.clone(), account);
        self.addresses.insert(account, key);
    }

    /// Gives an account another address. The previous one is free again.
    pub(super) fn change_email(&mut self, account: Uuid, email: &str) {
        let key = email.to_ascii_lowercase();
        self.accounts.retain(|_, known| *known != account);
        self.accounts.insert(key.clone(), account);
        self.addresses.insert(account, key);
    }

    pub(super) fn email_of(&self, account: Uuid) -> Option<&str> {
        self.addresses.get(&account).map(|email| &**email)
    }
}
