//! A request through each of the peers of `peers.rs`, in turn: what else the machine does falls on all.
//!
//! `cargo bench --bench requests --features jwt,simulator`. Medians of rounds, and what is compared is
//! compared within each round.

mod drive;
mod measured;
mod peers;

use std::collections::BTreeMap;

use crate::measured::Values;
use crate::peers::BARE;

/// Of each peer in a round.
const REQUESTS: u64 = 5_000;
const ROUNDS: usize = 200;

/// Nanoseconds a request, by the names of the peers.
type Round = BTreeMap<&'static str, f64>;

fn main() {
    let runtime = drive::current_thread();
    let mut peers = runtime.block_on(peers::all());
    let mut rounds = Vec::new();
    // The first ones warm up.
    for number in 0..ROUNDS + 10 {
        let mut round = Round::new();
        for peer in &mut peers {
            let cookies = std::slice::from_ref(&peer.cookie);
            let spent = drive::answers(&mut peer.app, cookies, REQUESTS);
            let spent = runtime.block_on(spent).as_secs_f64() * 1e9;
            round.insert(peer.name, spent / REQUESTS as f64);
        }
        if number >= 10 {
            rounds.push(round);
        }
    }
    let (mut times, mut over) = (Values::new(), Values::new());
    for peer in &peers {
        let time = median(rounds.iter().map(|round| round[peer.name]));
        let more = median(rounds.iter().map(|round| over_bare(round, peer.name)));
        println!("| {} | {time:.0} ns | {more:+.0} ns |", peer.name);
        times.insert(peer.name.to_owned(), time);
        over.insert(peer.name.to_owned(), more);
    }
    let mut ratios = Values::new();
    for (ours, theirs) in [
        ("gate, stored sessions", "axum-login"),
        ("gate, stateless", "jsonwebtoken HS256 cookie"),
    ] {
        let ratio = |round| over_bare(round, ours) / over_bare(round, theirs);
        let ratio = median(rounds.iter().map(ratio));
        println!("{ours} / {theirs}: {ratio:.3}");
        ratios.insert(format!("{ours} / {theirs}"), ratio);
    }
    measured::keep("requests", &times);
    measured::keep("requests over bare", &over);
    measured::keep("requests compared", &ratios);
}

fn over_bare(round: &Round, peer: &str) -> f64 {
    round[peer] - round[BARE]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
