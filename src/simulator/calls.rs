//! What was asked of the simulator.

/// A part of Heroku that the simulator plays, as seen by an add-on.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Endpoint {
    /// `GET /addons/:id`
    AddOn,
    /// `GET /apps/:id`
    App,
    /// `GET /apps/:id/collaborators`
    Collaborators,
    /// `GET /teams/:id/members`
    TeamMembers,
    /// `POST /oauth/token`
    Token,
    /// All of the above. The dashboard and the calls to the partner are not among them.
    Any,
}

impl Endpoint {
    pub(super) fn covers(self, called: Endpoint) -> bool {
        self == Endpoint::Any || self == called
    }
}

/// One request that the simulator has received, in order of arrival.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RecordedRequest {
    /// The method, upper case.
    pub method: String,
    /// The path without the query.
    pub path: String,
    /// Whether an `Authorization` header came with it.
    pub had_token: bool,
    /// The status of the answer; `None` while there is none, and if the connection was cut instead.
    pub status: Option<u16>,
}

/// Requests in order of arrival, each noted before it is answered.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    next: u64,
    calls: Vec<(u64, Endpoint, RecordedRequest)>,
}

impl CallLog {
    /// Notes an arrival and returns its number.
    pub(super) fn arrived(&mut self, endpoint: Endpoint, request: RecordedRequest) -> u64 {
        self.next += 1;
        self.calls.push((self.next, endpoint, request));
        self.next
    }

    pub(super) fn answered(&mut self, number: u64, status: u16) {
        // Not there if the log was cleared while the call was under way.
        if let Ok(at) = self.calls.binary_search_by_key(&number, |call| call.0) {
            self.calls[at].2.status = Some(status);
        }
    }

    pub(super) fn count(&self, endpoint: Endpoint) -> usize {
        let counted = self.calls.iter().filter(|call| endpoint.covers(call.1));
        counted.count()
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        self.calls.iter().map(|call| call.2.clone()).collect()
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}
