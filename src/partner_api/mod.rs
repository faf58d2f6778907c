//! The Add-on Partner API, version 3: the endpoints that Heroku calls to provision a resource, to
//! change its plan, and to deprovision it (feature `axum`).
//!
//! `POST /heroku/resources`, `PUT` and `DELETE /heroku/resources/:uuid`, all with HTTP Basic and the
//! manifest's `id` and `api.password`. Heroku delivers at least once, so each is idempotent by uuid:
//! an [`Addon`] must be too. Calls for one resource run one after the other. A call that waits longer than
//! ten seconds for the previous one gets 503. Source:
//! <https://devcenter.heroku.com/articles/add-on-partner-api-reference>.
//!
//! | call | answer |
//! | --- | --- |
//! | provision | 200, or 202 for [`Outcome::Later`]; 410 for a uuid that was deprovisioned; 422 for a malformed body or an [`AddonError::Rejected`]; 503 if Heroku does not accept the grant now, or for [`AddonError::TryLater`] |
//! | change the plan | 200 or 202; 404 for an unknown uuid, 410 for one that is or was deprovisioned; 422, 503 |
//! | deprovision | 204, or 202 for [`Outcome::Later`]; 404; 410 once it has succeeded; 422, 503 |
//! | any with a body that is larger than 64 KiB, or incomplete after ten seconds | 413, 408 |
//! | any, with wrong credentials | 401 |
//!
//! # Your own part
//! [`NoProvisioning`] does nothing. To create what a resource needs, implement [`Addon`]; its methods may be
//! `async fn`:
//!
//! ```
//! use tower_heroku_sso::HerokuSso;
//! use tower_heroku_sso::partner_api::{Addon, AddonError, Outcome, Provision};
//!
//! struct Queues;
//!
//! impl Addon for Queues {
//!     async fn provision(&self, request: Provision) -> Result<Outcome, AddonError> {
//!         let url = format!("amqps://queues.example.com/{}", request.uuid);
//!         Ok(Outcome::config([("ACME_QUEUES_URL".into(), url)]))
//!     }
//! }
//!
//! # fn routes(sso: &HerokuSso) -> axum::Router {
//! sso.routes().partner_api(Queues)
//! # }
//! ```
//!
//! After [`AddonError::Rejected`], a new resource is removed again. After [`AddonError::TryLater`] it stays
//! registered, as Heroku asks again with the same grant. If Heroku never provisions it, or you reject it in a
//! later call, [`deprovision`](crate::Resources::deprovision) it yourself.

mod addon;
mod basic_auth;
mod body;
mod requests;
mod routes;
mod webhook;

pub use addon::{Addon, AddonError, NoProvisioning, Outcome};
pub use requests::{PlanChange, Provision};
pub(crate) use routes::{RESOURCE, RESOURCES, resources};
pub(crate) use webhook::{WEBHOOKS, receive_webhook, webhooks};
