//! What is kept of one resource.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::absence::Mark;
use super::as_of::AsOf;
use super::cached_list::{CachedList, ListVersion};
use super::decide::{Marks, Principal};
use super::forced::OwnBudgets;
use super::plan::Attempts;
use super::readers::Readers;
use crate::access::Email;
use crate::clock::{AtomicInstant, SharedClock};
use crate::heroku::RatePool;
use crate::ids::{ResourceId, UserId};
use crate::store::{Absence, Revocation};

/// One active or dormant resource.
pub(super) struct Entry {
    pub(super) id: ResourceId,
    /// See [`Schedule`](super::schedule::Schedule).
    pub(super) scheduled: AtomicU64,
    /// The calls that its token has left, if pools are known to be apart.
    pub(super) pool: Option<RatePool>,
    /// None before the first list, and after the resource's end. Written under the lock of
    /// `progress`.
    held: ArcSwapOption<CachedList>,
    progress: Mutex<Progress>,
    /// What is still open of its responses.
    pub(super) readers: Readers,
    /// Since when this process has known the resource.
    known_since: Duration,
    /// The last request.
    last_used: AtomicInstant,
    /// When the access token ends, if that is known.
    token_ends: AtomicInstant,
    /// True if `progress` has doubts, revocations or removals, so that requests need not lock it.
    has_marks: AtomicBool,
    /// True if the mark in `progress` is that of a dormant resource.
    is_dormant: AtomicBool,
    /// Made when the first stream begins.
    watchers: OnceLock<watch::Sender<()>>,
}

pub(super) struct Progress {
    pub(super) budgets: OwnBudgets,
    pub(super) attempts: Attempts,
    pub(super) ended: bool,
    /// Since when Heroku has wanted the list fetched anew, by a webhook.
    pub(super) forced_at: Option<AsOf>,
    pub(super) grant_refused: Option<GrantRefused>,
    /// The last fetch failed for want of tokens.
    pub(super) blocked: bool,
    /// When somebody last gave up waiting for a fetch.
    pub(super) waited_in_vain_at: Option<Duration>,
    /// When to see to its webhooks; none once they are known to be subscribed to.
    pub(super) subscribe_at: Option<Duration>,
    /// How often that failed for what may pass.
    pub(super) subscribe_failures: u32,
    /// What Heroku says against its being there.
    pub(super) mark: Option<Mark>,
    doubts: Vec<Doubt>,
    revocations: Vec<Revocation>,
    removals: Vec<Removal>,
}

impl Progress {
    fn has_marks(&self) -> bool {
        !(self.doubts.is_empty() && self.revocations.is_empty() && self.removals.is_empty())
    }
}

/// Heroku does not accept the refresh token.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrantRefused {
    pub(super) times: u32,
    pub(super) last_at: Duration,
    /// When the access token beside it ends, by which it is known: those of another grant have another
    /// end.
    pub(super) token_end: OffsetDateTime,
}

/// Somebody who may have left: Heroku said so, and was not asked yet.
struct Doubt {
    email: Email,
    since: AsOf,
}

/// A person whom a list had, and the next one has not.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Removed {
    pub(super) email: Email,
    /// None for whatever account.
    pub(super) account: Option<UserId>,
}

impl Removed {
    fn is(&self, who: &Principal<'_>) -> bool {
        let account = self.account.as_ref();
        let is_same = account.is_none() || who.user_id.is_none() || who.user_id == account;
        self.email == *who.email && is_same
    }
}

/// That a list lacked a person whom the one before had.
struct Removal {
    person: Removed,
    /// Of the list that lacked them.
    list: ListVersion,
    is_confirmed: bool,
    /// When it was noted, by [`Clock::elapsed`](crate::Clock::elapsed).
    at: Duration,
}

impl Entry {
    pub(super) fn new(id: ResourceId, pool: Option<RatePool>, now: Duration) -> Self {
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

    pub(super) fn held(&self) -> Option<Arc<CachedList>> {
        self.held.load_full()
    }

    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock()
    }

    /// Swaps the list. The guard is the proof that nobody else does.
    pub(super) fn set(&self, _progress: &mut Progress, held: Option<Arc<CachedList>>) {
        self.held.store(held);
    }

    /// Takes note of a request. True if there was none within `span` before it.
    pub(super) fn touch(&self, span: Duration, now: Duration) -> bool {
        // No swap: of two requests at once both may find it so, which does no harm.
        let was_used = self.last_used.is_within(span, now);
        self.last_used.set(now);
        !was_used
    }

    /// True while somebody uses it: by a request within `span`, or by what is still open of a response.
    pub(super) fn is_in_use(&self, span: Duration, now: Duration) -> bool {
        self.used_within(span, now) || self.readers.any(now)
    }

    /// True if this process did not know the resource yet when a list of this age was asked for.
    pub(super) fn is_younger_than(&self, list: Duration, now: Duration) -> bool {
        now.saturating_sub(self.known_since) < list
    }

    pub(super) fn note_token_end(&self, at: Duration) {
        self.token_ends.set(at);
    }

    pub(super) fn token_ends_at(&self) -> Option<Duration> {
        self.token_ends.get()
    }

    /// True if it had a request within `span`.
    pub(super) fn used_within(&self, span: Duration, now: Duration) -> bool {
        self.last_used.is_within(span, now)
    }

    /// Doubts this person until a list arrives that was asked for since then. Does nothing if there is
    /// one.
    pub(super) fn doubt(&self, email: Email, since: AsOf) {
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

    /// What is noted of this person, whose session a list of that version admitted.
    pub(super) fn marks_of(&self, who: &Principal<'_>, admitted_by: Option<ListVersion>) -> Marks {
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

    /// Notes whom this list lacks and the one before had: sessions that an earlier list admitted are over,
    /// also if a later one has the person again. Who goes from one of Heroku's two lists to the other was
    /// never off both: that counts once both were asked for since. `longest` is how long a session can
    /// last.
    pub(super) fn note_removals(
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
            // A list without the team's members says nothing of them.
            let is_whole = !list.snapshot.list.is_partial();
            let is_since = is_whole && list.version().is_wholly_since(&known.list);
            let is_open = !known.is_confirmed && is_since;
            known.is_confirmed |= is_open;
            !is_open || !list.snapshot.list.has(&known.person.email)
        });
        let has_marks = progress.has_marks();
        self.has_marks.store(has_marks, Ordering::Release);
    }

    /// Ends this person's sessions from before; `keep_from` is when the oldest live session began.
    pub(super) fn revoke(&self, revocation: Revocation, keep_from: OffsetDateTime) {
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

    /// Nobody passes while it is.
    pub(super) fn is_dormant(&self) -> bool {
        self.is_dormant.load(Ordering::Acquire)
    }

    /// Replaces what is said against the resource's being there, as far as no list contradicts it.
    /// Returns whether it was dormant, and whether it is.
    pub(super) fn set_absence(
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

    /// Settles what a list answers that was asked for at `asked_at`. True if the resource was dormant,
    /// and is not any more.
    pub(super) fn settle(&self, progress: &mut Progress, asked_at: AsOf) -> bool {
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

    pub(super) fn watch(&self) -> watch::Receiver<()> {
        self.watchers
            .get_or_init(watch::Sender::default)
            .subscribe()
    }

    /// Wakes whoever watches: the list, or who may use it, is another.
    pub(super) fn notify(&self) {
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
