//! Requests through each of the peers of `peers.rs` in turn, so that other load affects all of them.
//!
//! `cargo bench -p benches --bench requests`. Medians of rounds; comparisons are within each round.
//! Overhead is relative to the same request through the bare router, as dropping the headers of a cookie
//! costs the same without a gate.

mod drive;
mod peers;

use std::collections::BTreeMap;

use axum::Router;

use crate::peers::BARE;
use measured::Values;

/// The requests of each peer in a round.
const REQUESTS: u64 = 5_000;
const ROUNDS: usize = 200;

/// By the names of the peers.
type Round = BTreeMap<&'static str, Measured>;

/// Nanoseconds per request.
struct Measured {
    time: f64,
    over_bare: f64,
}

fn main() {
    let runtime = drive::current_thread();
    let mut peers = runtime.block_on(peers::all());
    let bare = peers.iter().find(|peer| peer.name == BARE);
    let mut bare = bare.expect("the bare router").app.clone();
    let time = |app: &mut Router, cookie: &String| {
        let answers = drive::answers(app, std::slice::from_ref(cookie), REQUESTS);
        runtime.block_on(answers).as_secs_f64() * 1e9 / REQUESTS as f64
    };
    let mut rounds = Vec::new();
    // The first rounds are warm-up.
    for number in 0..ROUNDS + 10 {
        let mut round = Round::new();
        for peer in &mut peers {
            let without = time(&mut bare, &peer.cookie);
            let time = time(&mut peer.app, &peer.cookie);
            let over_bare = time - without;
            round.insert(peer.name, Measured { time, over_bare });
        }
        if number >= 10 {
            rounds.push(round);
        }
    }
    let (mut times, mut over) = (Values::new(), Values::new());
    for peer in &peers {
        let time = median(rounds.iter().map(|round| round[peer.name].time));
        let more = median(rounds.iter().map(|round| round[peer.name].over_bare));
        println!("| {} | {time:.0} ns | {more:+.0} ns |", peer.name);
        times.insert(peer.name.to_owned(), time);
        over.insert(peer.name.to_owned(), more);
    }
    let mut ratios = Values::new();
    for (ours, theirs) in [
        ("gate, stored sessions", "axum-login"),
        ("gate, stateless", "jsonwebtoken HS256 cookie"),
    ] {
        let ratio = |round: &Round| round[ours].over_bare / round[theirs].over_bare;
        let ratio = median(rounds.iter().map(ratio));
        println!("{ours} / {theirs}: {ratio:.3}");
        ratios.insert(format!("{ours} / {theirs}"), ratio);
    }
    measured::keep("requests", &times);
    measured::keep("requests over bare", &over);
    measured::keep("requests compared", &ratios);
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
