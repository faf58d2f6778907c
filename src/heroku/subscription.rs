//! Webhook subscriptions: one for each add-on.
//!
//! Source: <https://devcenter.heroku.com/articles/addon-webhooks>.

use heroku_sso_store::ResourceId;
use http::Method;
use http::header::RANGE;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use url::Url;

use super::client::Caller;
use super::paging::Pages;
use super::transport::{Transport, parse};
use super::{Call, HerokuError};

/// The events of a subscription: all events of Heroku that can change the members of a list.
const ALL: &[&str] = &[
    "api:addon",
    "api:addon-attachment",
    "api:app",
    "api:collaborator",
];
/// The same without the event that Heroku may not offer for add-ons: another app attaches the add-on.
const LEAST: &[&str] = &["api:addon", "api:app", "api:collaborator"];

#[derive(Deserialize)]
struct WebhookJson {
    id: String,
    url: String,
}

#[derive(Serialize)]
struct Subscription<'a> {
    include: &'a [&'a str],
    /// Heroku repeats a notification until it is answered.
    level: &'a str,
    url: &'a str,
    secret: &'a str,
}

/// Ensures that the add-on has exactly one subscription for `url`, with this secret.
pub(super) async fn subscribe(
    transport: &Transport,
    caller: Caller<'_>,
    id: &ResourceId,
    url: &Url,
    secret: &SecretString,
) -> Result<(), HerokuError> {
    match subscribe_to(transport, ALL, caller, id, url, secret).await {
        // If Heroku does not offer one kind of event, subscribe at least to the others.
        Err(HerokuError::Unavailable(answer)) if matches!(answer.status, 400 | 422) => {
            subscribe_to(transport, LEAST, caller, id, url, secret).await
        }
        result => result,
    }
}

async fn subscribe_to(
    transport: &Transport,
    include: &[&str],
    caller: Caller<'_>,
    id: &ResourceId,
    url: &Url,
    secret: &SecretString,
) -> Result<(), HerokuError> {
    let id = id.to_string();
    let path = ["addons", &id, "webhooks"];
    let known = subscriptions(transport, caller, &path).await?;
    let mut ours = known.iter().filter(|known| known.url == url.as_str());
    let subscription = Subscription {
        include,
        level: "sync",
        url: url.as_str(),
        secret: secret.expose_secret(),
    };
    let request = match ours.next() {
        Some(known) => {
            let path = ["addons", &id, "webhooks", &known.id];
            transport.to_api(Method::PATCH, caller.token, &path)?
        }
        None => transport.to_api(Method::POST, caller.token, &path)?,
    };
    transport
        .send(request.json(&subscription), caller.pool, Call::Webhooks)
        .await?;
    for twice in ours {
        let path = ["addons", &id, "webhooks", &twice.id];
        let request = transport.to_api(Method::DELETE, caller.token, &path)?;
        transport.send(request, caller.pool, Call::Webhooks).await?;
    }
    Ok(())
}

/// `GET /addons/:id/webhooks`, all pages. Those of other addresses may be the partner's own.
async fn subscriptions(
    transport: &Transport,
    caller: Caller<'_>,
    path: &[&str],
) -> Result<Vec<WebhookJson>, HerokuError> {
    let mut known = Vec::new();
    let mut pages = Pages::new(Call::Webhooks);
    loop {
        let mut request = transport.to_api(Method::GET, caller.token, path)?;
        if let Some(range) = pages.range() {
            request = request.header(RANGE, range);
        }
        let answer = transport.send(request, caller.pool, Call::Webhooks).await?;
        known.extend(parse::<Vec<WebhookJson>>(&answer.body, Call::Webhooks)?);
        if !pages.turn(answer.status, &answer.headers)? {
            return Ok(known);
        }
    }
}
