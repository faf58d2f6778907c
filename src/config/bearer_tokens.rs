//! The settings of bearer tokens (feature `jwt`).

use crate::jwt::JwtKeys;

/// Bearer tokens for programs: [`HerokuSsoBuilder::bearer_tokens`](crate::HerokuSsoBuilder::bearer_tokens).
#[derive(Clone, Debug)]
#[must_use = "the settings do nothing until they are given to a builder"]
pub struct BearerTokens {
    pub(crate) keys: JwtKeys,
    pub(crate) cli_sign_in_path: Option<String>,
}

impl BearerTokens {
    /// Tokens signed with the first of these keys: ES256 or Ed25519 keys only.
    pub fn new(keys: JwtKeys) -> Self {
        Self {
            keys,
            cli_sign_in_path: None,
        }
    }

    /// The path at which command-line clients sign in, for example `/heroku/sso/token`. They send Heroku's
    /// SSO answer in the header `x-addon-sso`, as Heroku's CLI plugins do, and receive a bearer token.
    /// Default: none.
    pub fn cli_sign_in_path(mut self, path: &str) -> Self {
        self.cli_sign_in_path = Some(path.to_owned());
        self
    }
}

impl From<JwtKeys> for BearerTokens {
    /// As [`new`](Self::new).
    fn from(keys: JwtKeys) -> Self {
        Self::new(keys)
    }
}
