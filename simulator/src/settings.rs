//! The settings that can be changed while the simulator runs.

use std::time::Duration;

use super::ETags;
use super::shared::Shared;

/// The settings that can be changed while the simulator runs.
///
/// Given by [`Simulator::settings`](crate::Simulator::settings).
#[derive(Clone, Copy, Debug)]
pub struct Settings<'a> {
    shared: &'a Shared,
}

impl<'a> Settings<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self { shared }
    }

    /// Sets the base URL of the add-on, without a path.
    pub fn set_partner_url(&self, url: impl AsRef<str>) {
        self.shared.state().partner_url = without_slash(url.as_ref());
    }

    /// Sets the number of entries in a page of a list: 1 to 1000.
    pub fn set_page_size(&self, entries: usize) {
        self.shared.state().answers.page_size = entries;
    }

    /// Adds this latency to every call of the Platform API and of the token exchange, in real time: it
    /// simulates the network in benchmarks. Zero by default.
    pub fn set_latency(&self, latency: Duration) {
        self.shared.state().answers.latency = latency;
    }

    /// Shifts the `Date` header of all answers by this much, and nothing else.
    pub fn set_date_offset(&self, offset: time::Duration) {
        self.shared.state().answers.date_offset = offset;
    }

    /// The kind of `ETag` headers of answers from now on.
    pub fn set_etags(&self, etags: ETags) {
        self.shared.state().answers.etags = etags;
    }
}

/// The current settings of Heroku's answers.
#[derive(Debug)]
pub(super) struct AnswerSettings {
    pub(super) page_size: usize,
    pub(super) latency: Duration,
    pub(super) date_offset: time::Duration,
    pub(super) etags: ETags,
}

pub(super) fn without_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}
