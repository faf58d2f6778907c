//! Allocations per request of the router of `peers.rs`, bare and behind each peer.
//!
//! `cargo bench -p benches --bench allocations` prints a table. With the name of a peer and a number it
//! makes that many requests and prints nothing, for a profiler. It is a separate program, as counting takes
//! time.

mod drive;
mod peers;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::Service;

use crate::peers::Peer;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 1000;

fn main() {
    drive::current_thread().block_on(async {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        match &arguments[..] {
            [name, requests] => {
                let peers = peers::all().await.into_iter();
                let mut peer = peers.filter(|peer| peer.name == name).collect::<Vec<_>>();
                let requests = requests.parse().expect("a number of requests");
                count(peer.first_mut().expect("a peer of that name"), requests).await;
            }
            // cargo passes `--bench`.
            _ => table().await,
        }
    });
}

async fn table() {
    let mut bare = None;
    let mut values = measured::Values::new();
    for mut peer in peers::all().await {
        let count = count(&mut peer, REQUESTS).await;
        let over = count - *bare.get_or_insert(count);
        println!("| {} | {count:.1} | {over:+.1} |", peer.name);
        values.insert(peer.name.to_owned(), count);
    }
    measured::keep("allocations", &values);
}

/// Allocations per request.
async fn count(peer: &mut Peer, requests: usize) -> f64 {
    let made: Vec<_> = (0..requests)
        .map(|_| drive::request(&peer.cookie))
        .collect();
    let region = Region::new(ALLOCATOR);
    for request in made {
        drop(peer.app.call(request).await);
    }
    let change = region.change();
    (change.allocations + change.reallocations) as f64 / requests as f64
}
