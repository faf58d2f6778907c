//! The state of one resource.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::absence_mark::AbsenceMark;
use super::as_of::AsOf;
use super::attached_part::AttachedProgress;
use super::attempts::Attempts;
use super::cached_list::{CachedList, ListVersion};
use super::fetch_budgets::OwnBudgets;
use super::open_responses::OpenResponses;
use super::person_marks::{Marks, PersonMarks, Principal};
use crate::access::{Email, ListChange};
use crate::clock::{AtomicInstant, SharedClock};
use crate::heroku::RatePool;
use crate::ids::ResourceId;
use crate::store::author::{Absence, Revocation, Sequence};

/// One active or dormant resource.
pub(in crate::sync) struct Entry {
    pub(in crate::sync) id: ResourceId,
    /// When the sync fetches its list: the queue's own number.
    pub(in crate::sync) scheduled: AtomicU64,
    /// The calls that its token has left, if each token has its own pool.
    pub(in crate::sync) pool: Option<Box<RatePool>>,
    /// None before the first list, and after the resource's end. Written under the lock of `progress`.
    list: ArcSwapOption<CachedList>,
    progress: Mutex<Progress>,
    /// The responses of this resource that are still open.
    pub(in crate::sync) open_responses: OpenResponses,
    /// When this process first knew the resource.
    known_since: Duration,
    /// The time of the last request.
    last_used: AtomicInstant,
    /// When the access token expires, if that is known.
    token_ends: AtomicInstant,
    /// True if `progress` has pending removals, revocations or removals, so that requests need not lock it
    /// otherwise.
    has_marks: AtomicBool,
    /// True if the mark in `progress` says that the resource is dormant.
    is_dormant: AtomicBool,
    /// Created when the first stream begins.
    watchers: OnceLock<watch::Sender<()>>,
}

/// Few resources have a value of each boxed field, and a fleet has many resources.
pub(in crate::sync) struct Progress {
    /// Created when it is first drawn on.
    budgets: Option<Box<OwnBudgets>>,
    pub(in crate::sync) attempts: Attempts,
    pub(in crate::sync) ended: bool,
    /// When a webhook said that the list has changed and must be fetched again.
    pub(in crate::sync) forced_at: Option<Box<AsOf>>,
    pub(in crate::sync) grant_refused: Option<Box<GrantRefused>>,
    /// The last fetch failed because there were no usable tokens.
    pub(in crate::sync) blocked: bool,
    /// When a request last gave up waiting for a fetch.
    pub(in crate::sync) waited_in_vain_at: Option<Duration>,
    /// When to subscribe to its webhooks; none once the subscription is known to exist.
    pub(in crate::sync) subscribe_at: Option<Duration>,
    /// How often that failed with a temporary error.
    pub(in crate::sync) subscribe_failures: u32,
    /// What Heroku's answers say against the resource's existence.
    pub(in crate::sync) mark: Option<Box<AbsenceMark>>,
    /// None while there is nothing to record about attached apps.
    pub(in crate::sync) attached: Option<Box<AttachedProgress>>,
    people: Option<Box<PersonMarks>>,
}

/// Heroku refuses the refresh token.
#[derive(Clone, Copy, Debug)]
pub(in crate::sync) struct GrantRefused {
    pub(in crate::sync) times: u32,
    pub(in crate::sync) last_at: Duration,
    /// When the access token of the same grant expires. It identifies the grant: another grant has another
    /// expiry.
    pub(in crate::sync) token_end: OffsetDateTime,
}

impl Progress {
    pub(in crate::sync) fn budgets(&mut self, now: Duration) -> &mut OwnBudgets {
        self.budgets
            .get_or_insert_with(|| Box::new(OwnBudgets::full(now)))
    }

    /// What Heroku's answers say against the resource's existence.
    pub(in crate::sync) fn mark(&self) -> Option<AbsenceMark> {
        self.mark.as_deref().copied()
    }

    /// Records that the attachments have changed.
    pub(in crate::sync) fn note_attached_hint(&mut self, since: AsOf) {
        self.attached.get_or_insert_default().hinted_at = Some(since);
    }

    /// Records that attached apps could not be read.
    pub(in crate::sync) fn note_attached_failure(&mut self, now: Duration) {
        let attached = self.attached.get_or_insert_default();
        attached.attempts.note_failure(now);
    }

    /// How long attached apps are not read again after a failure.
    pub(in crate::sync) fn attached_back_off(&self, now: Duration) -> Duration {
        let attached = self.attached.as_ref();
        attached.map_or(Duration::ZERO, |it| it.attempts.back_off_left(now))
    }

    /// True if the attachments have changed and have not been read since.
    pub(in crate::sync) fn has_attached_hint(&self) -> bool {
        let attached = self.attached.as_ref();
        attached.is_some_and(|it| it.hinted_at.is_some())
    }

    /// Settles what this answer about attached apps answers.
    pub(in crate::sync) fn settle_attached(&mut self, asked_at: AsOf) {
        let is_open = |since: AsOf| asked_at.is_before(&since);
        let hinted_at = self.attached.take().and_then(|it| it.hinted_at);
        if let Some(since) = hinted_at.filter(|since| is_open(*since)) {
            self.note_attached_hint(since);
        }
    }

