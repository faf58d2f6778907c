//! The state of one resource.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::as_of::AsOf;
use super::cached_list::{CachedList, ListVersion};
use super::open_responses::Readers;
use crate::access::Email;
use crate::clock::{AtomicInstant, SharedClock};
use crate::heroku::RatePool;
use crate::ids::{ResourceId, UserId};
use crate::store::{Absence, Revocation};
use crate::sync::decision::decide::{Marks, Principal};
use crate::sync::lifecycle::absence::Mark;
use crate::sync::schedule::policy::Attempts;
use crate::sync::schedule::rate_limits::OwnBudgets;

/// One active or dormant resource.
pub(in crate::sync) struct Entry {
    pub(in crate::sync) id: ResourceId,
    /// See [`Schedule`](crate::sync::schedule::queue::Schedule).
    pub(in crate::sync) scheduled: AtomicU64,
    /// The calls that its token has left, if each token has its own pool.
    pub(in crate::sync) pool: Option<RatePool>,
    /// None before the first list, and after the resource's end. Written under the lock of `progress`.
    held: ArcSwapOption<CachedList>,
    progress: Mutex<Progress>,
    /// The responses of this resource that are still open.
    pub(in crate::sync) readers: Readers,
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

pub(in crate::sync) struct Progress {
    pub(in crate::sync) budgets: OwnBudgets,
    pub(in crate::sync) attempts: Attempts,
    pub(in crate::sync) ended: bool,
    /// When a webhook said that the list has changed and must be fetched again.
    pub(in crate::sync) forced_at: Option<AsOf>,
    pub(in crate::sync) grant_refused: Option<GrantRefused>,
    /// The last fetch failed because there were no usable tokens.
    pub(in crate::sync) blocked: bool,
    /// When a request last gave up waiting for a fetch.
    pub(in crate::sync) waited_in_vain_at: Option<Duration>,
    /// When to subscribe to its webhooks; none once the subscription is known to exist.
    pub(in crate::sync) subscribe_at: Option<Duration>,
    /// How often that failed with a temporary error.
    pub(in crate::sync) subscribe_failures: u32,
    /// What Heroku's answers say against the resource's existence.
    pub(in crate::sync) mark: Option<Mark>,
    doubts: Vec<Doubt>,
    revocations: Vec<Revocation>,
    removals: Vec<Removal>,
}

impl Progress {
    fn has_marks(&self) -> bool {
        !(self.doubts.is_empty() && self.revocations.is_empty() && self.removals.is_empty())
    }
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

/// A person who may have left: Heroku said so, and has not been asked since.
struct Doubt {
    email: Email,
    since: AsOf,
}

/// A person whom a list had, and the next one lacks.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::sync) struct Removed {
    pub(in crate::sync) email: Email,
    /// None for any account.
    pub(in crate::sync) account: Option<UserId>,
}

impl Removed {
    fn is(&self, who: &Principal<'_>) -> bool {
        let account = self.account.as_ref();
        let is_same = account.is_none() || who.user_id.is_none() || who.user_id == account;
        self.email == *who.email && is_same
    }
}

/// A list lacked a person whom the previous one had.
struct Removal {
    person: Removed,
    /// The version of the list that lacked them.
    list: ListVersion,
    is_confirmed: bool,
    /// When it was recorded, by [`Clock::elapsed`](crate::Clock::elapsed).
    at: Duration,
}

impl Entry {
    pub(in crate::sync) fn new(id: ResourceId, pool: Option<RatePool>, now: Duration) -> Self {
        Self {
            id,
            scheduled: AtomicU64::new(0),
            pool,
            held: ArcSwapOption::empty(),
            progress: Mutex::new(Progress {
                budgets: OwnBudgets::full(now),
                attempts: Attempts::default(),
                ended: false,
                forced_at: None,
                grant_refused: None,
                blocked: false,
                waited_in_vain_at: None,
                subscribe_at: Some(Duration::ZERO),
                subscribe_failures: 0,
                mark: None,
                doubts: Vec::new(),
                revocations: Vec::new(),
                removals: Vec::new(),
            }),
            readers: Readers::default(),
            known_since: now,
            last_used: AtomicInstant::default(),
            token_ends: AtomicInstant::default(),
            has_marks: AtomicBool::new(false),
            is_dormant: AtomicBool::new(false),
            watchers: OnceLock::new(),
        }
    }

    pub(in crate::sync) fn held(&self) -> Option<Arc<CachedList>> {
        self.held.load_full()
    }

    pub(in crate::sync) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock()
    }

    /// Swaps the list. The guard proves that no other thread does so.
    pub(in crate::sync) fn set(&self, _progress: &mut Progress, held: Option<Arc<CachedList>>) {
        self.held.store(held);
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
        self.used_within(span, now) || self.readers.any(now)
    }

    /// True if a list of this age was requested before this process knew the resource.
    pub(in crate::sync) fn is_younger_than(&self, list: Duration, now: Duration) -> bool {
        now.saturating_sub(self.known_since) < list
    }

