//! The formulas of the three SSO tokens, implemented only from Heroku's article: the add-on under test has
//! its own implementation.
//!
//! <https://devcenter.heroku.com/articles/add-on-single-sign-on>

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// `token`, of version 1: SHA-1 over the provider's id, the salt and the timestamp.
pub(crate) fn token(provider_id: &str, salt: &str, timestamp: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{provider_id}:{salt}:{timestamp}"));
    hex::encode(hash.finalize())
}

/// `resource_token`: SHA-1 over the resource, the salt and the timestamp.
pub(crate) fn resource_token(resource: &str, salt: &str, timestamp: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(format!("{resource}:{salt}:{timestamp}"));
    hex::encode(hash.finalize())
}

/// `user_scoped_resource_token`: SHA-256 over the resource, the salt, the timestamp, the account and
/// the email.
pub(crate) fn user_scoped_resource_token(
    resource: &str,
    salt: &str,
    timestamp: &str,
    account: &str,
    email: &str,
) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{resource}:{salt}:{timestamp}:{account}:{email}"));
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    //! The digests were computed by `sha1sum` and `sha256sum`, as
    //! `printf %s '123:2f97…:1267597772' | sha1sum`.

    use super::*;

    const RESOURCE: &str = "01234567-89ab-cdef-0123-456789abcdef";
    const ACCOUNT: &str = "fedcba98-7654-3210-fedc-ba9876543210";
    const SALT: &str = "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4";

    #[test]
    fn token_is_the_published_sha1() {
        assert_eq!(
            token("123", SALT, "1267597772"),
            "bb466eb1d6bc345d11072c3cd25c311f21be130d"
        );
    }

    #[test]
    fn resource_token_is_sha1_with_leading_zeros_kept() {
        assert_eq!(
            resource_token(RESOURCE, SALT, "1267597772"),
            "7659cc00fc08ff8b7bb76cd8c9762bcf528b4173"
        );
        assert_eq!(
            resource_token(RESOURCE, SALT, "1267598019"),
            "008f37f17a585b76355bbf728d032f6c6d761173"
        );
    }

    #[test]
    fn user_scoped_token_is_sha256_of_the_email_as_written() {
        for (email, digest) in [
            (
                "username@example.com",
                "6e6a13c698ac11bddc07e678f423da6998ea06fd6d319acc346096032040e4e1",
            ),
            (
                "Username@Example.com",
                "b1094d492211cfd3fddc4bbf0e5d75416572b53a3a6b308f38c592e618fc8a6c",
            ),
            (
                "jürgen@example.com",
                "144f9b2cab378336250abb109d116b2c53ab5c2aa60d0af6ba6c1e10e8488487",
            ),
        ] {
            assert_eq!(
                user_scoped_resource_token(RESOURCE, SALT, "1267597772", ACCOUNT, email),
                digest
            );
        }
    }
}
