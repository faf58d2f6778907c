//! How many fetches strangers and webhooks may cause.

use std::time::Duration;

const BURST: u32 = 10;
const REFILL: Duration = Duration::from_secs(10);

/// A bucket of fetches for one resource: 10 at once, one more every 10 seconds. Time is an argument.
#[derive(Debug)]
pub(super) struct Budget {
    left: u32,
    counted_from: Duration,
}

impl Budget {
    pub(super) fn full(now: Duration) -> Self {
        Self {
            left: BURST,
            counted_from: now,
        }
    }

    /// Takes one fetch out.
    ///
    /// # Errors
    /// The time until there is one again.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.left -= 1;
        Ok(())
    }

    /// The time until there is a fetch to take; zero if there is one.
    pub(super) fn wait(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.counted_from);
        let refilled = u32::try_from(passed.as_secs() / REFILL.as_secs()).unwrap_or(u32::MAX);
        if refilled >= BURST - self.left {
            *self = Self::full(now);
        } else {
            self.left += refilled;
            self.counted_from += REFILL * refilled;
        }
        if self.left > 0 {
            return Duration::ZERO;
        }
        self.counted_from + REFILL - now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn ten_at_once_and_one_more_every_ten_seconds() {
        let mut budget = Budget::full(Duration::ZERO);
        for _ in 0..10 {
            assert_eq!(budget.take(SECOND), Ok(()));
        }
        assert_eq!(budget.take(SECOND * 4), Err(SECOND * 7));
        assert_eq!(budget.take(SECOND * 11), Ok(()));
        assert!(budget.take(SECOND * 11).is_err());
        assert_eq!(budget.take(SECOND * 21), Ok(()));
    }

    #[test]
    fn it_never_holds_more_than_the_burst() {
        let mut budget = Budget::full(Duration::ZERO);
        let later = SECOND * 86_400;
        let taken = (0..50).filter(|_| budget.take(later).is_ok()).count();
        assert_eq!(taken, 10);
    }
}
