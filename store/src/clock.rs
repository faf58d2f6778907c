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

/// A source of time: the wall clock, and the time elapsed.
///
/// The two are separate because a wall clock can be set. Intervals and ages also use
/// [`elapsed`](Self::elapsed), which only ever grows.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Wall-clock time, for timestamps that other systems see (SSO requests, cookies, expiry).
    fn now(&self) -> OffsetDateTime;

    /// The same in nanoseconds since the Unix epoch, up to the year 2262. Each request reads it, because
    /// making a calendar date takes several times as long. The default converts [`now`](Self::now).
    fn unix_nanoseconds(&self) -> i64 {
        UnixTime::from(self.now()).0
    }

    /// Time since a fixed moment of this process; it never goes back.
    fn elapsed(&self) -> Duration;

    /// Resolves when [`elapsed`](Self::elapsed) has grown by `duration`.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'static>>;
}

/// The machine's clock. The default everywhere.
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

    fn unix_nanoseconds(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        nanoseconds(since_epoch.unwrap_or_default())
    }

    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// Wall-clock time as a number: nanoseconds since the Unix epoch, up to the year 2262. A request compares and
/// subtracts several times, which is slow with calendar dates.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(i64);

impl UnixTime {
    /// The time since `earlier`. None if that is later.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let nanoseconds = self.0.checked_sub(earlier.0)?;
        Some(Duration::from_nanos(nanoseconds.try_into().ok()?))
    }

    pub fn saturating_add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(nanoseconds(time)))
    }

    pub fn saturating_sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(nanoseconds(time)))
    }
}

impl From<OffsetDateTime> for UnixTime {
    fn from(at: OffsetDateTime) -> Self {
        let seconds = at.unix_timestamp().saturating_mul(1_000_000_000);
        Self(seconds.saturating_add(i64::from(at.nanosecond())))
    }
}

impl From<UnixTime> for OffsetDateTime {
    fn from(at: UnixTime) -> Self {
        let passed = time::Duration::nanoseconds(at.0);
        Self::UNIX_EPOCH.saturating_add(passed)
    }
}

fn nanoseconds(time: Duration) -> i64 {
    time.as_nanos().try_into().unwrap_or(i64::MAX)
}

/// Both readings of a clock at one moment, so that a request reads each of them only once.
#[derive(Clone, Copy, Debug)]
pub struct Reading {
    /// See [`Clock::now`].
    pub unix: UnixTime,
    /// See [`Clock::elapsed`].
    pub elapsed: Duration,
}

impl Reading {
    pub fn of(clock: &SharedClock) -> Self {
        Self {
            unix: UnixTime(clock.unix_nanoseconds()),
            elapsed: clock.elapsed(),
        }
    }

    /// The wall-clock time as a date.
    pub fn date(self) -> OffsetDateTime {
        self.unix.into()
    }
}

/// Limits a log line that is worth repeating to one an hour.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<Option<Duration>>);

impl LogThrottle {
    /// True at the first call, and from then on at most once an hour.
    pub fn is_due(&self, clock: &SharedClock) -> bool {
        let now = clock.elapsed();
        let mut last = self.0.lock();
        let is_due = last.is_none_or(|last| now >= last + Duration::from_secs(60 * 60));
        if is_due {
            *last = Some(now);
        }
        is_due
    }
}

/// The Unix time in microseconds. It is greater in every later process on this machine, unless the clock is
/// set back in between.
pub(crate) fn unix_microseconds() -> i64 {
    let microseconds = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000;
    i64::try_from(microseconds).unwrap_or(i64::MAX / 2)
}

/// A moment of [`Clock::elapsed`], or none, shared by threads without a lock. Its precision is a millisecond.
#[derive(Debug, Default)]
pub struct AtomicInstant(AtomicU64);

impl AtomicInstant {
    pub fn get(&self) -> Option<Duration> {
        // Zero means none.
        let millis = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_millis(millis))
    }

    pub fn set(&self, at: Duration) {
        let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        self.0.store(millis.saturating_add(1), Ordering::Relaxed);
    }

    /// True if the moment is at most `span` before `now`.
    pub fn is_within(&self, span: Duration, now: Duration) -> bool {
        self.get().is_some_and(|at| now <= at + span)
    }
}

/// A clock that stands still until a test moves it. Clones share the time.
///
/// To keep a session alive, advance in steps shorter than the gate's refresh interval, and let its sync run
/// in between. After a long jump (by default, of more than 15 minutes), the resource counts as unused.
///
/// ```
/// use std::time::Duration;
/// use heroku_sso_store::{Clock, ManualClock};
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
    /// A clock that shows the machine's current time, and stands still.
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

    /// The time as a function, for code that takes one as its clock. The simulator of
    /// `heroku-addon-simulator` is an example, and then follows this clock.
    pub fn reader(&self) -> impl Fn() -> SystemTime + Clone + Send + Sync + 'static {
        let wall = Arc::clone(&self.wall);
        move || (*wall.lock()).into()
    }

    /// Lets `duration` pass, and wakes all sleeping tasks that it covers.
    pub fn advance(&self, duration: Duration) {
        *self.wall.lock() += duration;
        self.elapsed.send_modify(|elapsed| *elapsed += duration);
    }

    /// Sets only the wall clock, as an operator or NTP would. No time passes.
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

/// Sleeps in real time, whatever clock is configured: for waiting for another process, which has its own
/// clock.
pub async fn pause(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// The result of the work, or none if it takes longer than this, in real time. For work that waits for
/// external systems. The work is dropped at the limit.
pub async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// The remaining time of a deadline that several consecutive waits share, in real time.
#[derive(Clone, Copy, Debug)]
pub struct Budget(tokio::time::Instant);

impl Budget {
    pub fn of(limit: Duration) -> Self {
        Self(tokio::time::Instant::now() + limit)
    }

    pub fn left(self) -> Duration {
        self.0.duration_since(tokio::time::Instant::now())
    }

    /// The result of the work, or none at the deadline. The work is dropped then.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        tokio::time::timeout_at(self.0, work).await.ok()
    }
}

/// Returns how much real time has passed since this call, for limits that the http client keeps by its own
/// clock.
pub fn stopwatch() -> impl Fn() -> Duration {
    let begun = Instant::now();
    move || begun.elapsed()
}

/// How the components hold their clock.
pub type SharedClock = Arc<dyn Clock>;
