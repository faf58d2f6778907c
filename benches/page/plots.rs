//! The plots of the page.

use crate::estimates::Estimates;
use crate::svg::{self, Bar};
use crate::tables::{PEERS, by_resources, over};

/// By file name.
pub fn all(times: &Estimates) -> [(&'static str, String); 3] {
    let allocations = measured::kept("allocations");
    let bare = allocations[PEERS[0]];
    let bars = |value: &dyn Fn(&str) -> f64, digits: usize| -> Vec<Bar> {
        let bar = |peer: &&'static str| Bar {
            name: peer,
            value: value(peer),
            digits,
            is_ours: peer.starts_with("gate"),
        };
        PEERS[1..].iter().map(bar).collect()
    };
    let time = bars(&|peer| over(peer) / 1000.0, 2);
    let count = bars(&|peer| allocations[peer] - bare, 0);
    let points: Vec<_> = by_resources(times)
        .into_iter()
        .map(|(size, time)| (size, time / 1000.0))
        .collect();
    [
        (
            "time.svg",
            svg::bars("Microseconds a request, over the bare router", &time),
        ),
        (
            "allocations.svg",
            svg::bars("Allocations a request, over the bare router", &count),
        ),
        (
            "growth.svg",
            svg::line("Microseconds a request, by resources in memory", &points),
        ),
    ]
}
