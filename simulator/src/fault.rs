//! Faults of Heroku, and when they apply.

use std::collections::HashMap;
use std::time::Duration;

use super::Endpoint;
use super::shared::Shared;

/// A fault in an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// This status with an error body of Heroku's shape.
    Status(u16),
    /// This status with an error body of this `id`.
    Error {
        /// The status.
        status: u16,
        /// Heroku's or another's name for the error.
        id: String,
    },
    /// As [`Status`](Self::Status), without a `Request-Id`: the answer of a proxy in front of Heroku.
    StatusWithoutRequestId(u16),
    /// This status with an HTML page and without a `Request-Id`, as from a proxy in front of Heroku.
    Html(u16),
    /// 429 `rate_limit`, with a `Retry-After` header of this value if there is one.
    RateLimited {
        /// The header's value as it is sent, well-formed or not.
        retry_after: Option<String>,
    },
    /// The correct answer, delayed by this much by the simulator's clock.
    Slow(Duration),
    /// No answer; the connection stays open.
    Hang,
    /// The correct answer up to half of its body, under a `Content-Length` for all of it.
    Truncated,
    /// The connection is reset before the answer.
    Reset,
    /// 503 with an HTML page, as during maintenance.
    Html503,
    /// 200 with this body as JSON, valid or not.
    Body(String),
    /// 200 with a JSON array of this many bytes, nearly all of them white space, without a length.
    Oversized(usize),
    /// 200 with arrays nested a hundred thousand deep.
    NestedJson,
    /// The correct answer as 206, but without a `Next-Range`.
    PartialWithoutNextRange,
    /// The correct answer as 206, with a `Next-Range` that leads back to it.
    LoopingRange,
    /// 503 for this page of a list, counted from 1; the other pages are correct.
    FailOnPage(usize),
    /// 304 without a body, for any request.
    NotModified,
    /// 302 to this address.
    Redirect(String),
    /// The correct answer about another object: with another `id`, or that of another app for a list, or of
    /// another add-on for attachments.
    WrongId,
}

/// The faults that are switched on.
///
/// Given by [`Simulator::faults`](crate::Simulator::faults). Each endpoint has at most one. A fault of a
/// single endpoint takes precedence over one for [`Endpoint::Any`].
#[derive(Clone, Copy, Debug)]
pub struct Faults<'a> {
    shared: &'a Shared,
}

impl<'a> Faults<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// Switches a fault on, until it is cleared. It replaces the current fault of that endpoint.
    pub fn set(&self, endpoint: Endpoint, fault: Fault) {
        self.shared.state().faults.set(endpoint, fault, None);
    }

    /// Switches a fault on for the next `times` calls.
    pub fn set_times(&self, endpoint: Endpoint, fault: Fault, times: usize) {
        self.shared.state().faults.set(endpoint, fault, Some(times));
    }

    /// Switches off the fault that was set for exactly this endpoint.
    pub fn clear(&self, endpoint: Endpoint) {
        self.shared.state().faults.clear(endpoint);
    }

    /// Switches all faults off.
    pub fn clear_all(&self) {
        self.shared.state().faults.clear_all();
    }
}

/// The active faults. A fault of one endpoint takes precedence over that of all.
#[derive(Debug, Default)]
pub(super) struct FaultSwitches(HashMap<Endpoint, Switched>);

#[derive(Debug)]
struct Switched {
    fault: Fault,
    /// How many more times; `None` until it is switched off.
    left: Option<usize>,
}

impl FaultSwitches {
    pub(super) fn set(&mut self, endpoint: Endpoint, fault: Fault, left: Option<usize>) {
        if left == Some(0) {
            self.clear(endpoint);
        } else {
            self.0.insert(endpoint, Switched { fault, left });
        }
    }

    pub(super) fn clear(&mut self, endpoint: Endpoint) {
        self.0.remove(&endpoint);
    }

    pub(super) fn clear_all(&mut self) {
        self.0.clear();
    }

    /// The fault that is set for exactly `endpoint`.
    pub(super) fn shown(&self, endpoint: Endpoint) -> Option<&Fault> {
        self.0.get(&endpoint).map(|switched| &switched.fault)
    }

    /// The fault for an arrived call, counted as used. The page of a call is known only from its answer, so
    /// [`Fault::FailOnPage`] is counted by [`used`](Self::used).
    pub(super) fn take(&mut self, called: Endpoint) -> Option<Fault> {
        let fault = self.0.get(&self.due(called)?)?.fault.clone();
        if !matches!(fault, Fault::FailOnPage(_)) {
            self.used(called);
        }
        Some(fault)
    }

    /// Counts the fault that is due for `called` as used once.
    pub(super) fn used(&mut self, called: Endpoint) {
        let Some(due) = self.due(called) else { return };
        if let Some(left) = self.0.get_mut(&due).and_then(|it| it.left.as_mut()) {
            *left -= 1;
            if *left == 0 {
                self.0.remove(&due);
            }
        }
    }

    fn due(&self, called: Endpoint) -> Option<Endpoint> {
        let mut by_rank = [called, Endpoint::Any].into_iter();
        by_rank.find(|endpoint| self.0.contains_key(endpoint))
    }
}
