//! The OAuth tokens of a resource: never printed.

use std::fmt;

use secrecy::SecretString;
use time::OffsetDateTime;

/// The OAuth tokens of one resource, from the grant in its provisioning request.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tokens {
    /// Sent as the bearer token to the Platform API. Heroku lets it live for 8 hours.
    pub access: SecretString,
    /// Exchanged for the next access token.
    pub refresh: SecretString,
    /// When the access token expires.
    pub expires_at: OffsetDateTime,
}

impl Tokens {
    /// Tokens from their parts, for example as read from a store.
    pub fn new(
        access: impl Into<SecretString>,
        refresh: impl Into<SecretString>,
        expires_at: OffsetDateTime,
    ) -> Self {
        Self {
            access: access.into(),
            refresh: refresh.into(),
            expires_at,
        }
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_part_of_a_token() {
        let tokens = Tokens::new(
            "HRKU-AA-access",
            "HRKU-AA-refresh",
            OffsetDateTime::UNIX_EPOCH,
        );
        assert!(!format!("{tokens:?}").contains("HRKU"));
    }
}