    pub(in crate::sync) fn note_token_end(&self, at: Duration) {
        self.token_ends.set(at);
    }

    pub(in crate::sync) fn token_ends_at(&self) -> Option<Duration> {
        self.token_ends.get()
    }

    /// True if the resource had a request within `span`.
    pub(in crate::sync) fn used_within(&self, span: Duration, now: Duration) -> bool {
        self.last_used.is_within(span, now)
    }

    /// Marks this person's removal as pending, until a list arrives that was requested after `since`. Does
    /// nothing if there is one already.
    pub(in crate::sync) fn doubt(&self, email: Email, since: AsOf) {
        let mut progress = self.progress();
        let held = self.held();
        if held.is_some_and(|held| !held.own_asked_at().is_before(&since)) {
            return;
        }
        progress.doubts.retain(|doubt| doubt.email != email);
        progress.doubts.push(Doubt { email, since });
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
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
        let mut pending = progress.doubts.iter();
        let mut revocations = progress.revocations.iter();
        let mut removals = progress.removals.iter();
        Marks {
            pending_removal: pending
                .find(|doubt| doubt.email == *who.email)
                .map(|doubt| doubt.since),
            revoked: revocations
                .find(|known| known.email == *who.email)
                .map(|known| known.ticket),
            was_removed: admitted_by.is_some_and(|list| {
                removals.any(|known| {
                    known.is_confirmed && known.person.is(who) && list.is_outdated_by(&known.list)
                })
            }),
        }
    }

    /// Records the people whom this list lacks and the previous one had. Sessions that an earlier list
    /// admitted are over, even if a later list has the person again. A person who moves from one of Heroku's
    /// two lists to the other was never off both; that is decided once both lists were requested since.
    /// `longest` is how long a session can last.
    pub(in crate::sync) fn note_removals(
        &self,
        progress: &mut Progress,
        people: impl Iterator<Item = Removed>,
        list: &CachedList,
        now: Duration,
        longest: Duration,
    ) {
        let removals = &mut progress.removals;
        removals.retain(|known| now.saturating_sub(known.at) <= longest);
        for person in people {
            removals.push(Removal {
                is_confirmed: person.account.is_some(),
                person,
                list: list.version(),
                at: now,
            });
        }
        removals.retain_mut(|known| {
            // A list without the team's members is no evidence about them.
            let is_whole = !list.snapshot.list.is_partial();
            let is_since = is_whole && list.version().is_wholly_since(&known.list);
            let is_open = !known.is_confirmed && is_since;
            known.is_confirmed |= is_open;
            !is_open || !list.snapshot.list.has(&known.person.email)
        });
        let has_marks = progress.has_marks();
        self.has_marks.store(has_marks, Ordering::Release);
    }

    /// Ends this person's earlier sessions. `keep_from` is when the oldest open session began.
    pub(in crate::sync) fn revoke(&self, revocation: Revocation, keep_from: OffsetDateTime) {
        let mut progress = self.progress();
        let outlived = |known: &Revocation| known.at < keep_from;
        let same = |known: &Revocation| known.email == revocation.email;
        progress.revocations.retain(|known| !outlived(known));
        let known = progress.revocations.iter_mut().find(|known| same(known));
        match known {
            Some(known) if known.ticket >= revocation.ticket => return,
            Some(known) => *known = revocation,
            None => progress.revocations.push(revocation),
        }
        self.has_marks.store(true, Ordering::Release);
        drop(progress);
        self.notify();
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
        let list = self.held().map(|held| held.own_asked_at().ticket);
        let absence = absence.filter(|absence| list.is_none_or(|list| list < absence.ticket));
        let known = progress.mark.take();
        progress.mark = absence.map(|absence| Mark::new(absence, known.as_ref(), clock));
        let is_dormant = progress.mark.is_some_and(|mark| mark.is_dormant());
        (
            self.is_dormant.swap(is_dormant, Ordering::AcqRel),
            is_dormant,
        )
    }

    /// Settles what a list answers that was requested at `asked_at`. True if the resource was dormant and is
    /// active again.
    pub(in crate::sync) fn settle(&self, progress: &mut Progress, asked_at: AsOf) -> bool {
        let is_answered = |since: &AsOf| !asked_at.is_before(since);
        progress.doubts.retain(|doubt| !is_answered(&doubt.since));
        progress.forced_at = progress.forced_at.filter(|since| !is_answered(since));
        progress.attempts = Attempts::default();
        progress.waited_in_vain_at = None;
        progress.blocked = false;
        let has_marks = progress.has_marks();
        self.has_marks.store(has_marks, Ordering::Release);
        let mark = progress.mark;
        progress.mark = mark.filter(|mark| mark.absence.ticket > asked_at.ticket);
        let is_dormant = progress.mark.is_some_and(|mark| mark.is_dormant());
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
