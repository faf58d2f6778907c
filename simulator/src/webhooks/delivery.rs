//! Sends what waits in the queue.

use std::sync::Arc;
use std::time::Duration;

use super::notification::Delivery;
use super::subscription::WebhookLevel;
use crate::shared::Shared;

/// How long after a failure the simulator tries again by itself. Heroku waits longer each time, and
/// gives up after 72 hours.
const RETRY: Duration = Duration::from_secs(5);

/// Sends everything that waits now, one after the other. What is taken, and what is to be tried only
/// once, is out of the queue then; a failure does not hold up what comes after it.
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

/// Delivers by itself whenever that is switched on, until the simulator stops.
pub(crate) async fn deliver_at_once(shared: Arc<Shared>) {
    let alarm = shared.state().webhooks.alarm();
    loop {
        // Only failures are left in the queue by now, or what has rung the alarm already.
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
