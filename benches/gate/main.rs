//! What a request pays for the gate, beside its peers, in one run: in process, on one thread.

mod peers;

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use tower::Service;

fn requests(c: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut group = c.benchmark_group("request");
    for mut peer in runtime.block_on(peers::all()) {
        group.bench_function(peer.name, |bencher| {
            bencher.iter_custom(|rounds| {
                runtime.block_on(async {
                    let mut spent = Duration::ZERO;
                    let mut left = rounds;
                    while left > 0 {
                        let batch = left.min(100);
                        let requests: Vec<_> = (0..batch).map(|_| peer.request()).collect();
                        let started = Instant::now();
                        for request in requests {
                            drop(peer.app.call(request).await);
                        }
                        spent += started.elapsed();
                        left -= batch;
                    }
                    spent
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, requests);
criterion_main!(benches);
