//! The webhook settings of a partner.

use sha2::{Digest, Sha256};
use url::Url;

use crate::secret::WebhookSecret;

/// Webhooks that Heroku sends to `POST /heroku/webhooks`, a route of
/// [`Routes::partner_api`](crate::Routes::partner_api).
#[derive(Clone, Debug)]
#[must_use = "webhook settings do nothing until they are given to a builder"]
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

    /// Also accepts another secret, during a rotation: the previous one, or the next one.
    /// Subscriptions are made with the first.
    pub fn with_previous_secret(mut self, secret: WebhookSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Subscribes each resource at Heroku, with `url` as the public address of the route: https, or http to a
    /// loopback address. When the address or the first secret changes, each resource is subscribed again. A
    /// subscription of another address is not removed: Heroku notifies the old address, too, until the partner
    /// deletes that subscription. Without this setting, the partner must subscribe.
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

    /// A digest of the subscription's settings, as a short text without secrets. When it changes, the
    /// subscriptions are made again.
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
