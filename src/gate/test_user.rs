//! A user for the unit tests of a partner's handlers.

use std::sync::Arc;

use heroku_sso_store::{Permission, ResourceId, Role, UserId};
use uuid::Uuid;

use super::user::{HerokuUser, Origin};
use crate::access::ListPolicy;
use crate::access::{AccessList, App, Attached, Person, Snapshot, Team};
use crate::clock::{Clock, SystemClock};
use crate::session::Grant;
use crate::sso::Proof;

/// The builder of a [`HerokuUser`] for a test, from [`HerokuUser::for_test`].
#[derive(Clone, Debug)]
#[must_use = "`build` makes the user"]
pub struct TestUser {
    grant: Grant,
    roles: Vec<Role>,
    permissions: Vec<Permission>,
    addon_name: String,
    app: App,
    team: Option<Team>,
}

impl HerokuUser {
    /// A user for a unit test of your handlers and guards, without a gate. Put it into the extensions of the
    /// request, where the gate would put it. [`testing_your_app`](crate::guide::testing_your_app) has a whole
    /// test.
    ///
    /// It is only a value. No session belongs to it, and a gate replaces or removes a user that it has not
    /// made itself. [`Sessions::bearer`](crate::Sessions::bearer) makes no token for it, and
    /// [`ended`](Self::ended) never resolves.
    ///
    /// ```
    /// use tower_heroku_sso::{HerokuUser, ResourceId, Role};
    ///
    /// let resource: ResourceId = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
    /// let user = HerokuUser::for_test("ann@example.com", resource).role(Role::Admin).build();
    /// assert!(user.roles().contains(&Role::Admin));
    /// ```
    ///
    /// # Panics
    /// If `email` is not an email address. [`build`](TestUser::build) panics for one of Heroku's service
    /// accounts.
    pub fn for_test(email: &str, resource: ResourceId) -> TestUser {
        TestUser::new(email, resource)
    }
}

impl TestUser {
    fn new(email: &str, resource: ResourceId) -> Self {
        let email = email.parse().expect("a valid email");
        Self {
            grant: Grant::for_test(resource, email, SystemClock::default().now()),
            roles: Vec::new(),
            permissions: Vec::new(),
            addon_name: "test-add-on".to_owned(),
            app: App::new(Uuid::nil().into(), "test-app"),
            team: None,
        }
    }

    /// The user has this role, besides those of earlier calls. Default: none.
    pub fn role(mut self, role: Role) -> Self {
        self.roles.push(role);
        self
    }

    /// The user has this permission, besides those of earlier calls. Default: none.
    pub fn permission(mut self, permission: Permission) -> Self {
        self.permissions.push(permission);
        self
    }

    /// The Heroku account. Default: unknown.
    pub fn user_id(mut self, id: UserId) -> Self {
        self.grant.user_id = Some(id);
        self
    }

    /// How the user proved the email. Default: [`Proof::SignedEmail`].
    pub fn proof(mut self, proof: Proof) -> Self {
        self.grant.proof = proof;
        self
    }

    /// The app through whose attachment the user came. Default: unknown.
    pub fn context_app(mut self, name: &str) -> Self {
        self.grant.context_app = Some(name.to_owned());
        self
    }

    /// The name of the resource at Heroku. Default: `test-add-on`.
    pub fn addon_name(mut self, name: &str) -> Self {
        self.addon_name = name.to_owned();
        self
    }

    /// The app that owns the resource. Default: `test-app`.
    pub fn app(mut self, app: App) -> Self {
        self.app = app;
        self
    }

    /// The team that owns the app. Default: none.
    pub fn team(mut self, team: Team) -> Self {
        self.team = Some(team);
        self
    }

    /// The user, who has just signed in, on a list without other users.
    ///
    /// # Panics
    /// If the email ends with `@herokumanager.com`: Heroku's service accounts are not users.
    pub fn build(self) -> HerokuUser {
        let Grant { email, user_id, .. } = &self.grant;
        let entry = |role| Person::new(email.clone(), user_id.clone(), role);
        let of_role = self.roles.into_iter().map(|role| entry(Some(role)));
        // A list has each email once, with the roles of all its entries.
        let people = of_role.chain([entry(None).with_permissions(self.permissions)]);
        let list = AccessList::of_app(people.collect(), ListPolicy::Documented);
        let listed = list.entitlement(email, user_id.as_ref(), Attached::Counts);
        let listed = listed.unwrap_or_else(|_| panic!("a user, not a service account of Heroku"));
        let snapshot = Snapshot {
            addon_name: self.addon_name,
            app: self.app,
            team: self.team.map(Arc::new),
            web_url: None,
            list,
            fetched_at: self.grant.began,
        };
        let origin = Origin::Test(Arc::new(self.grant));
        HerokuUser::new(origin, Arc::new(snapshot), listed, "")
    }
}
