//! Webhooks: subscriptions of add-ons, and the notifications of changes.

pub(super) mod api;
pub(super) mod delivery;
mod event;
mod handle;
mod notification;
mod queue;
mod queued;
mod signature;
mod subscription;
mod wanted;

pub(super) use event::Event;
pub use notification::{Delivery, Notification};
pub(super) use queue::Webhooks;
pub(super) use queued::{Action, Entity};
pub use subscription::{Webhook, WebhookLevel};
