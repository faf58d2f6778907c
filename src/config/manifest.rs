//! The values of the add-on manifest and the Partner Portal.

use crate::secret::{AddonPassword, ClientSecret, SsoSalt};

/// The values of the add-on manifest and the Partner Portal: required, without defaults.
#[derive(Clone, Debug)]
#[must_use = "a manifest does nothing until it is given to a builder"]
pub struct Manifest {
    pub(crate) slug: String,
    pub(crate) password: AddonPassword,
    pub(crate) sso_salts: Vec<SsoSalt>,
    pub(crate) client_secret: ClientSecret,
}

impl Manifest {
    /// The manifest's `id`, `api.password` and `api.sso_salt`, and the OAuth client secret.
    pub fn new(
        slug: impl Into<String>,
        password: AddonPassword,
        sso_salt: SsoSalt,
        client_secret: ClientSecret,
    ) -> Self {
        Self {
            slug: slug.into(),
            password,
            sso_salts: vec![sso_salt],
            client_secret,
        }
    }

    /// True for a user name that HTTP Basic can carry, as in Heroku's calls of the Partner API: a colon would end
    /// it (RFC 7617).
    pub(super) fn is_slug(text: &str) -> bool {
        !text.is_empty() && !text.contains(|c: char| c == ':' || c.is_control())
    }

    /// Also accepts this salt, during a rotation.
    pub fn with_previous_salt(mut self, sso_salt: SsoSalt) -> Self {
        self.sso_salts.push(sso_salt);
        self
    }
}
