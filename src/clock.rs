//! Where the time comes from.
//!
//! Every part takes a [`Clock`], so that a test can move the time instead of waiting for it.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use time::OffsetDateTime;
use tokio::sync::watch;

/// A source of time: what the wall says, and how much time has passed.
///
/// The two are apart because a wall clock can be set: intervals and ages also look at
/// [`elapsed`](Self::elapsed), which only ever grows.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Wall-clock time, for timestamps that others see (SSO requests, cookies, expiry).
    fn now(&self) -> OffsetDateTime;

    /// Time since some fixed moment of this process; never goes back.
    fn elapsed(&self) -> Duration;

    /// Resolves when [`elapsed`](Self::elapsed) has grown by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>>;
}

/// The clock of the machine. The default everywhere.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// What both readings of a clock are at one moment, so that a request asks for each of them once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading {
    /// See [`Clock::now`].
    pub(crate) now: OffsetDateTime,
    /// See [`Clock::elapsed`].
    pub(crate) elapsed: Duration,
}

impl Reading {
    pub(crate) fn of(clock: &SharedClock) -> Self {
        Self {
            now: clock.now(),
            elapsed: clock.elapsed(),
        }
    }
}

/// For a log line that is worth saying again, but not each time that somebody causes it.
#[derive(Debug, Default)]
pub(crate) struct LogThrottle(Mutex<Option<Duration>>);

impl LogThrottle {
    /// True once, and once an hour from then on.
    pub(crate) fn is_due(&self, clock: &SharedClock) -> bool {
        let now = clock.elapsed();
        let mut last = self.0.lock();
        let is_due = last.is_none_or(|last| now >= last + Duration::from_secs(60 * 60));
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// A number that is greater in every later process on this machine, unless its clock was set back in
/// between.
pub(crate) fn unix_microseconds() -> i64 {
    let microseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000;
    i64::try_from(microseconds).unwrap_or(i64::MAX / 2)
}

/// A moment of [`Clock::elapsed`], or none, that threads share without a lock. To the millisecond.
#[derive(Debug, Default)]
pub(crate) struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub(crate) fn get(&self) -> Option<Duration> {
        // Zero stands for none.
        let millis = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(millis))
    }

    pub(crate) fn set(&self, at: Duration) {
        let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        self.0.store(millis.saturating_add(1), Ordering::Relaxed);
    }

    /// True if it is at most `span` before `now`.
    pub(crate) fn is_within(&self, span: Duration, now: Duration) -> bool {
        self.get().is_some_and(|at| now <= at + span)
    }
}

/// A clock that stands still until a test moves it. Clones share the time.
///
/// To see a session live on, advance in steps shorter than the refresh interval and let the sync run
/// in between: after one jump of more than `in_use_for` the resource counts as unused.
///
/// ```
/// use std::time::Duration;
/// use tower_heroku_sso::{Clock, ManualClock};
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(300));
/// assert_eq!(clock.now() - before, Duration::from_secs(300));
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    wall: Arc<Mutex<OffsetDateTime>>,
    elapsed: Arc<watch::Sender<Duration>>,
}

impl ManualClock {
    /// A clock that shows the machine's time of this moment, and stands there.
    pub fn new() -> Self {
        Self::at(OffsetDateTime::now_utc())
    }

    /// A clock that shows `now`.
    pub fn at(now: OffsetDateTime) -> Self {
        Self {
            wall: Arc::new(Mutex::new(now)),
            elapsed: Arc::new(watch::Sender::new(Duration::ZERO)),
        }
    }

    /// The time as a function, for what takes one as its clock: the simulator of
    /// `heroku-addon-simulator`, say, which then follows this clock.
    pub fn reader(&self) -> impl Fn() -> SystemTime + Clone + Send + Sync + 'static {
        let wall = Arc::clone(&self.wall);
        move || (*wall.lock()).into()
    }

    /// Lets `duration` pass, and wakes whoever slept for it.
    pub fn advance(&self, duration: Duration) {
        *self.wall.lock() += duration;
        self.elapsed.send_modify(|elapsed| *elapsed += duration);
    }

    /// Sets the wall clock alone, as an operator or NTP would. No time passes.
    pub fn set_wall(&self, now: OffsetDateTime) {
        *self.wall.lock() = now;
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> OffsetDateTime {
        *self.wall.lock()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let clock = Arc::clone(&self.elapsed);
        let wake_at = *clock.borrow() + duration;
        Box::pin(async move {
            // The sender lives in `clock`, so the channel cannot close while this waits.
            let _ = clock.subscribe().wait_for(|now| *now >= wake_at).await;
        })
    }
}

/// Real time, whatever the clock of the parts: for waiting for another process, which has its own.
pub(crate) async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// What the work comes to, or none if it takes longer than this, in real time: for what is waited for
/// outside. The work is dropped then.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// What is left of a deadline for several waits in a row, in real time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(tokio::time::Instant);

impl Budget {
    pub(crate) fn of(limit: Duration) -> Self {
        Self(tokio::time::Instant::now() + limit)
    }

    pub(crate) fn left(self) -> Duration {
        self.0.duration_since(tokio::time::Instant::now())
    }

    /// What the work comes to, or none if that is not before the deadline. The work is dropped then.
    pub(crate) async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.0, work).await.ok()
    }
}

/// Tells how much real time has passed since: for limits that the http client keeps, by its own clock.
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let begun = Instant::now();
    move || begun.elapsed()
}

/// How the parts hold their clock.
pub(crate) type SharedClock = Arc<dyn Clock>;
