//! Conformance tests for all stores, run against real databases.

mod conformance;
mod dormancy;
mod dump;
mod erasure;
mod keys;
mod open_streams;
mod pooled;
mod round_trips;
mod sessions;
mod shared;
mod silent;
mod sweep;
mod swept;
mod unavailable;
mod unreadable;