    fn people(&mut self) -> &mut PersonMarks {
        self.people.get_or_insert_default()
    }

    /// True if anything is recorded about people. Otherwise frees the memory.
    fn has_marks(&mut self) -> bool {
        self.people.take_if(|people| people.is_empty());
        self.people.is_some()
    }
}

impl Entry {
    pub(in crate::sync) fn new(id: ResourceId, pool: Option<RatePool>, now: Duration) -> Self {
        Self {
            id,
            scheduled: AtomicU64::new(0),
            pool: pool.map(Box::new),
            list: ArcSwapOption::empty(),
            progress: Mutex::new(Progress {
                budgets: None,
                attempts: Attempts::default(),
                ended: false,
                forced_at: None,
                grant_refused: None,
                blocked: false,
                waited_in_vain_at: None,
                subscribe_at: Some(Duration::ZERO),
                subscribe_failures: 0,
                mark: None,
                attached: None,
                people: None,
            }),
            open_responses: OpenResponses::default(),
            known_since: now,
            last_used: AtomicInstant::default(),
            token_ends: AtomicInstant::default(),
            has_marks: AtomicBool::new(false),
            is_dormant: AtomicBool::new(false),
            watchers: OnceLock::new(),
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
        self.used_within(span, now) || self.open_responses.any(now)
    }

    /// True if a list of this age was requested before this process knew the resource.
    pub(in crate::sync) fn is_younger_than(&self, list: Duration, now: Duration) -> bool {
        now.saturating_sub(self.known_since) < list
    }

    /// Records when the access token expires. True if another process has received the new grant that this
    /// resource needed.
    pub(in crate::sync) fn note_token_end(&self, at: OffsetDateTime, clock: &SharedClock) -> bool {
        let is_mended = {
            let mut progress = self.progress();
            let refused = progress.grant_refused.as_ref();
            let is_another = refused.is_some_and(|refused| refused.token_end != at);
            if is_another {
                (progress.blocked, progress.grant_refused) = (false, None);
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
    /// nothing if there is one already.
    pub(in crate::sync) fn note_pending_removal(&self, email: Email, since: AsOf) {
        let mut progress = self.progress();
        let list = self.list();
        if list.is_some_and(|list| !list.own_asked_at().is_before(&since)) {
            return;
        }
        progress.people().note_pending_removal(email, since);
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
    }

    /// Ends a person's earlier sessions. `keep_from` is when the oldest open session began.
    pub(in crate::sync) fn note_revocation(
        &self,
        revocation: Revocation,
        keep_from: OffsetDateTime,
    ) {
        let mut progress = self.progress();
        if !progress.people().note_revocation(revocation, keep_from) {
            return;
        }
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
    }

    /// Ends everybody's earlier sessions.
    pub(in crate::sync) fn note_revocation_of_all(&self, sequence: Sequence) {
        let mut progress = self.progress();
        if !progress.people().note_revocation_of_all(sequence) {
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
        if progress.people.is_none() && changes.is_empty() {
            return;
        }
        progress.people().note_removals(changes, list, now, longest);
        self.has_marks
            .store(progress.has_marks(), Ordering::Release);
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
        let people = progress.people.as_ref();
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
        let known = progress.mark();
        let mark = absence.map(|absence| AbsenceMark::new(absence, known.as_ref(), clock));
        progress.mark = mark.map(Box::new);
        let is_dormant = progress.mark.as_ref().is_some_and(|mark| mark.is_dormant());
        (
            self.is_dormant.swap(is_dormant, Ordering::AcqRel),
            is_dormant,
        )
    }

    /// Settles what a list answers that was requested at `asked_at`. True if the resource was dormant and is
    /// active again.
    pub(in crate::sync) fn settle(&self, progress: &mut Progress, asked_at: AsOf) -> bool {
        let is_answered = |since: &AsOf| !asked_at.is_before(since);
        if let Some(people) = &mut progress.people {
            people.settle(asked_at);
        }
        progress.forced_at.take_if(|since| is_answered(since));
        progress.attempts = Attempts::default();
        progress.waited_in_vain_at = None;
        progress.blocked = false;
        self.has_marks
            .store(progress.has_marks(), Ordering::Release);
        let mark = &mut progress.mark;
        mark.take_if(|mark| mark.absence.sequence <= asked_at.sequence);
        let is_dormant = progress.mark.as_ref().is_some_and(|mark| mark.is_dormant());
        self.is_dormant.swap(is_dormant, Ordering::AcqRel) && !is_dormant
    }

    pub(in crate::sync) fn watch(&self) -> watch::Receiver<()> {
        self.watchers
            .get_or_init(watch::Sender::default)
            .subscribe()
    }

    /// Wakes all watchers: the list, or the set of people with access, has changed.
    pub(in crate::sync) fn notify(&self) {
        if let Some(watchers) = self.watchers.get() {
            watchers.send_replace(());
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
