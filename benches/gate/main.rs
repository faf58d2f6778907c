//! The costs of the gate, compared with its peers and in parts, in one run: in process, without a socket.
//!
//! `scripts/bench` runs it with the others and writes the page. A name after `cargo bench -p benches
//! --bench gate --` runs only those groups.

mod drive;
mod fleet;
mod growth;
mod lists;
mod sso;

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3));
    targets = sso::measure, lists::measure, growth::resources, growth::threads
}
criterion_main!(benches);
