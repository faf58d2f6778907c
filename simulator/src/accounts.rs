//! The accounts of users.

use uuid::Uuid;

use super::shared::Shared;

/// The accounts of users: one per address, regardless of case.
///
/// Given by [`Simulator::accounts`](crate::Simulator::accounts). Lists keep the account that they name until
/// the user is added to them again.
#[derive(Clone, Copy, Debug)]
pub struct Accounts<'a> {
    shared: &'a Shared,
}

impl<'a> Accounts<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// The account of a user, created at the first call.
    pub fn id(&self, email: &str) -> Uuid {
        self.shared.state().world.people.account(email)
    }

    /// Gives the address to this account.
    pub fn set_id(&self, email: &str, account: Uuid) {
        let people = &mut self.shared.state().world.people;
        people.set_account(email, account);
    }

    /// Moves the address to a new account, as after its holder has left Heroku, and returns that account.
    pub fn replace(&self, email: &str) -> Uuid {
        self.shared.state().world.people.new_account(email)
    }

    /// Gives the account of a user another address, on all lists, as that user can at Heroku. No webhook
    /// reports it. The previous address is free: the next user with that address has another account.
    pub fn change_email(&self, from: &str, to: &str) {
        let now = self.shared.now();
        self.shared.state().world.change_email(from, to, now);
    }
}
