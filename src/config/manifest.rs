//! What the add-on manifest and the Partner Portal say.

use crate::secret::{AddonPassword, ClientSecret, SsoSalt};

/// The add-on manifest and the Partner Portal: no defaults, and no start without it.
#[derive(Clone, Debug)]
#[must_use = "a set-up does nothing until it is used"]
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

    /// Accepts one more salt, for the time of its rotation.
    pub fn with_previous_salt(mut self, sso_salt: SsoSalt) -> Self {
        self.sso_salts.push(sso_salt);
        self
    }
}
