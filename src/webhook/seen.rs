//! Notifications that came before.

use std::collections::{HashSet, VecDeque};

/// The newest events that are remembered; Heroku repeats one until it is answered.
const REMEMBERED: usize = 4096;

/// Which events were seen lately.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    ids: HashSet<Box<str>>,
    in_order: VecDeque<Box<str>>,
}

impl Seen {
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    /// Takes note of an event that was seen to. One that was not is taken anew when it is repeated.
    pub(crate) fn note(&mut self, id: &str) {
        if !self.ids.insert(id.into()) {
            return;
        }
        self.in_order.push_back(id.into());
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_remembered_and_memory_is_bounded() {
        let mut seen = Seen::default();
        assert!(!seen.has("a"));
        for _ in 0..2 {
            seen.note("a");
            assert!(seen.has("a"));
        }
        for number in 0..2 * REMEMBERED {
            assert!(!seen.has(&number.to_string()));
            seen.note(&number.to_string());
        }
        assert!(!seen.has("a"));
        assert_eq!(seen.ids.len(), REMEMBERED);
        assert_eq!(seen.in_order.len(), REMEMBERED);
    }
}
