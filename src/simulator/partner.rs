//! Heroku's side of the Partner API: the calls that an add-on gets.

use reqwest::Method;
use reqwest::header::ACCEPT;
use serde_json::{Value, json};
use time::UtcOffset;
use time::macros::{format_description, offset};

use super::AddOn;
use super::oauth::GRANT_LIFE;
use super::state::Presence;

const MEDIA_TYPE: &str = "application/vnd.heroku-addons+json; version=3";

/// Heroku's own offset in the example of its documents: not the one a reader may count on.
const GRANT_OFFSET: UtcOffset = offset!(-8);

/// What the partner answered.
#[derive(Clone, Debug, PartialEq)]
pub struct PartnerAnswer {
    /// The status.
    pub status: u16,
    /// The body: JSON if it is any, else the text, and null if it is empty.
    pub body: Value,
}

/// The partner gave no answer within 25 seconds, or there is nobody at its address.
#[derive(Debug, thiserror::Error)]
#[error("the partner did not answer")]
pub struct PartnerUnreachable(#[source] reqwest::Error);

impl AddOn {
    /// The body of the provisioning request, with a fresh grant each time.
    pub fn provisioning_body(&self) -> Value {
        let shared = &self.simulator.shared;
        let format = format_description!(
            "[year]-[month]-[day]T[hour]:[minute]:[second][offset_hour sign:mandatory][offset_minute]"
        );
        let code = self.grant_code();
        let expires_at = (shared.clock.now() + GRANT_LIFE).to_offset(GRANT_OFFSET);
        let addon = self.with(|addon| addon.clone());
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

    /// Provisions the add-on at the partner: `POST /heroku/resources`. On 200 or 201 it is
    /// provisioned; on 202 it goes on provisioning; on anything else nothing changes.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer. A refusal is an answer.
    pub async fn provision(&self) -> Result<PartnerAnswer, PartnerUnreachable> {
        self.provision_with(|_| ()).await
    }

    /// The same, with a body that was changed before it is sent.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn provision_with(
        &self,
        edit: impl FnOnce(&mut Value),
    ) -> Result<PartnerAnswer, PartnerUnreachable> {
        let mut body = self.provisioning_body();
        edit(&mut body);
        let answer = self.call(Method::POST, "", Some(&body)).await?;
        if matches!(answer.status, 200..=202) {
            let provider_id = match &answer.body["id"] {
                Value::String(id) => Some(id.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            };
            self.change(|addon| {
                if let Some(id) = provider_id {
                    addon.provider_id = id;
                }
                if answer.status != 202 {
                    addon.presence = Presence::Provisioned;
                }
            });
        }
        Ok(answer)
    }

    /// Tells the partner of another plan: `PUT /heroku/resources/:uuid`. On 200 it is the plan.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn change_plan(&self, plan: &str) -> Result<PartnerAnswer, PartnerUnreachable> {
        let path = format!("/{}", self.id);
        let body = json!({ "plan": plan });
        let answer = self.call(Method::PUT, &path, Some(&body)).await?;
        if answer.status == 200 {
            self.change(|addon| addon.plan = plan.to_owned());
        }
        Ok(answer)
    }

    /// Takes the add-on away at the partner: `DELETE /heroku/resources/:uuid`. On 200, 204 or 410
    /// the API answers 404 for it from then on, and its tokens are refused.
    ///
    /// # Errors
    /// [`PartnerUnreachable`] if there is no answer.
    pub async fn deprovision(&self) -> Result<PartnerAnswer, PartnerUnreachable> {
        let path = format!("/{}", self.id);
        let answer = self.call(Method::DELETE, &path, None).await?;
        if matches!(answer.status, 200 | 204 | 410) {
            self.remove();
            self.simulator.revoke_tokens(self);
        }
        Ok(answer)
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<PartnerAnswer, PartnerUnreachable> {
        let shared = &self.simulator.shared;
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
}
