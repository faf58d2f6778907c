//! Tests that own their process, as they count what it allocates, install the recorder of its metrics or
//! capture all that it logs. Each runs in a child process.

mod alone;
mod memory;
mod metrics;
mod secrets;
mod strangers;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;
