//! Subscriptions: the events that an add-on is notified of, and the target URL.

use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::body::date;
use crate::world::AddOnRecord;

/// How often Heroku tries to deliver a notification.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum WebhookLevel {
    /// Once.
    Notify,
    /// Until it is accepted.
    Sync,
}

impl WebhookLevel {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "notify" => Some(Self::Notify),
            "sync" => Some(Self::Sync),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Sync => "sync",
        }
    }
}

/// A subscription of an add-on, as [`Webhooks::of`](crate::Webhooks::of) shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Webhook {
    /// The id in API paths.
    pub id: String,
    /// The URL of the notifications.
    pub url: String,
    /// The entities it is for, such as `api:collaborator`.
    pub include: Vec<String>,
    /// How often Heroku tries to deliver.
    pub level: WebhookLevel,
}

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(super) id: Uuid,
    pub(super) url: String,
    pub(super) include: Vec<String>,
    pub(super) level: WebhookLevel,
    pub(super) secret: String,
    pub(super) authorization: Option<String>,
    pub(super) created_at: OffsetDateTime,
    pub(super) updated_at: OffsetDateTime,
}

impl Subscription {
    pub(super) fn shown(&self) -> Webhook {
        Webhook {
            id: self.id.to_string(),
            url: self.url.clone(),
            include: self.include.clone(),
            level: self.level,
        }
    }

    /// The subscription as the API shows it, without the secret.
    pub(super) fn body(&self, addon: &AddOnRecord) -> Value {
        json!({
            "addon": { "id": addon.id, "name": addon.name },
            "created_at": date(self.created_at),
            "id": self.id,
            "include": self.include,
            "level": self.level.name(),
            "updated_at": date(self.updated_at),
            "url": self.url,
        })
    }
}
