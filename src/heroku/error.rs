//! What can go wrong between Heroku and us.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The longest part of Heroku's own message that is kept, in characters.
const MAX_MESSAGE: usize = 200;

/// Why a call to Heroku gave no usable answer.
///
/// None of these is ever read as "nobody is on the list". No variant holds a token, a URL or the
/// body of an answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HerokuError {
    /// 403: the token may not read this.
    #[error("heroku forbids this: {0}")]
    Forbidden(HerokuAnswer),
    /// 404 or 410 for the add-on in Heroku's own words, or the add-on says that it is deprovisioned; 410
    /// for anything else. A resource ends by it only if it lasts.
    #[error("gone at heroku: {0}")]
    Gone(HerokuAnswer),
    /// The OAuth host does not accept the grant code, the refresh token or the client secret.
    #[error("heroku refused the grant: {answer}{advice}", answer = .0, advice = .0.grant_advice())]
    GrantRefused(HerokuAnswer),
    /// The answer is not what Heroku's schema promises.
    #[error("heroku's answer about {about} cannot be read")]
    Malformed {
        /// What was asked for.
        about: &'static str,
    },
    /// 404.
    #[error("not found at heroku: {0}")]
    NotFound(HerokuAnswer),
    /// 429, or a pause after one.
    #[error("heroku's rate limit is reached, next try in {retry_after:?}")]
    RateLimited {
        /// How long to leave Heroku alone: at least a second, at most 15 minutes.
        retry_after: Duration,
    },
    /// A redirect. It is never followed, as it would carry the token along.
    #[error("heroku answered with a redirect")]
    Redirected,
    /// The answer is larger than it may be.
    #[error("heroku's answer about {about} is larger than {limit} bytes")]
    TooLarge {
        /// What was asked for.
        about: &'static str,
        /// The most bytes that are read.
        limit: usize,
    },
    /// No connection, no TLS, no complete answer in time.
    #[error("no answer from heroku")]
    Transport(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// 401: the access token is not accepted.
    #[error("heroku does not accept the access token: {0}")]
    Unauthorized(HerokuAnswer),
    /// 5xx, or a status that has no meaning here.
    #[error("heroku cannot answer: {0}")]
    Unavailable(HerokuAnswer),
    /// A list that ends before its end: 206 without a way on, one that goes in circles, or more
    /// pages than any list has.
    #[error("heroku's list of {about} is not complete")]
    UnfinishedList {
        /// What was asked for.
        about: &'static str,
    },
    /// The answer is about something else than was asked for.
    #[error("heroku answered about another {about}")]
    WrongSubject {
        /// What was asked for.
        about: &'static str,
    },
}

/// What Heroku said with an error, for a message to its support.
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
    /// True if it is Heroku that says so: a 404 of anything in between says nothing of the add-on.
    pub(crate) fn says_not_there(&self) -> bool {
        let has_request_id = self.request_id.as_ref().is_some_and(|id| !id.is_empty());
        match (self.status, self.id.as_str()) {
            (404, "not_found") | (410, "gone" | "not_found") => has_request_id,
            // The add-on itself, by its own id.
            (200, "deprovisioned") => true,
            _ => false,
        }
    }

    /// True if it is Heroku that refuses a refresh token, or the client secret: it does not say which.
    pub(crate) fn refuses_the_grant(&self) -> bool {
        matches!(self.status, 400 | 401 | 403 | 422)
            && !self.id.is_empty()
            && self.request_id.is_some()
    }

    /// What is wrong most often with a grant that is refused like this.
    fn grant_advice(&self) -> &'static str {
        match self.status {
            400 => {
                "; a grant code works once and for some minutes, a refresh token until it is taken back"
            }
            401 => "; is HEROKU_CLIENT_SECRET the one of this add-on, and has it still access?",
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
    /// The variant's name as metrics have it.
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

    /// A reqwest error without the URL that it would print.
    pub(super) fn transport(error: reqwest::Error) -> Self {
        Self::Transport(Arc::new(error.without_url()))
    }
}
