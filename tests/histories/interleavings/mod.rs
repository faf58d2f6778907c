//! Concurrent operations in unusual orders, and the state after a cancellation.
//!
//! **Orders.** Every call to a store and to Heroku stops twice ([`stops`]): before it is made, and before
//! its answer is returned. A [`schedule`] resumes one waiting call at a time. It is chosen by a seed; where
//! there are few orders, all are tried. The scenarios state what must hold in each order. The usual run
//! takes the same orders each time. For a long run with other orders:
//!
//! ```text
//! INTERLEAVINGS_SEED=$RANDOM INTERLEAVINGS_RUNS=100000 cargo test --all-features --test histories -- --nocapture interleavings::
//! ```
//!
//! A failure is printed with its order, and with the seed and number of runs that reproduce it.
//!
//! **Cancellation.** [`cancelled`] has a table of all futures of the crate, drops each at each step, and
//! checks the state afterwards.
//!
//! Between two stops everything runs on one thread. [`threads`] tests the view of another thread.

mod cancelled;
mod deprovisioning;
mod forms;
mod front;
mod revocation;
mod schedule;
mod sign_out;
mod single_flight;
mod stops;
mod store;
mod streams;
mod swap;
mod threads;
mod two_gates;
mod webhooks;
mod world;
