//! A token bucket.

use std::time::Duration;

/// A token bucket: `burst` tokens immediately, and one more every `refill`. Time is an argument.
#[derive(Debug)]
pub(in crate::sync) struct TokenBucket {
    burst: i64,
    refill: Duration,
    /// Negative after a charge that was greater than what the bucket held.
    left: i64,
    counted_from: Duration,
}

impl TokenBucket {
    pub(in crate::sync) fn full(burst: u32, refill: Duration, now: Duration) -> Self {
        let burst = i64::from(burst);
        Self {
            burst,
            refill,
            left: burst,
            counted_from: now,
        }
    }

    /// Takes `cost` tokens if at least one remains. The bucket may go below zero, so a large charge delays
    /// the next one.
    ///
    /// # Errors
    /// The time until a token is available; nothing is taken.
    pub(in crate::sync) fn take(&mut self, cost: u32, now: Duration) -> Result<(), Duration> {
        let wait = self.wait(now);
        if !wait.is_zero() {
            return Err(wait);
        }
        self.left -= i64::from(cost);
        Ok(())
    }

    /// Corrects an earlier charge of `paid` that turned out to cost `cost`.
    pub(in crate::sync) fn correct(&mut self, paid: u32, cost: u32) {
        self.left = (self.left + i64::from(paid) - i64::from(cost)).min(self.burst);
    }

    /// The time until a token is available; zero if one is.
    pub(in crate::sync) fn wait(&mut self, now: Duration) -> Duration {
        let passed = now.saturating_sub(self.counted_from);
        let refilled = passed.as_nanos() / self.refill.as_nanos().max(1);
        let refilled = i64::try_from(refilled).unwrap_or(i64::MAX);
        if refilled >= self.burst - self.left {
            self.left = self.burst;
            self.counted_from = now;
        } else if let Ok(times) = u32::try_from(refilled) {
            self.left += refilled;
            self.counted_from += self.refill * times;
        }
        match u32::try_from(1 - self.left) {
            Ok(missing @ 1..) => self.counted_from + self.refill * missing - now,
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn burst_of_ten() -> TokenBucket {
        TokenBucket::full(10, SECOND * 10, Duration::ZERO)
    }

    #[test]
    fn burst_of_ten_and_one_more_every_ten_seconds() {
        let mut budget = burst_of_ten();
        for _ in 0..10 {
            assert_eq!(budget.take(1, SECOND), Ok(()));
        }
        assert_eq!(budget.take(1, SECOND * 4), Err(SECOND * 7));
        assert_eq!(budget.take(1, SECOND * 11), Ok(()));
        assert!(budget.take(1, SECOND * 11).is_err());
        assert_eq!(budget.take(1, SECOND * 21), Ok(()));
    }

    #[test]
    fn bucket_never_holds_more_than_the_burst() {
        let mut budget = burst_of_ten();
        let later = SECOND * 86_400;
        let taken = (0..50).filter(|_| budget.take(1, later).is_ok()).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn corrected_purchase_costs_its_actual_amount() {
        let mut budget = burst_of_ten();
        assert_eq!(budget.take(9, SECOND), Ok(()));
        budget.correct(9, 12);
        assert_eq!(budget.take(1, SECOND), Err(SECOND * 30));
        budget.correct(12, 2);
        let taken = (0..50).filter(|_| budget.take(1, SECOND).is_ok()).count();
        assert_eq!(taken, 8);
        budget.correct(50, 0);
        let taken = (0..50).filter(|_| budget.take(1, SECOND).is_ok()).count();
        assert_eq!(taken, 10);
    }

    #[test]
    fn purchase_beyond_the_burst_delays_the_next_by_its_cost() {
        let mut budget = burst_of_ten();
        assert_eq!(budget.take(9, SECOND), Ok(()));
        assert_eq!(budget.take(100, SECOND), Ok(()));
        assert_eq!(budget.take(1, SECOND), Err(SECOND * 1000));
        assert!(budget.take(1, SECOND * 1000).is_err());
        assert_eq!(budget.take(1, SECOND * 1001), Ok(()));
    }
}
