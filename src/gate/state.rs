//! The state that all gates of one [`HerokuSso`](crate::HerokuSso) share.

use std::sync::Arc;
use std::time::Duration;

use url::{Host, Url};

use super::explain::PolicyWarning;
use super::paths::Paths;
use super::refusal::Refusal;
use super::used_forms::UsedForms;
use crate::cause;
use crate::clock::{self, LogThrottle};
use crate::config::{OnExpired, Streams};
use crate::deadlines::{REQUEST, SESSION_CLOSING};
use crate::heroku::is_loopback;
use crate::session::{Cookies, Credential, Grant, SessionError, SessionRef, Sessions};
use crate::sso::Verifier;
use crate::sync::{Directory, SyncError};

/// Decides which requests pass.
#[derive(Debug)]
pub(crate) struct GateState {
    pub(crate) directory: Arc<Directory>,
    pub(crate) sessions: Sessions,
    pub(crate) cookies: Cookies,
    pub(crate) verifier: Verifier,
    pub(crate) used_forms: UsedForms,
    pub(crate) on_expired: OnExpired,
    pub(crate) streams: Streams,
    pub(crate) paths: Paths,
    /// Refusals say which check failed.
    pub(crate) explains: bool,
    pub(crate) plain_http_warning: LogThrottle,
    pub(crate) policy_warning: PolicyWarning,
    pub(crate) partner_api_warning: LogThrottle,
    /// The Platform API is on this machine, so Heroku's pages may be on it too.
    pub(crate) heroku_is_local: bool,
}

impl GateState {
    /// True for a page that a browser may be redirected to in order to sign in again.
    pub(super) fn trusts(&self, web_url: &Url) -> bool {
        is_herokus(web_url, self.heroku_is_local)
    }

    /// If deletion from the store fails here, the session is refused again at its next request.
    pub(super) async fn close(&self, session: &SessionRef) {
        // This process closes the session before the first wait. The rest continues in the background.
        match clock::within(SESSION_CLOSING, self.sessions.close(session)).await {
            Some(Ok(())) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, cause = cause::of(&error), "session record could not be deleted");
            }
            None => tracing::warn!("deleting a session record is slow; not waiting for it"),
        }
    }

    /// Closes the session that a credential names, if there is one, and returns its grant. A session of a
    /// resource that is not registered here is left alone: it belongs to another deployment on the same
    /// session store.
    pub(super) async fn close_named(
        &self,
        credential: &Credential<'_>,
    ) -> Result<Option<Arc<Grant>>, SessionError> {
        let found = self.sessions.find(credential).await;
        if let Ok(Some((_, grant))) = &found {
            let known = self.directory.known_list(&grant.resource).await;
            if matches!(known, Err(SyncError::UnknownResource)) {
                return Ok(None);
            }
        }
        self.sessions.close_found(credential, found).await
    }

    /// Closes the session that a browser had before it signed in again.
    pub(super) async fn close_previous(&self, previous: Option<Credential<'_>>) {
        let Some(previous) = previous else {
            return;
        };
        // The sign-in has consumed its form, and must not fail because of this.
        match clock::within(SESSION_CLOSING, self.close_named(&previous)).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::warn!(%error, cause = cause::of(&error), "previous session could not be closed");
            }
            None => tracing::warn!("closing the previous session is slow; not waiting for it"),
        }
    }

    /// The request has run out of time, and access is undecided.
    pub(super) fn out_of_time(&self, what: &'static str) -> Refusal {
        tracing::warn!(what, limit = ?REQUEST, "request timed out at the gate; no cookie is cleared");
        let refusal = Refusal::cannot_check(Duration::from_secs(5));
        self.with_debug_reason(
            refusal,
            &format_args!("the {what} took longer than {REQUEST:?}"),
        )
    }

    pub(super) fn unavailable(&self, error: &SessionError) -> Refusal {
        tracing::error!(%error, cause = cause::of(error), "sessions could not be checked");
        let refusal = Refusal::cannot_check(Duration::from_secs(5));
        self.with_debug_error(refusal, error)
    }
}

/// An add-on's Heroku page is trusted if it is https on heroku.com. It may be on this machine if the Platform
/// API is on this machine too.
fn is_herokus(page: &Url, heroku_is_local: bool) -> bool {
    let plain = page.username().is_empty() && page.password().is_none();
    let at_heroku = match page.host() {
        Some(Host::Domain(host)) => host == "heroku.com" || host.ends_with(".heroku.com"),
        _ => false,
    };
    let public = page.scheme() == "https" && at_heroku && page.port().is_none();
    let local = heroku_is_local && matches!(page.scheme(), "http" | "https") && is_loopback(page);
    plain && (public || local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_to_heroku_and_nowhere_else() {
        let counts = |page: &str, local| is_herokus(&page.parse().unwrap(), local);
        for page in [
            "https://heroku.com/apps/shop",
            "https://addons-sso.heroku.com/apps/shop/addons/1",
            "https://HEROKU.com:443/",
        ] {
            assert!(counts(page, false) && counts(page, true), "{page}");
        }
        for page in [
            "http://127.0.0.1:5000/",
            "https://localhost/",
            "http://[::1]:5000/",
        ] {
            assert!(!counts(page, false) && counts(page, true), "{page}");
        }
        for page in [
            "http://heroku.com/",
            "https://heroku.com:8443/",
            "https://heroku.com.evil.example/",
            "https://notheroku.com/",
            "https://evil.example/heroku.com",
            "https://evil.example/.heroku.com",
            "https://ann@heroku.com/",
            "https://:secret@heroku.com/",
            "http://ann:secret@127.0.0.1/",
            "https://10.0.0.1/",
            "ftp://127.0.0.1/",
            "data:text/html,heroku.com",
            "javascript:alert(1)//.heroku.com",
        ] {
            assert!(!counts(page, false) && !counts(page, true), "{page}");
        }
    }
}
