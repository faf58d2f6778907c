//! Errors of calls to Heroku.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The maximum number of characters of Heroku's own message.
const MAX_MESSAGE: usize = 200;

/// Why a call to Heroku gave no usable answer.
///
/// None of these errors is ever treated as an empty list. No variant contains a token, a URL or the
/// body of an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HerokuError {
    /// 403: the token may not read this.
    #[error("heroku forbids this call: {0}")]
    Forbidden(HerokuAnswer),
    /// Heroku itself answered 404 or 410 for the add-on, or the add-on's state is deprovisioned; or 410
    /// for any other object. It ends a resource only if it persists.
    #[error("gone at heroku: {0}")]
    Gone(HerokuAnswer),
    /// The OAuth host does not accept the grant code, the refresh token or the client secret.
    #[error("heroku refused the grant: {answer}{advice}", answer = .0, advice = .0.grant_advice())]
    GrantRefused(HerokuAnswer),
    /// The answer does not follow Heroku's schema.
    #[error("heroku's answer about {about} is malformed")]
    Malformed {
        /// The requested object.
        about: &'static str,
    },
    /// 404.
    #[error("not found at heroku: {0}")]
    NotFound(HerokuAnswer),
    /// 429, or the pause after one.
    #[error("heroku's rate limit is reached, next try in {retry_after:?}")]
    RateLimited {
        /// How long to send no requests to Heroku: what is left of the pause, at most 15 minutes.
        retry_after: Duration,
    },
    /// A redirect. It is never followed, as it would send the token along.
    #[error("heroku answered with a redirect")]
    Redirected,
    /// The answer is larger than the limit.
    #[error("heroku's answer about {about} is larger than {limit} bytes")]
    TooLarge {
        /// The requested object.
        about: &'static str,
        /// The maximum number of bytes that are read.
        limit: usize,
    },
    /// No connection, no TLS, or no complete answer in time.
    #[error("no answer from heroku")]
    Transport(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// 401: the access token is not accepted.
    #[error("heroku does not accept the access token: {0}")]
    Unauthorized(HerokuAnswer),
    /// 5xx, or an unexpected status.
    #[error("heroku is unavailable: {0}")]
    Unavailable(HerokuAnswer),
    /// An incomplete list: a 206 without a `Next-Range`, pages that repeat, or more pages than any list has.
    #[error("heroku's list of {about} is incomplete")]
    UnfinishedList {
        /// The requested list.
        about: &'static str,
    },
    /// The answer is about another object than the requested one.
    #[error("heroku's answer about {about} names another object than the requested one")]
    WrongSubject {
        /// The requested object.
        about: &'static str,
    },
}

/// Heroku's error answer. Heroku's support finds it by its `request_id`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HerokuAnswer {
    /// The HTTP status.
    pub status: u16,
    /// Heroku's name for the error, such as `not_found`; empty if it gave none.
    pub id: String,
    /// Heroku's message, at most 200 characters of it.
    pub message: String,
    /// The `Request-Id` of the answer.
    pub request_id: Option<String>,
}

impl HerokuAnswer {
    /// True if the answer has the format of Heroku's errors, which the error page of an intermediary lacks.
    pub(crate) fn is_of_heroku(&self) -> bool {
        let has_request_id = self.request_id.as_ref().is_some_and(|id| !id.is_empty());
        has_request_id && !self.id.is_empty()
    }

    /// True if Heroku itself says that the add-on does not exist. A 404 of an intermediary does not say so.
    pub(crate) fn says_not_there(&self) -> bool {
        match (self.status, self.id.as_str()) {
            (404, "not_found") | (410, "gone" | "not_found") => self.is_of_heroku(),
            // The state of the add-on itself, requested by its own id.
            (200, "deprovisioned") => true,
            _ => false,
        }
    }

    /// True if Heroku itself refuses the refresh token or the client secret. Its answer does not say which.
    pub(crate) fn refuses_the_grant(&self) -> bool {
        matches!(self.status, 400 | 401 | 403 | 422) && self.is_of_heroku()
    }

    /// The most frequent cause of a refused grant, for the end of the error text.
    fn grant_advice(&self) -> &'static str {
        match self.status {
            400 => {
                "; a grant code works once and for some minutes, a refresh token until it is revoked"
            }
            401 => "; is HEROKU_CLIENT_SECRET the secret of this add-on, and is it still valid?",
            _ => "",
        }
    }

    pub(super) fn new(status: u16, id: &str, message: &str, request_id: Option<String>) -> Self {
        let printable = |text: &str| -> String {
            let kept = text.chars().filter(|c| !c.is_control());
            kept.take(MAX_MESSAGE).collect()
        };
        Self {
            status,
            id: printable(id),
            message: printable(message),
            request_id: request_id.as_deref().map(printable),
        }
    }
}

impl fmt::Display for HerokuAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if !self.id.is_empty() {
            write!(f, " {}", self.id)?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, " (request {request_id})")?;
        }
        Ok(())
    }
}

impl HerokuError {
    /// The name of the variant in metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => "forbidden",
            Self::Gone(_) => "gone",
            Self::GrantRefused(_) => "grant_refused",
            Self::Malformed { .. } => "malformed",
            Self::NotFound(_) => "not_found",
            Self::RateLimited { .. } => "rate_limited",
            Self::Redirected => "redirected",
            Self::TooLarge { .. } => "too_large",
            Self::Transport(_) => "transport",
            Self::Unauthorized(_) => "unauthorized",
            Self::Unavailable(_) => "unavailable",
            Self::UnfinishedList { .. } => "unfinished_list",
            Self::WrongSubject { .. } => "wrong_subject",
        }
    }

    /// Converts a reqwest error, without the URL that it would print.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        Self::Transport(Arc::new(error.without_url()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_of_a_proxy_is_no_refusal_of_the_grant() {
        let refuses = |id: &str, request_id: Option<&str>| {
            let request_id = request_id.map(str::to_owned);
            HerokuAnswer::new(401, id, "", request_id).refuses_the_grant()
        };
        assert!(refuses("unauthorized", Some("a-request-id")));
        assert!(!refuses("", Some("a-request-id")));
        assert!(!refuses("unauthorized", None));
        assert!(!refuses("unauthorized", Some("")));
    }
}
