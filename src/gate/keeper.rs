//! What every gate of one [`HerokuSso`](crate::HerokuSso) shares.

use std::sync::Arc;

use url::{Host, Url};

use super::paths::Paths;
use crate::config::{OnExpired, Streams};
use crate::heroku::is_loopback;
use crate::session::{Cookies, Sessions};
use crate::sso::Verifier;
use crate::sync::Directory;

/// Decides who passes.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) directory: Arc<Directory>,
    pub(crate) sessions: Sessions,
    pub(crate) cookies: Cookies,
    pub(crate) verifier: Verifier,
    pub(crate) on_expired: OnExpired,
    pub(crate) streams: Streams,
    pub(crate) paths: Paths,
    /// Refusals say which check failed.
    pub(crate) explains: bool,
    /// The Platform API is on this machine, so Heroku's pages may be too.
    pub(crate) heroku_is_local: bool,
}

impl Keeper {
    /// An add-on's Heroku page counts if it is https on heroku.com; on this machine, if the Platform
    /// API is on this machine too.
    pub(super) fn trusts(&self, web_url: &Url) -> bool {
        let plain = web_url.username().is_empty() && web_url.password().is_none();
        let at_heroku = match web_url.host() {
            Some(Host::Domain(host)) => host == "heroku.com" || host.ends_with(".heroku.com"),
            _ => false,
        };
        let public = web_url.scheme() == "https" && at_heroku && web_url.port().is_none();
        let local = self.heroku_is_local
            && matches!(web_url.scheme(), "http" | "https")
            && is_loopback(web_url);
        plain && (public || local)
    }
}
