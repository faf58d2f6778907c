//! Allocations per request of the router of `peers.rs`, bare and behind each peer.
//!
//! `cargo bench --bench allocations --features jwt,simulator`. A program of its own, as counting
//! costs time.

mod peers;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::Service;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 1000;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut bare = None;
        for mut peer in peers::all().await {
            let requests: Vec<_> = (0..REQUESTS).map(|_| peer.request()).collect();
            let region = Region::new(ALLOCATOR);
            for request in requests {
                drop(peer.app.call(request).await);
            }
            let change = region.change();
            let count = (change.allocations + change.reallocations) as f64 / REQUESTS as f64;
            let over = count - *bare.get_or_insert(count);
            println!("| {} | {count:.1} | {over:+.1} |", peer.name);
        }
    });
}
