//! Sends the notifications in the queue.

use std::sync::Arc;
use std::time::Duration;

use super::notification::Delivery;
use super::subscription::WebhookLevel;
use crate::shared::Shared;

/// How long after a failure the simulator retries automatically. Heroku waits longer each time, and gives
/// up after 72 hours.
const RETRY: Duration = Duration::from_secs(5);

/// Sends all waiting notifications, one after the other. An accepted notification, and one that is tried
/// only once, leaves the queue; a failure does not delay later notifications.
pub(super) async fn deliver(shared: &Shared) -> Vec<Delivery> {
    let _turn = shared.delivering.lock().await;
    let pending = shared.state().webhooks.pending(&shared.http);
    let mut deliveries = Vec::with_capacity(pending.len());
    for (number, notification) in pending {
        let delivery = notification.send().await;
        if delivery.succeeded() || notification.level() == WebhookLevel::Notify {
            shared.state().webhooks.settle(number);
        }
        deliveries.push(delivery);
    }
    deliveries
}

/// Delivers automatically while that is switched on, until the simulator stops.
pub(crate) async fn deliver_automatically(shared: Arc<Shared>) {
    let alarm = shared.state().webhooks.alarm();
    loop {
        // Now the queue has only failed notifications, or new ones that have sent a signal already.
        let retry = shared.state().webhooks.is_due();
        tokio::select! {
            () = alarm.notified() => {}
            () = shared.clock.sleep(RETRY), if retry => {}
            () = shared.stopped() => return,
        }
        let due = shared.state().webhooks.is_due();
        if due {
            tokio::select! {
                _ = deliver(&shared) => {}
                () = shared.stopped() => return,
            }
        }
    }
}
