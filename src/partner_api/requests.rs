//! Heroku's requests. Unknown fields are accepted, as its reference requires.

use heroku_sso_store::ResourceId;
use secrecy::SecretString;
use serde::Deserialize;

/// A request to provision a resource.
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct Provision {
    /// The resource.
    pub uuid: ResourceId,
    /// The resource's name at Heroku.
    pub name: Option<String>,
    /// The plan, without the add-on's name before it.
    pub plan: Option<String>,
    /// The region of the app, such as `amazon-web-services::us-east-1`.
    pub region: Option<String>,
    /// The customer's options from the command line.
    #[serde(default)]
    pub options: serde_json::Value,
    /// The address of the resource in the Platform API.
    pub callback_url: Option<String>,
    /// Where to send log lines, if the manifest asks for it.
    pub log_input_url: Option<String>,
    /// The token that comes with each log line of the app: see
    /// [`Outcome::with_log_drain_url`](super::Outcome::with_log_drain_url).
    pub log_drain_token: Option<SecretString>,
    #[serde(default)]
    pub(super) oauth_grant: Option<GrantJson>,
}

/// `expires_at` is not read: Heroku has written it in forms that are not RFC 3339, and an expired code
/// is refused anyway.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GrantJson {
    pub(super) code: SecretString,
}

/// A request to change a resource's plan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PlanChange {
    /// The resource.
    pub resource: ResourceId,
    /// The requested plan.
    pub plan: String,
}

impl Provision {
    /// A request with only the resource, for a test of your [`Addon`](super::Addon).
    pub fn new(uuid: ResourceId) -> Self {
        Self {
            uuid,
            name: None,
            plan: None,
            region: None,
            options: serde_json::Value::Null,
            callback_url: None,
            log_input_url: None,
            log_drain_token: None,
            oauth_grant: None,
        }
    }
}

impl PlanChange {
    /// A request for this plan, for a test of your [`Addon`](super::Addon).
    pub fn new(resource: ResourceId, plan: impl Into<String>) -> Self {
        Self {
            resource,
            plan: plan.into(),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct PlanJson {
    pub(super) plan: String,
}
