//! The report, and what it says in words.

use std::collections::BTreeMap;
use std::fmt;

use heroku_sso_store::ResourceId;
use serde::Serialize;
use time::OffsetDateTime;

use super::counts::{ObservedDay, ObservedTotals};
use super::observations::Observations;
use crate::sync::Directory;

/// The largest share of undecided requests, in percent, with which the gate can be enforced. A greater share
/// has a cause that must be found first.
const MOST_UNDECIDED: u64 = 1;

/// Whether the gate can be enforced: what was observed, and what is missing. From
/// [`HerokuSso::readiness`](crate::HerokuSso::readiness).
///
/// It serializes to JSON, and `Display` says in words whether it is ready, or what is missing. It names no
/// person: the rejected users are in the audit log only. All counts are of this process since its start; with
/// several processes, add them up.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Readiness {
    /// True if nothing is [missing](Self::missing):
    /// - [`without_grant`](Self::without_grant), [`unregistered`](Self::unregistered) and
    ///   [`failing`](Self::failing) are empty;
    /// - [`not_fetched_yet`](Self::not_fetched_yet) and [`unsigned_sign_ins`](Self::unsigned_sign_ins) are 0;
    /// - at least one sign-in was allowed, of any resource;
    /// - at most 1 % of the requests and sign-ins were undecided.
    ///
    /// Whether to reject the users who are off their list is for you to decide: see
    /// [`off_list`](Self::off_list).
    pub ready: bool,
    /// The start of this process.
    #[serde(with = "time::serde::rfc3339")]
    pub observed_since: OffsetDateTime,
    /// Registered resources.
    pub resources: usize,
    /// How many of them have no list yet.
    pub without_list: usize,
    /// Those among them whose first fetch has not ended yet.
    pub not_fetched_yet: usize,
    /// Resources without tokens, or whose tokens Heroku refuses: register each with a new grant.
    pub without_grant: Vec<ResourceId>,
    /// Resources that Heroku signed a form for, and that are not registered; at most 10,000.
    pub unregistered: Vec<ResourceId>,
    /// The resources whose last fetch failed, other than for a grant; that of the team's members and of
    /// [attached apps](crate::HerokuSsoBuilder::include_attached_apps) included. With the kind of the error, as
    /// in the [metrics](crate::guide::observing#metrics).
    pub failing: BTreeMap<ResourceId, &'static str>,
    /// Sign-ins that the policy would have rejected, as Heroku had not signed the email.
    pub unsigned_sign_ins: u64,
    /// How many users of each resource are not on its list; at most 10,000 in total. The audit events
    /// `sign_in_observed` and `request_observed` of that resource name them.
    pub off_list: BTreeMap<ResourceId, usize>,
    /// What was observed, by day in UTC; the last 31 days.
    pub days: Vec<ObservedDay>,
}

impl Readiness {
    pub(crate) fn of(directory: &Directory, observations: &Observations) -> Self {
        let lists = directory.list_states(observations.unregistered());
        let mut readiness = Self {
            ready: false,
            observed_since: observations.since(),
            resources: lists.resources,
            without_list: lists.without_list,
            not_fetched_yet: lists.not_fetched_yet,
            without_grant: lists.without_grant,
            unregistered: lists.unregistered,
            failing: lists.failing.into_iter().collect(),
            unsigned_sign_ins: observations.unsigned_sign_ins(),
            off_list: observations.off_list(),
            days: observations.days(),
        };
        readiness.ready = readiness.missing().is_empty();
        readiness
    }

    /// All observed requests, without sign-ins.
    pub fn requests(&self) -> ObservedTotals {
        sum(self.days.iter().map(|day| &day.requests))
    }

    /// All observed sign-ins.
    pub fn sign_ins(&self) -> ObservedTotals {
        sum(self.days.iter().map(|day| &day.sign_ins))
    }

    /// What has to be done before the gate is enforced, in words; empty if nothing is missing.
    pub fn missing(&self) -> Vec<String> {
        let (requests, sign_ins) = (self.requests(), self.sign_ins());
        let mut missing = Vec::new();
        let mut note = |count: usize, one: &str, more: &str| match count {
            0 => {}
            1 => missing.push(format!("1 {one}")),
            _ => missing.push(format!("{count} {more}")),
        };
        note(
            self.without_grant.len(),
            "resource has no grant",
            "resources have no grant",
        );
        note(
            self.unregistered.len(),
            "resource with sign-ins is not registered",
            "resources with sign-ins are not registered",
        );
        note(
            self.failing.len(),
            "list could not be fetched",
            "lists could not be fetched",
        );
        note(
            self.not_fetched_yet,
            "list was not fetched yet",
            "lists were not fetched yet",
        );
        note(
            usize::try_from(self.unsigned_sign_ins).unwrap_or(usize::MAX),
            "sign-in had no email that Heroku signed",
            "sign-ins had no email that Heroku signed",
        );
        if sign_ins.allowed == 0 {
            missing.push("no sign-in was observed that the gate allows".to_owned());
        }
        let undecided = requests.undecided + sign_ins.undecided;
        if undecided * 100 > (requests.total() + sign_ins.total()) * MOST_UNDECIDED {
            missing.push(format!("{undecided} requests were undecided"));
        }
        missing
    }
}

impl fmt::Display for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let missing = self.missing();
        match missing.is_empty() {
            true => f.write_str("ready")?,
            false => write!(f, "not ready: {}", missing.join("; "))?,
        }
        let requests = self.requests();
        let (rejected, total) = (requests.rejected(), requests.total());
        let people = self.off_list.values().sum::<usize>();
        write!(
            f,
            ". Of {total} observed requests, {rejected} would have been rejected; people off their list: \
             {people}"
        )
    }
}

fn sum<'a>(parts: impl Iterator<Item = &'a ObservedTotals>) -> ObservedTotals {
    parts.fold(ObservedTotals::default(), ObservedTotals::plus)
}
