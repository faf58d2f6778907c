//! A request through each of the peers.

use criterion::Criterion;

use crate::{drive, peers};

pub fn measure(c: &mut Criterion) {
    let runtime = drive::current_thread();
    let mut group = c.benchmark_group("request");
    for mut peer in runtime.block_on(peers::all()) {
        let cookies = [peer.cookie];
        group.bench_function(peer.name, |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(drive::answers(&mut peer.app, &cookies, rounds))
            });
        });
    }
    group.finish();
}
