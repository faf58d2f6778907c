//! The webhooks of add-ons, and the notifications that wait for delivery.

use super::delivery;
use super::notification::{Delivery, Notification};
use super::subscription::{Subscription, Webhook};
use crate::AddOn;
use crate::shared::Shared;

/// The webhooks of add-ons, and the notifications that wait for delivery.
///
/// Given by [`Simulator::webhooks`](crate::Simulator::webhooks).
#[derive(Clone, Copy, Debug)]
pub struct Webhooks<'a> {
    shared: &'a Shared,
}

impl<'a> Webhooks<'a> {
    pub(crate) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// The webhooks that the partner has subscribed to for this add-on, the oldest first.
    pub fn of(&self, addon: &AddOn) -> Vec<Webhook> {
        let state = self.shared.state();
        let all = state.webhooks.of(addon.id).iter();
        all.map(Subscription::shown).collect()
    }

    /// Sends every waiting notification, in order, and returns the result of each. A failed one stays in
    /// the queue if its webhook's level is `sync`.
    pub async fn deliver(&self) -> Vec<Delivery> {
        delivery::deliver(self.shared).await
    }

    /// Copies of all waiting notifications, in order. They stay in the queue.
    pub fn pending(&self) -> Vec<Notification> {
        let state = self.shared.state();
        let pending = state.webhooks.pending(&self.shared.http).into_iter();
        pending.map(|(_, notification)| notification).collect()
    }

    /// The same, but removes them from the queue: to drop them, or to send them by hand.
    pub fn take(&self) -> Vec<Notification> {
        let mut state = self.shared.state();
        let pending = state.webhooks.pending(&self.shared.http).into_iter();
        let taken = pending.map(|(_, notification)| notification).collect();
        state.webhooks.clear_queue();
        taken
    }

    /// Whether notifications are delivered automatically from now on, as soon as a change occurs. They are
    /// not by default. A failed one of the level `sync` is sent again every 5 seconds.
    pub fn deliver_automatically(&self, automatically: bool) {
        let webhooks = &mut self.shared.state().webhooks;
        webhooks.set_automatic(automatically);
    }
}
