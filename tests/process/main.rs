//! Tests that need their own process: they count its allocations, install its metrics recorder or capture
//! its log. Each runs in a child process.

mod alone;
mod memory;
mod metrics;
mod secrets;
mod strangers;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
