//! Notifications that were already handled.

use quick_cache::sync::Cache;

/// How many events are remembered; Heroku repeats one until it is answered.
const REMEMBERED: usize = 4096;

/// The ids of events that were handled, up to a limit.
#[derive(Debug)]
pub(crate) struct Seen(Cache<Box<str>, ()>);

impl Default for Seen {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Seen {
    pub(crate) fn has(&self, id: &str) -> bool {
        self.0.get(id).is_some()
    }

    /// Records an event that was handled. An event that was not handled is handled when it is repeated.
    pub(crate) fn note(&self, id: &str) {
        self.0.insert(id.into(), ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_remembered_and_memory_is_bounded() {
        let seen = Seen::default();
        assert!(!seen.has("a"));
        for _ in 0..2 {
            seen.note("a");
            assert!(seen.has("a"));
        }
        for number in 0..2 * REMEMBERED {
            assert!(!seen.has(&number.to_string()));
            seen.note(&number.to_string());
        }
        assert!(seen.0.len() <= REMEMBERED, "{}", seen.0.len());
    }
}
