//! Roles that a handler requires by its arguments.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{NotAllowed, UserRejection};
use crate::access::Role;
use crate::gate::{HerokuUser, rejection_without};

/// An extractor for a user with one of some roles. All other users are rejected as by
/// [`Require`](crate::Require), and so is a user whose sign-in token does not cover
/// the email.
///
/// `R` names the roles: one of [`role`], a tuple of two or three of them (any one is enough), or a type of
/// your own. The extractor also gives access to the [`HerokuUser`].
///
/// ```
/// use tower_heroku_sso::Role;
/// use tower_heroku_sso::extract::{RequireRole, RequiredRoles, role};
///
/// async fn settings(user: RequireRole<(role::Owner, role::Admin)>) -> String {
///     format!("{} may change this", user.email())
/// }
///
/// /// Users who may see invoices.
/// struct Billing;
///
/// impl RequiredRoles for Billing {
///     fn any_of() -> Vec<Role> {
///         vec![Role::Owner, Role::from("billing")]
///     }
/// }
///
/// async fn invoices(_: RequireRole<Billing>) {}
/// # let _: axum::Router = axum::Router::new()
/// #     .route("/settings", axum::routing::get(settings))
/// #     .route("/invoices", axum::routing::get(invoices));
/// ```
pub struct RequireRole<R> {
    user: HerokuUser,
    roles: PhantomData<fn() -> R>,
}

impl<R> RequireRole<R> {
    /// The user.
    pub fn into_user(self) -> HerokuUser {
        self.user
    }
}

impl<R> Deref for RequireRole<R> {
    type Target = HerokuUser;

    fn deref(&self) -> &HerokuUser {
        &self.user
    }
}

impl<R> std::fmt::Debug for RequireRole<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RequireRole").field(&self.user).finish()
    }
}

/// Roles as a type, for [`RequireRole`].
pub trait RequiredRoles {
    /// The roles of which one is enough. With none, every user is rejected.
    fn any_of() -> Vec<Role>;
}

/// One type for each of Heroku's roles.
pub mod role {
    use super::RequiredRoles;
    use crate::access::Role;

    macro_rules! roles {
        ($($name:ident)*) => {
            $(#[doc = concat!("[`Role::", stringify!($name), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl RequiredRoles for $name {
                fn any_of() -> Vec<Role> {
                    vec![Role::$name]
                }
            })*
        };
    }

    roles! { Owner Admin Member Viewer Collaborator }
}

impl<A: RequiredRoles, B: RequiredRoles> RequiredRoles for (A, B) {
    fn any_of() -> Vec<Role> {
        [A::any_of(), B::any_of()].concat()
    }
}

impl<A: RequiredRoles, B: RequiredRoles, C: RequiredRoles> RequiredRoles for (A, B, C) {
    fn any_of() -> Vec<Role> {
        [A::any_of(), B::any_of(), C::any_of()].concat()
    }
}

impl<R: RequiredRoles, S: Sync> FromRequestParts<S> for RequireRole<R> {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UserRejection> {
        let user = HerokuUser::from_request_parts(parts, state).await?;
        match rejection_without(R::any_of(), &user, &parts.headers) {
            Some(rejection) => Err(NotAllowed::new(rejection, parts).into()),
            None => Ok(Self {
                user,
                roles: PhantomData,
            }),
        }
    }
}
