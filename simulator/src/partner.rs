//! Heroku's side of the Partner API: the calls to an add-on.

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use time::UtcOffset;
use time::macros::{format_description, offset};
use uuid::Uuid;

use super::oauth::GRANT_LIFE;
use super::shared::Shared;
use super::world::{AddOnRecord, Presence};

const MEDIA_TYPE: &str = "application/vnd.heroku-addons+json; version=3";

/// The offset in the examples of Heroku's documentation; readers must not rely on it.
const GRANT_OFFSET: UtcOffset = offset!(-8);

/// The partner's answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PartnerAnswer {
    /// The status.
    pub status: u16,
    /// The body: JSON if it is valid JSON, otherwise the text, and null if it is empty.
    pub body: Value,
}

/// The partner gave no answer within 25 seconds, or no server listens at its address.
#[derive(Debug, thiserror::Error)]
#[error("the partner did not answer")]
pub struct PartnerUnreachable(#[source] reqwest::Error);

/// The body of the provisioning request, with a fresh grant.
pub(super) fn provisioning_body(shared: &Shared, addon: Uuid) -> Value {
    let format = format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory][offset_minute]"
    );
    let now = shared.clock.now();
    let expires_at = (now + GRANT_LIFE).to_offset(GRANT_OFFSET);
    let mut state = shared.state();
    let code = state.authorizations.grant(addon, now);
    let addon = state.world.addons.known(addon);
    json!({
        "uuid": addon.id,
        "name": addon.name,
        "callback_url": format!("{}/addons/{}", shared.url(), addon.id),
        "plan": addon.plan,
        "region": "amazon-web-services::us-east-1",
        "options": {},
        "oauth_grant": {
            "code": code,
            "type": "authorization_code",
            // Fails only for years beyond 9999.
            "expires_at": expires_at.format(&format).unwrap_or_default(),
        },
    })
}

/// `POST /heroku/resources`
pub(super) async fn provision(
    shared: &Shared,
    addon: Uuid,
    body: &Value,
) -> Result<PartnerAnswer, PartnerUnreachable> {
    let answer = call(shared, Method::POST, "", Some(body)).await?;
    if matches!(answer.status, 200..=202) {
        let provider_id = match &answer.body["id"] {
            Value::String(id) => Some(id.clone()),
            Value::Number(id) => Some(id.to_string()),
            _ => None,
        };
        let now = shared.now();
        let mut state = shared.state();
        let mut changes = state.changes(now);
        changes.change_addon(addon, |addon| {
            if let Some(id) = provider_id {
                addon.provider_id = id;
            }
            if let Value::String(url) = &answer.body["log_drain_url"] {
                addon.log_drain_url = Some(url.clone());
            }
            take_config(addon, &answer.body);
        });
        if answer.status != 202 {
            changes.change_presence(addon, Presence::Provisioned);
        }
    }
    Ok(answer)
}

/// `PUT /heroku/resources/:uuid`
pub(super) async fn change_plan(
    shared: &Shared,
    addon: Uuid,
    plan: &str,
) -> Result<PartnerAnswer, PartnerUnreachable> {
    let path = format!("/{addon}");
    let body = json!({ "plan": plan });
    let answer = call(shared, Method::PUT, &path, Some(&body)).await?;
    if answer.status == 200 {
        let now = shared.now();
        let mut state = shared.state();
        let mut changes = state.changes(now);
        changes.change_plan(addon, plan);
        changes.change_addon(addon, |addon| take_config(addon, &answer.body));
    }
    Ok(answer)
}

/// The config vars of a partner's answer.
fn take_config(addon: &mut AddOnRecord, answer: &Value) {
    for (name, value) in answer["config"].as_object().into_iter().flatten() {
        if let Value::String(value) = value {
            addon.config.insert(name.clone(), value.clone());
        }
    }
}

/// `DELETE /heroku/resources/:uuid`
pub(super) async fn deprovision(
    shared: &Shared,
    addon: Uuid,
) -> Result<PartnerAnswer, PartnerUnreachable> {
    let path = format!("/{addon}");
    let answer = call(shared, Method::DELETE, &path, None).await?;
    let now = shared.now();
    let mut state = shared.state();
    let mut changes = state.changes(now);
    match answer.status {
        200 | 204 | 410 => {
            changes.change_presence(addon, Presence::Removed);
            state.authorizations.revoke(addon);
        }
        // Until the partner calls `…/actions/deprovision`.
        202 => changes.change_presence(addon, Presence::Deprovisioning),
        _ => {}
    }
    drop(state);
    Ok(answer)
}

async fn call(
    shared: &Shared,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<PartnerAnswer, PartnerUnreachable> {
    let partner = shared.state().partner_url.clone();
    let url = format!("{partner}/heroku/resources{path}");
    let mut request = shared
        .http
        .request(method, url)
        .header(ACCEPT, MEDIA_TYPE)
        .basic_auth(&shared.slug, Some(&shared.password));
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.map_err(PartnerUnreachable)?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(PartnerUnreachable)?;
    let body = match text.as_str() {
        "" => Value::Null,
        json => serde_json::from_str(json).unwrap_or(Value::String(text)),
    };
    Ok(PartnerAnswer { status, body })
}
