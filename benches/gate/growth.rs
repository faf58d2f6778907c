//! The same request with more resources in memory, and on more threads.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use axum::Router;
use criterion::{BenchmarkId, Criterion};

use crate::drive;
use crate::fleet::Fleet;

/// The prepared requests of a thread: enough that waiting for the other threads is negligible.
const SHARE: u64 = 2_000;

/// `RESOURCES=100000` omits the last size, which takes gigabytes.
pub fn resources(c: &mut Criterion) {
    let most: usize = match std::env::var("RESOURCES") {
        Ok(most) => most.parse().expect("RESOURCES: a number"),
        Err(_) => 1_000_000,
    };
    let mut group = c.benchmark_group("resources");
    let mut memory = measured::Values::new();
    // The largest first, as memory released by a smaller one would distort the result.
    let sizes = [1_000_000, 100_000, 1_000, 1].into_iter();
    for resources in sizes.filter(|resources| *resources <= most) {
        let runtime = drive::current_thread();
        // Created at the first measurement, as a filter may skip it.
        let mut fleet = None;
        group.bench_function(BenchmarkId::from_parameter(resources), |bencher| {
            let fleet = fleet.get_or_insert_with(|| {
                let empty = resident_bytes();
                let fleet = runtime.block_on(Fleet::of(resources));
                if memory.is_empty() {
                    let grown = resident_bytes() - empty;
                    memory.insert("resources".into(), resources as f64);
                    memory.insert("bytes".into(), grown);
                }
                fleet
            });
            let Fleet { app, cookies } = fleet;
            bencher.iter_custom(|rounds| runtime.block_on(drive::answers(app, cookies, rounds)));
        });
    }
    group.finish();
    if !memory.is_empty() {
        measured::keep("memory", &memory);
    }
}

/// The resident memory of this process, including the allocator's rounding and fragmentation.
fn resident_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.expect("VmRSS").trim().trim_end_matches(" kB").trim();
    kilobytes.parse::<f64>().expect("a number") * 1024.0
}

/// Each thread has its own runtime and sends as fast as it can. Counts all requests from the common start
/// until the last thread ends.
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
                    0 => (drive::served(drive::page()), vec![String::new()]),
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
    let batches = rounds.div_ceil(threads * SHARE);
    let all = Barrier::new(threads as usize);
    let spent: Duration = thread::scope(|scope| {
        let work = |_| {
            let (mut app, all) = (app.clone(), &all);
            scope.spawn(move || {
                let runtime = drive::current_thread();
                let mut spent = Duration::ZERO;
                for _ in 0..batches {
                    let requests = drive::requests(cookies, SHARE);
                    all.wait();
                    let started = Instant::now();
                    runtime.block_on(drive::answer(&mut app, requests));
                    all.wait();
                    spent += started.elapsed();
                }
                spent
            })
        };
        let running: Vec<_> = (0..threads).map(work).collect();
        let spent = running.into_iter().map(|thread| thread.join());
        spent.map(|spent| spent.expect("no panic")).max()
    })
    .expect("at least one thread");
    spent.mul_f64(rounds as f64 / (batches * threads * SHARE) as f64)
}
