//! Webhooks as the handles show them.

use super::delivery;
use super::notification::{Delivery, Notification};
use super::subscription::{Subscription, Webhook};
use crate::{AddOn, Simulator};

impl Simulator {
    /// Sends every waiting notification, in order, and returns the result of each. A failed one stays in
    /// the queue if its webhook's level is `sync`.
    pub async fn deliver_webhooks(&self) -> Vec<Delivery> {
        delivery::deliver(&self.shared).await
    }

    /// Copies of all waiting notifications, in order. They stay in the queue.
    pub fn pending_webhooks(&self) -> Vec<Notification> {
        let state = self.shared.state();
        let pending = state.webhooks.pending(&self.shared.http).into_iter();
        pending.map(|(_, notification)| notification).collect()
    }

    /// The same, but removes them from the queue: to drop them, or to send them by hand.
    pub fn take_webhooks(&self) -> Vec<Notification> {
        let mut state = self.shared.state();
        let pending = state.webhooks.pending(&self.shared.http).into_iter();
        let taken = pending.map(|(_, notification)| notification).collect();
        state.webhooks.clear_queue();
        taken
    }

    /// Whether notifications are delivered automatically from now on, as soon as a change occurs. They are
    /// not by default. A failed one of the level `sync` is sent again every 5 seconds.
    pub fn deliver_webhooks_at_once(&self, at_once: bool) {
        self.shared.state().webhooks.set_at_once(at_once);
    }
}

impl AddOn {
    /// The webhooks that the partner has subscribed to for this add-on, the oldest first.
    pub fn webhooks(&self) -> Vec<Webhook> {
        let state = self.simulator.shared.state();
        let all = state.webhooks.of(self.id).iter();
        all.map(Subscription::shown).collect()
    }
}
