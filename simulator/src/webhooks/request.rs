//! The body of a request that creates or changes a subscription.

use serde_json::{Map, Value};
use time::OffsetDateTime;
use url::Url;
use uuid::Uuid;

use super::subscription::{Subscription, WebhookLevel};
use crate::refusal::Refusal;

/// The events that an add-on can subscribe to without a special permission.
const ENTITIES: [&str; 7] = [
    "api:addon",
    "api:addon-attachment",
    "api:app",
    "api:collaborator",
    "api:domain",
    "api:sni-endpoint",
    "api:ssl-endpoint",
];

/// The validated fields of a request's body. A missing field is `None`.
#[derive(Debug, Default)]
pub(super) struct WebhookRequest {
    include: Option<Vec<String>>,
    level: Option<WebhookLevel>,
    url: Option<String>,
    secret: Option<String>,
    /// Null removes it.
    authorization: Option<Option<String>>,
}

impl WebhookRequest {
    pub(super) fn read(body: &[u8]) -> Result<Self, Refusal> {
        let fields: Map<String, Value> =
            serde_json::from_slice(body).map_err(|_| Refusal::BAD_REQUEST)?;
        let mut request = Self::default();
        for (name, value) in fields {
            match &*name {
                "include" => request.include = Some(entities(&value).ok_or(Refusal::BAD_INCLUDE)?),
                "level" => request.level = Some(level(&value).ok_or(Refusal::BAD_LEVEL)?),
                "url" => request.url = Some(address(&value).ok_or(Refusal::BAD_URL)?),
                "secret" => request.secret = text_or_null(value)?,
                "authorization" => request.authorization = Some(text_or_null(value)?),
                _ => return Err(Refusal::UNKNOWN_FIELD),
            }
        }
        Ok(request)
    }

    /// The new subscription, and whether its secret was generated here.
    pub(super) fn create(self, now: OffsetDateTime) -> Result<(Subscription, bool), Refusal> {
        let makes_secret = self.secret.is_none();
        let subscription = Subscription {
            id: Uuid::new_v4(),
            url: self.url.ok_or(Refusal::BAD_URL)?,
            include: self.include.ok_or(Refusal::BAD_INCLUDE)?,
            level: self.level.ok_or(Refusal::BAD_LEVEL)?,
            secret: self.secret.unwrap_or_else(new_secret),
            authorization: self.authorization.flatten(),
            created_at: now,
            updated_at: now,
        };
        Ok((subscription, makes_secret))
    }

    pub(super) fn change(self, subscription: &mut Subscription, now: OffsetDateTime) {
        fn put<T>(field: &mut T, new: Option<T>) {
            if let Some(new) = new {
                *field = new;
            }
        }
        put(&mut subscription.url, self.url);
        put(&mut subscription.include, self.include);
        put(&mut subscription.level, self.level);
        put(&mut subscription.secret, self.secret);
        put(&mut subscription.authorization, self.authorization);
        subscription.updated_at = now;
    }
}

fn entities(value: &Value) -> Option<Vec<String>> {
    let names = value.as_array().filter(|names| !names.is_empty())?;
    let names = names.iter().map(|name| {
        let name = name.as_str().filter(|name| ENTITIES.contains(name))?;
        Some(name.to_owned())
    });
    names.collect()
}

fn level(value: &Value) -> Option<WebhookLevel> {
    WebhookLevel::named(value.as_str()?)
}

/// Heroku accepts https only; here the add-on is on loopback.
fn address(value: &Value) -> Option<String> {
    let text = value.as_str()?;
    let url = Url::parse(text).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| text.to_owned())
}

fn text_or_null(value: Value) -> Result<Option<String>, Refusal> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        _ => Err(Refusal::NO_TEXT),
    }
}

fn new_secret() -> String {
    let (a, b) = (Uuid::new_v4().simple(), Uuid::new_v4().simple());
    format!("{a}{b}")
}
