//! The access list of a resource, as a value: which users are on it, with which roles, and how two
//! lists differ. It depends neither on Heroku's JSON nor on the time.
//!
//! The list consists of the collaborators of the app that owns the add-on, and the members of its
//! team, if it has one; and, if the partner wants them, of the people of other apps that the add-on is
//! attached to. Source:
//! <https://devcenter.heroku.com/articles/syncing-user-access-as-an-ecosystem-partner>.

mod difference;
pub(crate) mod list;
mod snapshot;

pub(crate) use difference::difference_of_all;
pub use difference::{ListChange, difference};
#[doc(inline)]
pub use heroku_sso_store::{
    Account, App, AttachedPeople, People, Person, ResourceList, Roles, Team,
};
pub use list::{AccessList, Admission, Member};
pub(crate) use list::{Attached, Entitlement, ListEntry, ListPolicy, NotEntitled};
pub use snapshot::Snapshot;
