//! The same request with more resources in memory, and on more threads at once.

use std::thread;
use std::time::Duration;

use axum::Router;
use criterion::{BenchmarkId, Criterion};

use crate::drive;
use crate::fleet::Fleet;

/// `RESOURCES=100000` leaves the last one out, which takes gigabytes.
pub fn resources(c: &mut Criterion) {
    let most: usize = match std::env::var("RESOURCES") {
        Ok(most) => most.parse().expect("RESOURCES: a number"),
        Err(_) => 1_000_000,
    };
    let mut group = c.benchmark_group("resources");
    for resources in [1, 1_000, 100_000, 1_000_000] {
        if resources > most {
            break;
        }
        let runtime = drive::current_thread();
        // Made when the first is measured: a filter may leave it out.
        let mut fleet = None;
        group.bench_function(BenchmarkId::from_parameter(resources), |bencher| {
            let fleet = fleet.get_or_insert_with(|| runtime.block_on(Fleet::of(resources)));
            let Fleet { app, cookies } = fleet;
            bencher.iter_custom(|rounds| runtime.block_on(drive::answers(app, cookies, rounds)));
        });
    }
    group.finish();
}

/// Each thread with a runtime of its own, as fast as it can; the requests of all are counted.
pub fn threads(c: &mut Criterion) {
    let runtime = drive::current_thread();
    for (name, resources) in [
        ("bare router", 0),
        ("one resource", 1),
        ("1000 resources", 1_000),
    ] {
        let mut group = c.benchmark_group(format!("threads, {name}"));
        let mut made = None;
        for threads in [1, 2, 4] {
            group.bench_function(BenchmarkId::from_parameter(threads), |bencher| {
                let (app, cookies) = made.get_or_insert_with(|| match resources {
                    0 => (drive::page(), vec![String::new()]),
                    _ => {
                        let fleet = runtime.block_on(Fleet::of(resources));
                        (fleet.app, fleet.cookies)
                    }
                });
                bencher.iter_custom(|rounds| on_threads(threads, app, cookies, rounds));
            });
        }
        group.finish();
    }
}

fn on_threads(threads: u64, app: &Router, cookies: &[String], rounds: u64) -> Duration {
    let each = rounds.div_ceil(threads);
    let total: Duration = thread::scope(|scope| {
        let work = |_| {
            let mut app = app.clone();
            scope.spawn(move || {
                let runtime = drive::current_thread();
                runtime.block_on(drive::answers(&mut app, cookies, each))
            })
        };
        let running: Vec<_> = (0..threads).map(work).collect();
        let spent = running.into_iter().map(|thread| thread.join());
        spent.map(|spent| spent.expect("no panic")).sum()
    });
    // What one thread took for its share.
    total / u32::try_from(threads).expect("a few")
}
