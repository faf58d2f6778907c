//! The log of requests to the simulator.

use std::collections::{HashMap, VecDeque};

use super::shared::Shared;

/// An endpoint of Heroku that an add-on calls.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Endpoint {
    /// `GET /addons/:id`
    AddOn,
    /// `GET /apps/:id`
    App,
    /// `GET /apps/:id/collaborators`
    Collaborators,
    /// The same of an app that the caller's add-on is attached to, but not billed to.
    AttachedCollaborators,
    /// `GET /teams/:id/members`
    TeamMembers,
    /// `POST /oauth/token`
    Token,
    /// `GET /addons/:id/addon-attachments`
    Attachments,
    /// `GET` and `PATCH /addons/:id/config`
    Config,
    /// `POST /addons/:id/actions/provision` and `…/deprovision`
    Actions,
    /// `/addons/:id/webhooks` and the paths below it, by any method.
    Webhooks,
    /// All of the above. The dashboard and the calls to the partner are not among them.
    Any,
}

impl Endpoint {
    pub(super) fn covers(self, called: Endpoint) -> bool {
        self == Endpoint::Any || self == called
    }
}

/// One request that the simulator has received.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// The method, upper case.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// Whether the request had an `Authorization` header.
    pub had_token: bool,
    /// The status of the answer; `None` before the answer, and if the connection was cut instead.
    pub status: Option<u16>,
}

/// The requests that the simulator has received, without those of the dashboard.
///
/// Given by [`Simulator::calls`](crate::Simulator::calls).
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    shared: &'a Shared,
}

impl<'a> Calls<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// How often an endpoint was called, regardless of the answer.
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.shared.state().log.count(endpoint)
    }

    /// How often an endpoint answered with a status. Cut connections are not counted.
    pub fn count_answered(&self, endpoint: Endpoint, status: u16) -> usize {
        self.shared.state().log.count_answered(endpoint, status)
    }

    /// The requests so far, in order of arrival: the newest 10,000 of them.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().log.requests()
    }

    /// Clears the requests and the counts.
    pub fn clear(&self) {
        self.shared.state().log.clear();
    }
}

/// How many requests are kept, the newest ones; all are counted.
const KEPT: usize = 10_000;

/// Counts of all requests, and the newest ones in order of arrival, each noted before it is answered.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    /// The number of the last request.
    last: u64,
    /// The number of the last request that was cleared, with all before it.
    cleared: u64,
    /// Numbered without gaps up to `last`.
    newest: VecDeque<RecordedRequest>,
    calls: HashMap<Endpoint, usize>,
    answers: HashMap<(Endpoint, u16), usize>,
}

impl CallLog {
    /// Notes an arrival and returns its number.
    pub(super) fn arrived(&mut self, endpoint: Endpoint, request: RecordedRequest) -> u64 {
        self.last += 1;
        *self.calls.entry(endpoint).or_default() += 1;
        if self.newest.len() == KEPT {
            self.newest.pop_front();
        }
        self.newest.push_back(request);
        self.last
    }

    pub(super) fn answered(&mut self, number: u64, endpoint: Endpoint, status: u16) {
        // The log may have been cleared during the call.
        if number <= self.cleared {
            return;
        }
        *self.answers.entry((endpoint, status)).or_default() += 1;
        let age = usize::try_from(self.last - number).unwrap_or(usize::MAX);
        let place = self.newest.len().checked_sub(age.saturating_add(1));
        if let Some(request) = place.and_then(|place| self.newest.get_mut(place)) {
            request.status = Some(status);
        }
    }

    pub(super) fn count(&self, endpoint: Endpoint) -> usize {
        let counts = self.calls.iter();
        let covered = counts.filter(|(called, _)| endpoint.covers(**called));
        covered.map(|(_, count)| count).sum()
    }

    pub(super) fn count_answered(&self, endpoint: Endpoint, status: u16) -> usize {
        let counts = self.answers.iter();
        let covered = counts.filter(|((called, of), _)| endpoint.covers(*called) && *of == status);
        covered.map(|(_, count)| count).sum()
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.newest.iter().cloned().collect()
    }

    pub(super) fn clear(&mut self) {
        self.cleared = self.last;
        self.newest.clear();
        self.calls.clear();
        self.answers.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(number: u64) -> RecordedRequest {
        RecordedRequest {
            method: "GET".into(),
            path: format!("/{number}"),
            had_token: true,
            status: None,
        }
    }

    #[test]
    fn newest_requests_are_kept_and_all_are_counted() {
        let mut log = CallLog::default();
        let kept = KEPT as u64;
        for number in 1..=kept + 5 {
            assert_eq!(log.arrived(Endpoint::App, request(number)), number);
        }
        log.answered(3, Endpoint::App, 200); // is counted, though no longer kept
        log.answered(kept + 4, Endpoint::App, 304);
        assert_eq!(log.count(Endpoint::Any), KEPT + 5);
        assert_eq!(log.count(Endpoint::AddOn), 0);
        assert_eq!(log.count_answered(Endpoint::App, 200), 1);
        assert_eq!(log.count_answered(Endpoint::Any, 304), 1);
        let requests = log.requests();
        assert_eq!(requests.len(), KEPT);
        assert_eq!(requests[0].path, "/6");
        assert_eq!(requests[KEPT - 2].status, Some(304));
        assert!(requests[..KEPT - 2].iter().all(|it| it.status.is_none()));
    }

    #[test]
    fn answer_to_a_call_from_before_clear_is_not_counted() {
        let mut log = CallLog::default();
        let old = log.arrived(Endpoint::App, request(1));
        log.clear();
        let new = log.arrived(Endpoint::App, request(2));
        log.answered(old, Endpoint::App, 200);
        assert_eq!(log.count_answered(Endpoint::Any, 200), 0);
        log.answered(new, Endpoint::App, 200);
        assert_eq!(log.requests()[0].status, Some(200));
    }
}
