//! Gives audit events to the partner's function, in a thread of its own: whatever the function does, no
//! request waits for it.

use std::fmt;
use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use super::AuditEvent;
use crate::meter;

/// How many events may wait for the function.
const WAITING: usize = 4096;

/// The partner's function.
#[derive(Clone)]
pub(crate) struct AuditFunction(Arc<dyn Fn(&AuditEvent) + Send + Sync>);

impl AuditFunction {
    pub(crate) fn new(function: impl Fn(&AuditEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(function))
    }
}

/// The queue to the thread. The thread ends when the last sender is dropped and the queue is empty.
#[derive(Clone)]
pub(crate) struct AuditHook(SyncSender<AuditEvent>);

impl AuditHook {
    /// Starts the thread.
    pub(crate) fn start(function: AuditFunction) -> io::Result<Self> {
        // From the start, so that an alert has a series to watch.
        meter::audit_events_dropped(0);
        let (sender, events) = sync_channel(WAITING);
        let thread = thread::Builder::new().name("heroku-sso-audit".to_owned());
        thread.spawn(move || call_for_each(&function, &events))?;
        Ok(Self(sender))
    }

    /// Never waits. An event for which there is no room is dropped.
    pub(super) fn send(&self, event: AuditEvent) {
        let dropped = match self.0.try_send(event) {
            Ok(()) => return,
            Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) => event,
        };
        meter::audit_events_dropped(1);
        tracing::error!(
            event_name = dropped.event.as_str(),
            "on_audit is too slow: {WAITING} events wait for it, and this one is dropped"
        );
    }
}

fn call_for_each(AuditFunction(function): &AuditFunction, events: &Receiver<AuditEvent>) {
    for event in events {
        // The function gets a reference and keeps no state of ours, so a panic leaves nothing half done here.
        let called = panic::catch_unwind(AssertUnwindSafe(|| function(&event)));
        if called.is_err() {
            tracing::error!(
                event_name = event.event.as_str(),
                "on_audit panicked; it is called again for the next event"
            );
        }
    }
}

impl fmt::Debug for AuditFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditFunction(..)")
    }
}

impl fmt::Debug for AuditHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuditHook(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use time::OffsetDateTime;

    use super::super::AuditKind;
    use super::*;

    #[test]
    fn slow_function_loses_events_beyond_the_queue() {
        let (go_on, wait) = channel::<()>();
        let wait = parking_lot::Mutex::new(wait);
        let (sender, called) = channel();
        let hook = AuditHook::start(AuditFunction::new(move |event| {
            // Until the other end is dropped.
            let _ = wait.lock().recv();
            sender.send(event.resources).unwrap();
        }));
        let hook = hook.unwrap();
        let at = OffsetDateTime::UNIX_EPOCH;
        let number = |number| AuditEvent {
            resources: Some(number),
            ..AuditEvent::new(AuditKind::DormancyBraked, at)
        };
        let most = WAITING as u64 + 1;
        for sent in 0..most + 10 {
            hook.send(number(sent));
        }
        drop((go_on, hook));
        let called: Vec<_> = called.into_iter().flatten().collect();
        // One with the function and the queue behind it; the thread may not have begun by then.
        assert!([most, most - 1].contains(&(called.len() as u64)));
        assert!(
            called.iter().copied().eq(0..called.len() as u64),
            "in order"
        );
    }
}
