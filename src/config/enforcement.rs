//! Which requests the gate rejects, and which it only observes.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use heroku_sso_store::{InvalidValue, ResourceId};
use http::request::Parts;
use sha2::{Digest, Sha256};

const INVALID: InvalidValue =
    InvalidValue::new("expected `enforce`, `observe`, or a share of the resources such as `25%`");

/// Which requests the gate rejects. For an app that has a login of its own:
/// [`coming_from`](crate::guide::coming_from) introduces the gate step by step.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Enforcement {
    /// All requests. The default.
    #[default]
    Enforce,
    /// None. Every request reaches the app, and [`Observed`](crate::Observed) says what an enforced gate
    /// would have done. The app's answers stay as they are; only the answer to a sign-in form has the
    /// gate's own cookies in addition. The gate delays a request by at most one second, whatever fails or
    /// hangs in it.
    ///
    /// The app's handlers get no [`HerokuUser`](crate::HerokuUser), so a guard such as
    /// [`Require`](crate::Require) rejects every request: put it on the routes when the gate is enforced.
    /// [`protect`](crate::HerokuSso::protect), [`layer`](crate::HerokuSso::layer) and
    /// [`optional_layer`](crate::HerokuSso::optional_layer) all observe; the verdicts of the last are
    /// those of a `layer`. Signed links ([`Lists::link`](crate::Lists::link)) go to the app as well, so do
    /// not send any yet.
    Observe,
    /// The requests of some resources; the others are observed. It does not build without
    /// [`resource_of`](crate::HerokuSsoBuilder::resource_of) or
    /// [`resource_in_path`](crate::HerokuSsoBuilder::resource_in_path). A request whose resource they do
    /// not name is enforced.
    ///
    /// A sign-in form is enforced if its resource is, and if the gate cannot tell which resource the app
    /// would take it for:
    /// - it names none, or one of its fields twice;
    /// - it has a field `id` besides `resource_id`, and the store does not confirm within a second that both
    ///   are the same resource. So register resources that sign in with an `id` of yours with it
    ///   ([`register_legacy`](crate::Resources::register_legacy));
    /// - its body cannot be put back: only axum's `Body` and http-body-util's `UnsyncBoxBody<Bytes,
    ///   Box<dyn Error + Send + Sync>>` can. With any other type, **each** form is enforced.
    For(ResourceRule),
}

/// The resources for which the gate is enforced.
#[derive(Clone)]
pub struct ResourceRule(Arc<dyn Fn(&ResourceId) -> bool + Send + Sync>);

/// Finds the resource of a request in the app's own session.
#[derive(Clone)]
pub(crate) struct ResourceOf(Arc<Find>);

type Find = dyn Fn(&Parts) -> Option<ResourceId> + Send + Sync;

impl Enforcement {
    /// Enforces the gate for a share of all resources: [`ResourceRule::share`].
    pub fn share(percent: u8) -> Self {
        Self::For(ResourceRule::share(percent))
    }

    /// True if a request is enforced. `resource` is none if the request does not say whose it is.
    pub(crate) fn includes(&self, resource: Option<&ResourceId>) -> bool {
        match self {
            Self::Enforce => true,
            Self::Observe => false,
            Self::For(rule) => resource.is_none_or(|resource| rule.includes(resource)),
        }
    }

    /// True if some requests may be enforced.
    pub(crate) fn is_any(&self) -> bool {
        !matches!(self, Self::Observe)
    }

    /// True if nothing is observed.
    pub(crate) fn is_total(&self) -> bool {
        matches!(self, Self::Enforce)
    }
}

impl FromStr for Enforcement {
    type Err = InvalidValue;

    /// `enforce`, `observe`, or a share such as `25%`.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "observe" => Ok(Self::Observe),
            share => {
                let percent = share.strip_suffix('%').ok_or(INVALID)?;
                let is_number = percent.bytes().all(|b| b.is_ascii_digit());
                let percent = percent.parse().ok().filter(|it| is_number && *it <= 100);
                Ok(Self::share(percent.ok_or(INVALID)?))
            }
        }
    }
}

impl ResourceRule {
    /// The resources for which `rule` returns true. It is called for each request, so it must be fast.
    ///
    /// A panic in it is a panic of the request, which then reaches neither the check nor the app. A server
    /// closes the connection.
    pub fn new(rule: impl Fn(&ResourceId) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// A share of all resources, in percent; more than 100 are 100. Which resources belong to it depends on
    /// their ids alone, so it is the same in every process and after every restart. A greater share contains
    /// every smaller one.
    pub fn share(percent: u8) -> Self {
        Self::new(move |resource| bucket(resource) < percent)
    }

    /// True if the gate is enforced for this resource. For pages of your staff, and to test a rule.
    pub fn includes(&self, resource: &ResourceId) -> bool {
        (self.0)(resource)
    }
}

impl fmt::Debug for ResourceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceRule").finish_non_exhaustive()
    }
}

/// A number from 0 to 99. From a hash, because an id may contain the time of its creation.
fn bucket(resource: &ResourceId) -> u8 {
    let digest = Sha256::digest(resource.to_string());
    let number = digest[..8].iter().fold(0, |number: u64, byte| {
        number.wrapping_shl(8) | u64::from(*byte)
    });
    u8::try_from(number % 100).unwrap_or_default()
}

impl ResourceOf {
    pub(crate) fn new(find: impl Fn(&Parts) -> Option<ResourceId> + Send + Sync + 'static) -> Self {
        Self(Arc::new(find))
    }

    pub(crate) fn find(&self, request: &Parts) -> Option<ResourceId> {
        (self.0)(request)
    }
}

impl fmt::Debug for ResourceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceOf").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_greater_share_contains_every_smaller_one() {
        let ids = (0..2_000).map(|n| ResourceId::from(Uuid::from_u128(n)));
        let mut before = 0;
        let ids: Vec<_> = ids.collect();
        for percent in 0..=101 {
            let (share, less) = (ResourceRule::share(percent), percent.saturating_sub(1));
            let less = ResourceRule::share(less);
            assert!(
                ids.iter()
                    .all(|id| !less.includes(id) || share.includes(id))
            );
            let count = ids.iter().filter(|id| share.includes(id)).count();
            assert!(count >= before, "{percent}");
            before = count;
        }
        let count = |percent| {
            let share = ResourceRule::share(percent);
            ids.iter().filter(|id| share.includes(id)).count()
        };
        assert_eq!((count(0), count(100), count(101)), (0, 2_000, 2_000));
        assert!((850..1_150).contains(&count(50)), "{}", count(50));
    }

    /// Another hash would enforce other customers after an update.
    #[test]
    fn the_share_of_a_resource_never_changes() {
        let id: ResourceId = "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap();
        assert_eq!(bucket(&id), 25);
    }

    #[test]
    fn an_enforcement_is_read_from_text() {
        let id = ResourceId::from(Uuid::nil());
        let includes = |text: &str| {
            let enforcement = text.parse::<Enforcement>();
            enforcement.map(|it| (it.includes(None), it.includes(Some(&id))))
        };
        assert_eq!(includes("enforce"), Ok((true, true)));
        assert_eq!(includes("observe"), Ok((false, false)));
        assert_eq!(includes("0%"), Ok((true, false)));
        assert_eq!(includes("100%"), Ok((true, true)));
        for text in [
            "", "101%", "-1%", "+5%", "5", "%", "5.5%", "Observe", "300%",
        ] {
            assert_eq!(includes(text), Err(INVALID), "{text}");
        }
    }
}
