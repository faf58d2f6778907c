//! Webhooks of Heroku: their content and their signature. Pure: no clock, no network.
//!
//! A notification is a reason to ask Heroku, never an answer. It is signed, but not dated; it may come
//! twice, late, or out of order. Team membership has no webhook at all, so lists are polled
//! as well.
//!
//! Source: <https://devcenter.heroku.com/articles/addon-webhooks>,
//! <https://devcenter.heroku.com/articles/app-webhooks>.

pub(crate) mod notification;
pub(crate) mod seen;
mod settings;
pub(crate) mod signature;

pub(crate) use notification::ChangeHint;
pub use settings::Webhooks;
