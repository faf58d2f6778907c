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
    /// True if this event is new.
    pub(crate) fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.into()) {
            return false;
        }
        self.in_order.push_back(id.into());
        if self.in_order.len() > REMEMBERED
            && let Some(oldest) = self.in_order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }

    /// Has the event taken anew when it is repeated.
    pub(crate) fn forget(&mut self, id: &str) {
        if self.ids.remove(id) {
            self.in_order.retain(|known| &**known != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_new_once_and_memory_is_bounded() {
        let mut seen = Seen::default();
        assert!(seen.is_new("a"));
        assert!(!seen.is_new("a"));
        seen.forget("a");
        assert!(seen.is_new("a"));
        for number in 0..2 * REMEMBERED {
            assert!(seen.is_new(&number.to_string()));
        }
        assert_eq!(seen.ids.len(), REMEMBERED);
        assert_eq!(seen.in_order.len(), REMEMBERED);
    }
}
