//! What a partner says about webhooks.

use sha2::{Digest, Sha256};
use url::Url;

use crate::secret::WebhookSecret;

/// Webhooks that Heroku sends to `POST /heroku/webhooks`, a route of
/// [`HerokuSso::partner_api`](crate::HerokuSso::partner_api).
#[derive(Clone, Debug)]
#[must_use = "a set-up does nothing until it is used"]
pub struct Webhooks {
    secrets: Vec<WebhookSecret>,
    url: Option<Url>,
}

impl Webhooks {
    /// Accepts notifications signed with this secret.
    pub fn new(secret: WebhookSecret) -> Self {
        Self {
            secrets: vec![secret],
            url: None,
        }
    }

    /// Accepts another secret too, for the time of a rotation: the one before, or the next one.
    /// Subscriptions are made with the first.
    pub fn with_previous_secret(mut self, secret: WebhookSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Subscribes each resource at Heroku, with `url` as the public address of the route: https, or
    /// http to a loopback address. When the address or the first secret changes, the subscriptions
    /// follow. Without this, subscribing is the partner's own business.
    pub fn subscribe_at(mut self, url: Url) -> Self {
        self.url = Some(url);
        self
    }

    pub(crate) fn secrets(&self) -> &[WebhookSecret] {
        &self.secrets
    }

    pub(crate) fn url(&self) -> Option<&Url> {
        self.url.as_ref()
    }

    /// What subscriptions are made with, as a short text that tells no secret: when it changes, they
    /// are made anew.
    pub(crate) fn fingerprint(&self) -> Option<String> {
        let url = self.url.as_ref()?;
        let secret = self.secrets.first()?;
        let digest = Sha256::new()
            .chain_update("tower-heroku-sso webhook subscription\n")
            .chain_update(url.as_str())
            .chain_update("\n")
            .chain_update(secret.expose())
            .finalize();
        Some(hex::encode(&digest[..12]))
    }
}
