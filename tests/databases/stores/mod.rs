//! One set of rules for all stores, held against each of them for real.

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
