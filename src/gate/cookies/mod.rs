//! The cookies of a gate: the session, the hint that outlives it, and the pages to return to.

mod format;
mod hint;
mod nav_data;
mod return_to;
mod session;

use std::fmt;

use heroku_sso_store::ResourceId;
use http::{HeaderMap, HeaderValue};
use time::OffsetDateTime;

use self::format::CookieFormat;
use self::hint::HintCookie;
use self::return_to::ReturnToCookie;
use self::session::SessionCookie;
use crate::config::CookieTransport;
use crate::secret::ClientSecret;
use crate::session::NewSession;

pub(crate) use self::return_to::{MOST as MOST_RETURNS, ReturnTo, is_own_path};

/// All cookies of a gate.
pub(crate) struct Cookies {
    pub(crate) session: SessionCookie,
    pub(crate) hint: HintCookie,
    pub(crate) return_to: ReturnToCookie,
    format: CookieFormat,
}

impl Cookies {
    /// `per_resource`: a browser has a session for each resource, instead of one for all.
    pub(crate) fn new(
        transport: CookieTransport,
        secret: &ClientSecret,
        per_resource: bool,
    ) -> Self {
        let format = CookieFormat::new(transport, secret, per_resource);
        Self {
            session: SessionCookie::new(format.clone()),
            hint: HintCookie::new(format.clone()),
            return_to: ReturnToCookie::new(format.clone()),
            format,
        }
    }

    /// True if browsers send the cookies over https only.
    pub(crate) fn are_secure(&self) -> bool {
        self.format.is_secure()
    }

    /// The cookies after a sign-in: the session, and the hint that outlives it.
    pub(crate) fn signed_in(
        &self,
        opened: &NewSession,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = HeaderValue> {
        // With a hint for each resource, the browser did not send the others: the form came from another
        // site.
        let hint = (!self.format.per_resource).then(|| self.hint.with(&[], &opened.grant.resource));
        [self.session.set(opened, now)].into_iter().chain(hint)
    }

    /// The cookies after a browser has landed, if each resource has its own session: the hint, and the
    /// removal of the earliest sessions if there are too many.
    pub(crate) fn after_landing(
        &self,
        headers: &HeaderMap,
        resource: &ResourceId,
    ) -> Vec<HeaderValue> {
        if !self.format.per_resource {
            return Vec::new();
        }
        let mut order = self.hint.read(headers);
        order.retain(|it| it != resource);
        order.insert(0, *resource);
        let mut cookies = self.session.make_room(headers, &order);
        cookies.extend(self.hint.after_landing(headers, resource));
        cookies
    }

    /// The cookie for Heroku's header bar, in legacy forms.
    pub(crate) fn nav_data(&self, value: &str) -> Option<HeaderValue> {
        nav_data::nav_data(value, self.are_secure())
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cookies")
            .field("are_secure", &self.are_secure())
            .finish_non_exhaustive()
    }
}
