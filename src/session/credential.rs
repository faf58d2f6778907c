//! How a request names its session, and how the process does.

use std::borrow::Cow;
use std::fmt;

use heroku_sso_store::SessionKey;
use tower_sessions::session::Id;

use super::key::session_key;

/// The credential that a request brought. It is untrusted, and secret if it is valid.
#[derive(Clone)]
pub(crate) enum Credential<'a> {
    /// The value of the session cookie.
    Cookie(Cow<'a, str>),
    /// The token of an `Authorization` header.
    #[cfg(feature = "jwt")]
    Bearer(Cow<'a, str>),
}

impl Credential<'_> {
    /// True if the browser sent it automatically, and can be told to replace it.
    pub(crate) fn is_cookie(&self) -> bool {
        matches!(self, Self::Cookie(_))
    }

    /// An owned copy, which outlives the request.
    pub(crate) fn into_owned(self) -> Credential<'static> {
        match self {
            Self::Cookie(value) => Credential::Cookie(value.into_owned().into()),
            #[cfg(feature = "jwt")]
            Self::Bearer(token) => Credential::Bearer(token.into_owned().into()),
        }
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cookie(_) => "Cookie(..)",
            #[cfg(feature = "jwt")]
            Self::Bearer(_) => "Bearer(..)",
        })
    }
}

/// The session that a credential names.
#[derive(Clone)]
pub(crate) enum SessionRef {
    /// A record of the session store.
    Stored(Id),
    /// A session of which only the public name is known.
    Named(SessionKey),
    /// A signed cookie.
    #[cfg(feature = "jwt")]
    Signed(SessionKey),
    /// The session from which a bearer token came.
    #[cfg(feature = "jwt")]
    Bearer(SessionKey),
}

impl SessionRef {
    /// The session's public name.
    pub(crate) fn key(&self) -> SessionKey {
        match self {
            Self::Stored(id) => session_key(id),
            Self::Named(key) => key.clone(),
            #[cfg(feature = "jwt")]
            Self::Signed(key) | Self::Bearer(key) => key.clone(),
        }
    }

    /// True for a session whose client sends a token, and no cookie.
    pub(crate) fn is_of_bearer(&self) -> bool {
        match self {
            Self::Stored(_) | Self::Named(_) => false,
            #[cfg(feature = "jwt")]
            Self::Signed(_) => false,
            #[cfg(feature = "jwt")]
            Self::Bearer(_) => true,
        }
    }
}

impl fmt::Debug for SessionRef {
    /// The id of a record is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionRef(..)")
    }
}
