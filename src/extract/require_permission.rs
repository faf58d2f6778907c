//! Permissions that a handler requires by its arguments.

use std::marker::PhantomData;
use std::ops::Deref;

use axum::extract::FromRequestParts;
use http::request::Parts;

use super::{NotAllowed, UserRejection};
use crate::access::Permission;
use crate::gate::{HerokuUser, rejection_without_permission};

/// An extractor for a user with a permission on the app. All other users are rejected as by
/// [`Require::permission`](crate::Require::permission).
///
/// `P` names the permission: one of [`permission`], or a type of your own. The extractor also gives access to
/// the [`HerokuUser`].
///
/// ```
/// use tower_heroku_sso::extract::{RequirePermission, permission};
///
/// async fn restart(user: RequirePermission<permission::Operate>) -> String {
///     format!("{} may restart this", user.email())
/// }
/// # let _: axum::Router = axum::Router::new().route("/restart", axum::routing::post(restart));
/// ```
pub struct RequirePermission<P> {
    user: HerokuUser,
    permission: PhantomData<fn() -> P>,
}

impl<P> RequirePermission<P> {
    /// The user.
    pub fn into_user(self) -> HerokuUser {
        self.user
    }
}

impl<P> Deref for RequirePermission<P> {
    type Target = HerokuUser;

    fn deref(&self) -> &HerokuUser {
        &self.user
    }
}

impl<P> std::fmt::Debug for RequirePermission<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("RequirePermission")
            .field(&self.user)
            .finish()
    }
}

/// A permission as a type, for [`RequirePermission`].
pub trait RequiredPermission {
    /// The permission.
    fn permission() -> Permission;
}

/// One type for each of Heroku's permissions.
pub mod permission {
    use super::RequiredPermission;
    use crate::access::Permission;

    macro_rules! permissions {
        ($($name:ident)*) => {
            $(#[doc = concat!("[`Permission::", stringify!($name), "`].")]
            #[derive(Clone, Copy, Debug)]
            pub enum $name {}

            impl RequiredPermission for $name {
                fn permission() -> Permission {
                    Permission::$name
                }
            })*
        };
    }

    permissions! { View Deploy Operate Manage }
}

impl<P: RequiredPermission, S: Sync> FromRequestParts<S> for RequirePermission<P> {
    type Rejection = UserRejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, UserRejection> {
        let user = HerokuUser::from_request_parts(parts, state).await?;
        match rejection_without_permission(P::permission(), &user, &parts.headers) {
            Some(rejection) => Err(NotAllowed::new(rejection, parts).into()),
            None => Ok(Self {
                user,
                permission: PhantomData,
            }),
        }
    }
}
