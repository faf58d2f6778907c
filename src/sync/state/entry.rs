//! The state of one resource.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use heroku_sso_store::{Absence, Email, ResourceId, Revocation, Sequence};
use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::absence_mark::AbsenceMark;
use super::as_of::AsOf;
use super::cached_list::{CachedList, ListVersion};
use super::person_marks::{Marks, Principal};
use super::progress::Progress;
use super::streams::Streams;
use crate::access::ListChange;
use crate::clock::{AtomicInstant, SharedClock};
use crate::heroku::RatePool;

/// One active or dormant resource.
pub(in crate::sync) struct Entry {
    pub(in crate::sync) id: ResourceId,
    /// When the sync fetches its list, as the queue counts time.
    pub(in crate::sync) scheduled: AtomicU64,
    /// The calls that its token has left, if each token has its own pool.
    pub(in crate::sync) pool: Option<Box<RatePool>>,
    /// None before the first list, and after the resource's end. Written under the lock of `progress`.
    list: ArcSwapOption<CachedList>,
    progress: Mutex<Progress>,
    /// The responses of this resource that are still open.
    pub(in crate::sync) streams: Streams,
    /// When this process first knew the resource.
    known_since: AtomicInstant,
    /// The time of the last request.
    last_used: AtomicInstant,
    /// When the access token expires, if that is known.
    token_ends: AtomicInstant,
    /// True if `progress` has pending removals, revocations or removals. Otherwise requests need not lock it.
    has_marks: AtomicBool,
    /// True if the mark in `progress` says that the resource is dormant.
    is_dormant: AtomicBool,
}

impl Entry {
    pub(in crate::sync) fn new(id: ResourceId, pool: Option<RatePool>, now: Duration) -> Self {
        let known_since = AtomicInstant::default();
        known_since.set(now);
        Self {
            id,
            scheduled: AtomicU64::new(0),
            pool: pool.map(Box::new),
            list: ArcSwapOption::empty(),
            progress: Mutex::default(),
            streams: Streams::default(),
            known_since,
            last_used: AtomicInstant::default(),
            token_ends: AtomicInstant::default(),
            has_marks: AtomicBool::new(false),
            is_dormant: AtomicBool::new(false),
        }
    }

    pub(in crate::sync) fn list(&self) -> Option<Arc<CachedList>> {
        self.list.load_full()
    }

