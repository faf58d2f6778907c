//! A Heroku simulator: a server on loopback that plays Heroku's side of an add-on.
//!
//! It answers the Platform API calls behind an access list and the token exchange of `id.heroku.com`. It
//! accepts webhook subscriptions, calls the Partner API as Heroku does, signs SSO forms, and has a
//! dashboard page for people. Apps, teams and their users can be changed while it runs, and there can be a
//! hundred thousand of them. Faults make it slow, broken or hostile. A test can give it a clock
//! ([`SimulatorBuilder::clock`]), so that no test has to wait. It implements the signing formulas
//! separately, and works with add-ons in any language.
//!
//! It is for tests and demonstrations only: a client that reaches its port can sign in as any user.
//!
//! ```
//! # async fn doc() -> Result<(), Box<dyn std::error::Error>> {
//! use heroku_addon_simulator::{Endpoint, Fault, Simulator};
//!
//! let heroku = Simulator::start().await?;
//! let app = heroku.app("shop").collaborator("ann@example.com");
//! let addon = app.addon();
//!
//! let form = addon.sign_in_form("ann@example.com"); // what the browser would post
//! app.remove("ann@example.com"); // the next answer for the app's collaborators lacks her
//! heroku.faults().set(Endpoint::Any, Fault::Reset); // and now Heroku is down
//! # let _ = form;
//! # Ok(())
//! # }
//! ```

mod accounts;
mod addon;
mod app;
mod attachments;
mod body;
mod builder;
mod caller;
mod calls;
mod changes;
mod clock;
mod connection;
mod dashboard;
mod demo;
mod etag;
mod fault;
mod fault_answer;
mod guard;
mod oauth;
mod paging;
mod partner;
mod platform_api;
mod provisioning;
mod rate_pools;
mod refusal;
mod server;
mod settings;
mod shared;
mod sign_in;
mod simulator;
mod state;
mod team;
mod token;
mod token_exchange;
mod webhooks;
mod world;

pub use accounts::Accounts;
pub use addon::{AddOn, AddOnInfo};
pub use app::App;
pub use builder::SimulatorBuilder;
pub use calls::{Calls, Endpoint, RecordedRequest};
pub use etag::ETags;
pub use fault::{Fault, Faults};
pub use oauth::Tokens;
pub use partner::{PartnerAnswer, PartnerUnreachable};
pub use rate_pools::{RateLimit, RatePools};
pub use settings::Settings;
pub use sign_in::{SignIn, SignInForm};
pub use simulator::Simulator;
pub use team::Team;
pub use webhooks::{Delivery, Notification, Webhook, WebhookLevel, Webhooks};

/// The README's example, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
