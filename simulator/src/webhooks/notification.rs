//! One notification, as it is sent.

use axum::body::Bytes;

use super::queued::Queued;
use super::signature;
use super::subscription::{Subscription, WebhookLevel};

const SIGNATURE: &str = "Heroku-Webhook-Hmac-SHA256";

/// A notification of a webhook, to be sent as it is, twice, later, or tampered with.
/// It is a copy: changes to it do not affect the queue.
#[derive(Clone, Debug)]
pub struct Notification {
    http: reqwest::Client,
    event_id: String,
    include: &'static str,
    action: &'static str,
    level: WebhookLevel,
    url: String,
    body: Bytes,
    signature: String,
    authorization: Option<String>,
}

/// The result of sending a notification.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Delivery {
    /// Where it went.
    pub url: String,
    /// The id of the event: the same each time it is sent.
    pub event_id: String,
    /// The status of the answer; `None` if there was none.
    pub status: Option<u16>,
}

impl Delivery {
    /// Whether the add-on accepted it, with any 2xx.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status / 100 == 2)
    }
}

impl Notification {
    pub(super) fn new(http: &reqwest::Client, queued: &Queued, to: &Subscription) -> Self {
        Self {
            http: http.clone(),
            event_id: queued.event.to_string(),
            include: queued.entity.include(),
            action: queued.action.name(),
            level: to.level,
            url: to.url.clone(),
            body: queued.body.clone(),
            signature: signature::of(&to.secret, &queued.body),
            authorization: to.authorization.clone(),
        }
    }

    /// The id of the event.
    pub fn event_id(&self) -> &str {
        &self.event_id
    }

    /// What it is about: `api:collaborator`, `api:app`, `api:addon` or `api:addon-attachment`.
    pub fn include(&self) -> &str {
        self.include
    }

    /// What happened to it: `create`, `update` or `destroy`.
    pub fn action(&self) -> &str {
        self.action
    }

    /// How often Heroku tries to deliver it.
    pub fn level(&self) -> WebhookLevel {
        self.level
    }

    /// Where it goes.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The value of `Heroku-Webhook-Hmac-SHA256`.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// All headers that Heroku sets, by name and value.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let mut headers = vec![
            ("Content-Type", "application/json"),
            (SIGNATURE, &*self.signature),
        ];
        headers.extend(self.authorization.iter().map(|it| ("Authorization", &**it)));
        headers
    }

    /// Replaces the body. The signature stays.
    pub fn set_body(&mut self, body: impl Into<Vec<u8>>) -> &mut Self {
        self.body = Bytes::from(body.into());
        self
    }

    /// Replaces the signature.
    pub fn set_signature(&mut self, signature: impl Into<String>) -> &mut Self {
        self.signature = signature.into();
        self
    }

    /// Signs the body as it is now, with any secret.
    pub fn sign(&mut self, secret: &str) -> &mut Self {
        self.signature = signature::of(secret, &self.body);
        self
    }

    /// Sends it, and waits for the answer: at most 25 seconds.
    pub async fn send(&self) -> Delivery {
        let mut request = self.http.post(&self.url).body(self.body.clone());
        for (name, value) in self.headers() {
            request = request.header(name, value);
        }
        let answer = request.send().await.ok();
        Delivery {
            url: self.url.clone(),
            event_id: self.event_id.clone(),
            status: answer.map(|answer| answer.status().as_u16()),
        }
    }
}
