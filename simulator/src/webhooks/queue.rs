//! All subscriptions, and the notifications that wait for delivery.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::Notify;
use uuid::Uuid;

use super::notification::Notification;
use super::queued::{Entity, Queued};
use super::subscription::Subscription;

#[derive(Debug, Default)]
pub(crate) struct WebhookQueue {
    of_addon: HashMap<Uuid, Vec<Subscription>>,
    /// Numbered in order.
    queue: VecDeque<(u64, Queued)>,
    last: u64,
    /// Whether notifications are delivered as soon as they are queued.
    automatic: bool,
    /// Signals that a notification can be delivered immediately.
    alarm: Arc<Notify>,
}

impl WebhookQueue {
    /// `automatically`: whether notifications are delivered as soon as they are queued.
    pub(crate) fn new(automatically: bool) -> Self {
        Self {
            automatic: automatically,
            ..Self::default()
        }
    }

    pub(super) fn of(&self, addon: Uuid) -> &[Subscription] {
        self.of_addon.get(&addon).map_or(&[], Vec::as_slice)
    }

    pub(super) fn find(&self, addon: Uuid, id: Uuid) -> Option<&Subscription> {
        self.of(addon).iter().find(|it| it.id == id)
    }

    pub(super) fn find_mut(&mut self, addon: Uuid, id: Uuid) -> Option<&mut Subscription> {
        let all = self.of_addon.get_mut(&addon)?;
        all.iter_mut().find(|it| it.id == id)
    }

    pub(super) fn add(&mut self, addon: Uuid, subscription: Subscription) {
        self.of_addon.entry(addon).or_default().push(subscription);
    }

    /// Ends a subscription, and drops its waiting notifications.
    pub(super) fn remove(&mut self, addon: Uuid, id: Uuid) {
        if let Some(all) = self.of_addon.get_mut(&addon) {
            all.retain(|it| it.id != id);
        }
        self.queue.retain(|it| it.1.webhook != id);
    }

    /// The subscriptions of an add-on to one kind of entity.
    pub(super) fn listening(&self, addon: Uuid, entity: Entity) -> Vec<Uuid> {
        let name = entity.include();
        let all = self.of(addon).iter();
        let listening = all.filter(|it| it.include.iter().any(|include| include == name));
        listening.map(|it| it.id).collect()
    }

    /// Whether an add-on has subscribed to one kind of entity.
    pub(crate) fn has_listener(&self, addon: Uuid, entity: Entity) -> bool {
        !self.listening(addon, entity).is_empty()
    }

    pub(super) fn enqueue(&mut self, new: Queued) {
        self.last += 1;
        self.queue.push_back((self.last, new));
        self.ring();
    }

    /// All waiting notifications, signed, in order.
    pub(super) fn pending(&self, http: &reqwest::Client) -> Vec<(u64, Notification)> {
        let waiting = self.queue.iter().filter_map(|(number, queued)| {
            let subscription = self.find(queued.addon, queued.webhook)?;
            let notification = Notification::new(http, queued, subscription);
            Some((*number, notification))
        });
        waiting.collect()
    }

    /// Removes a notification from the queue, if it is still there.
    pub(super) fn settle(&mut self, number: u64) {
        let place = self.queue.binary_search_by_key(&number, |it| it.0);
        if let Ok(place) = place {
            self.queue.remove(place);
        }
    }

    pub(super) fn clear_queue(&mut self) {
        self.queue.clear();
    }

    pub(super) fn set_automatic(&mut self, automatic: bool) {
        self.automatic = automatic;
        self.ring();
    }

    /// Whether a notification can be delivered immediately.
    pub(super) fn is_due(&self) -> bool {
        self.automatic && !self.queue.is_empty()
    }

    pub(super) fn alarm(&self) -> Arc<Notify> {
        Arc::clone(&self.alarm)
    }

    fn ring(&self) {
        if self.is_due() {
            self.alarm.notify_one();
        }
    }
}
