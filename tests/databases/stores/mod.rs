//! Conformance tests for all stores, run against real databases.

mod absences;
mod conformance;
mod dormancy;
mod keys;
mod pooled;
mod sessions;
mod shared;
mod silent;
mod sweep;
mod swept;
mod unreadable;
