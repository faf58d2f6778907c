//! Heroku's clock, controlled by the test.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Clone)]
pub struct TestClock(Arc<Mutex<SystemTime>>);

impl TestClock {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(SystemTime::now())))
    }

    /// The clock function for a simulator.
    pub fn reader(&self) -> impl Fn() -> SystemTime + Send + Sync + 'static {
        let now = Arc::clone(&self.0);
        move || *now.lock().unwrap()
    }

    pub fn advance(&self, duration: Duration) {
        *self.0.lock().unwrap() += duration;
    }

    pub fn set_to(&self, unix_timestamp: u64) {
        *self.0.lock().unwrap() = UNIX_EPOCH + Duration::from_secs(unix_timestamp);
    }

    pub fn unix_timestamp(&self) -> i64 {
        let since = self.0.lock().unwrap().duration_since(UNIX_EPOCH);
        since.unwrap().as_secs().try_into().unwrap()
    }
}
