//! The access list of a resource, as a value: which users are on it, with which roles, and how two
//! lists differ. It depends neither on Heroku's JSON nor on the time.
//!
//! The list consists of the collaborators of the app that owns the add-on, and the members of its
//! team, if it has one; and, if the partner wants them, of the people of other apps that the add-on is
//! attached to. Source:
//! <https://devcenter.heroku.com/articles/syncing-user-access-as-an-ecosystem-partner>.

mod attached;
mod difference;
pub(crate) mod email;
pub(crate) mod list;
mod packed;
mod people;
pub(crate) mod permission;
mod privileges;
pub(crate) mod role;
mod snapshot;

pub use attached::AttachedPeople;
pub(crate) use difference::difference_of_all;
pub use difference::{ListChange, difference};
pub(crate) use email::Email;
pub use list::{AccessList, Admission, Member};
pub(crate) use list::{Attached, Entitlement, ListEntry, ListPolicy, NotEntitled};
pub use people::{Account, People, Person};
pub(crate) use permission::Permission;
pub(crate) use role::Role;
pub use role::Roles;
pub use snapshot::{App, ResourceList, Snapshot, Team};
