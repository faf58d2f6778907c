//! Webhooks: subscriptions of add-ons, and the notifications of changes.

pub(super) mod api;
mod delivery;
mod event;
mod handle;
mod notification;
mod queue;
mod queued;
mod request;
mod signature;
mod subscription;

pub(super) use delivery::deliver_automatically;
pub(super) use event::{Event, notify};
pub use handle::Webhooks;
pub use notification::{Delivery, Notification};
pub(super) use queue::WebhookQueue;
pub(super) use queued::{Action, Entity};
pub use subscription::{Webhook, WebhookLevel};
