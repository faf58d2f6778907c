//! The statuses of the answers, by request kind.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::load::kinds::Kind;

/// The number of unexpected answers that are printed in full.
const PRINTED: usize = 20;

#[derive(Default)]
pub struct Answers(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    phase: &'static str,
    /// By kind and status.
    of: BTreeMap<(Kind, u16), usize>,
    /// By phase.
    in_phase: BTreeMap<&'static str, usize>,
    unexpected: Vec<String>,
}

impl Answers {
    pub fn in_phase(&self, phase: &'static str) {
        self.0.lock().unwrap().phase = phase;
    }

    pub fn phase(&self) -> &'static str {
        self.0.lock().unwrap().phase
    }

    /// Counts an answer, in the phase of its request.
    pub fn note(&self, kind: Kind, phase: &'static str, status: u16, expected: &[u16]) {
        let mut counted = self.0.lock().unwrap();
        *counted.of.entry((kind, status)).or_default() += 1;
        *counted.in_phase.entry(phase).or_default() += 1;
        if !expected.contains(&status) {
            let wrong = format!("{kind:?} in `{phase}`: {status}, expected {expected:?}");
            counted.unexpected.push(wrong);
        }
    }

    pub fn of(&self, kind: Kind) -> usize {
        let counted = self.0.lock().unwrap();
        let those = counted.of.iter().filter(|((it, _), _)| *it == kind);
        those.map(|(_, count)| count).sum()
    }

    pub fn while_in(&self, phase: &str) -> usize {
        let counted = self.0.lock().unwrap();
        counted.in_phase.get(phase).copied().unwrap_or_default()
    }

    pub fn print(&self) {
        let counted = self.0.lock().unwrap();
        for ((kind, status), count) in &counted.of {
            println!("{kind:?}: {status}, {count} times");
        }
        println!("answers in each phase: {:?}", counted.in_phase);
    }

    pub fn all_expected(&self) {
        let counted = self.0.lock().unwrap();
        let unexpected = &counted.unexpected;
        let told = &unexpected[..unexpected.len().min(PRINTED)];
        assert!(told.is_empty(), "{} of them: {told:#?}", unexpected.len());
    }
}