    pub(in crate::sync) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock()
    }

    /// Swaps the list. The guard proves that no other thread does so.
    pub(in crate::sync) fn set(&self, _progress: &mut Progress, list: Option<Arc<CachedList>>) {
        self.list.store(list);
    }

    /// Records a request. True if there was none within `span` before it.
    pub(in crate::sync) fn touch(&self, span: Duration, now: Duration) -> bool {
        // No atomic swap: two concurrent requests may both see this, which is harmless.
        let was_used = self.last_used.is_within(span, now);
        self.last_used.set(now);
        !was_used
    }

    /// True while the resource is in use: by a request within `span`, or by a response that is still open.
    pub(in crate::sync) fn is_in_use(&self, span: Duration, now: Duration) -> bool {
        self.used_within(span, now) || self.streams.any(now)
    }

    /// True if a list of this age was requested before this process knew the resource.
    pub(in crate::sync) fn is_younger_than(&self, list_age: Duration, now: Duration) -> bool {
        let known_since = self.known_since.get().unwrap_or_default();
        now.saturating_sub(known_since) < list_age
    }

    /// Records when the access token expires. True if another process has received the new grant that this
    /// resource needed.
    pub(in crate::sync) fn note_token_end(&self, at: OffsetDateTime, clock: &SharedClock) -> bool {
        let is_mended = {
            let mut progress = self.progress();
            let refused = progress.noted().grant_refused;
            let is_another = refused.is_some_and(|refused| refused.token_end != at);
            if is_another {
                progress.blocked = false;
                progress.forget_refusal();
            }
            is_another
        };
        let left = Duration::try_from(at - clock.now()).unwrap_or(Duration::ZERO);
        self.token_ends.set(clock.elapsed() + left);
        is_mended
    }

    pub(in crate::sync) fn token_ends_at(&self) -> Option<Duration> {
        self.token_ends.get()
    }

    /// True if the resource had a request within `span`.
    pub(in crate::sync) fn used_within(&self, span: Duration, now: Duration) -> bool {
        self.last_used.is_within(span, now)
    }

    /// Marks a person's removal as pending until a list arrives that was requested after `since`. Does
    /// nothing if such a list is cached already.
    pub(in crate::sync) fn note_pending_removal(&self, email: Email, since: AsOf) {
        let mut progress = self.progress();
        let list = self.list();
        if list.is_some_and(|list| !list.own_asked_at().is_before(&since)) {
            return;
        }
        let people = progress.note().people.get_or_insert_default();
        people.note_pending_removal(email, since);
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
    }

    /// Ends a person's earlier sessions. Revocations from before `keep_from` are dropped: no session is that
    /// old.
    pub(in crate::sync) fn note_revocation(
        &self,
        revocation: Revocation,
        keep_from: OffsetDateTime,
    ) {
        let mut progress = self.progress();
        let people = progress.note().people.get_or_insert_default();
        if !people.note_revocation(revocation, keep_from) {
            return;
        }
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
    }

    /// Ends everybody's earlier sessions.
    pub(in crate::sync) fn note_revocation_of_all(&self, sequence: Sequence) {
        let mut progress = self.progress();
        let people = progress.note().people.get_or_insert_default();
        if !people.note_revocation_of_all(sequence) {
            return;
        }
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
    }

    /// Records the people whom a new list removes: [`PersonMarks::note_removals`].
    pub(in crate::sync) fn note_removals(
        &self,
        progress: &mut Progress,
        changes: &[ListChange],
        list: &CachedList,
        now: Duration,
        longest: Duration,
    ) {
        if progress.noted().people.is_none() && changes.is_empty() {
            return;
        }
        let marks = &mut progress.note().people;
        let people = marks.get_or_insert_default();
        people.note_removals(changes, list, now, longest);
        marks.take_if(|people| people.is_empty());
        self.has_marks.store(marks.is_some(), Ordering::Release);
        progress.tidy();
    }

    /// What is recorded about this person, whose session was admitted by a list of that version.
    pub(in crate::sync) fn marks_of(
        &self,
        who: &Principal<'_>,
        admitted_by: Option<ListVersion>,
    ) -> Marks {
        if !self.has_marks.load(Ordering::Acquire) {
            return Marks::default();
        }
        let progress = self.progress();
        let people = progress.noted().people.as_ref();
        people.map_or_else(Marks::default, |people| people.about(who, admitted_by))
    }

    /// While the resource is dormant, all access is denied.
    pub(in crate::sync) fn is_dormant(&self) -> bool {
        self.is_dormant.load(Ordering::Acquire)
    }

    /// Replaces the recorded absence of the resource, unless a list contradicts it. Returns whether the
    /// resource was dormant, and whether it is now.
    pub(in crate::sync) fn set_absence(
        &self,
        absence: Option<Absence>,
        clock: &SharedClock,
    ) -> (bool, bool) {
        let mut progress = self.progress();
        let list = self.list().map(|list| list.own_asked_at().sequence);
        let absence = absence.filter(|absence| list.is_none_or(|list| list < absence.sequence));
        let known = progress.noted().mark;
        let mark = absence.map(|absence| AbsenceMark::new(absence, known.as_ref(), clock));
        if mark.is_some() || known.is_some() {
            progress.note().mark = mark;
            progress.tidy();
        }
        let is_dormant = progress.is_dormant();
        (
            self.is_dormant.swap(is_dormant, Ordering::AcqRel),
            is_dormant,
        )
    }

    /// Settles what a list answers that was requested at `asked_at`. True if the resource was dormant and is
    /// active again.
    pub(in crate::sync) fn settle(&self, progress: &mut Progress, asked_at: AsOf) -> bool {
        progress.settle(asked_at);
        let has_marks = progress.noted().people.is_some();
        self.has_marks.store(has_marks, Ordering::Release);
        let is_dormant = progress.is_dormant();
        self.is_dormant.swap(is_dormant, Ordering::AcqRel) && !is_dormant
    }

    pub(in crate::sync) fn watch(&self) -> watch::Receiver<()> {
        self.streams.watch()
    }

    /// Wakes all watchers: the list, or the set of people with access, has changed.
    pub(in crate::sync) fn notify(&self) {
        self.streams.notify();
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
