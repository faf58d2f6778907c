//! What happens at once, in other orders than the usual one; and what is left when somebody goes away
//! in the middle.
//!
//! **Orders.** Every call of a store and of Heroku stops twice ([`stops`]): before it is made, and
//! before its answer is handed out. A [`schedule`] lets one of those who wait go on at a time. Which
//! one is drawn from a seed; where there are few orders, all of them are tried. The scenarios say what
//! must be so in each of them. The usual run takes the same orders each time. A long one, with others:
//!
//! ```text
//! INTERLEAVINGS_SEED=$RANDOM INTERLEAVINGS_RUNS=100000 cargo test --all-features --test histories -- --nocapture interleavings::
//! ```
//!
//! What goes wrong is told with its order, and with the seed and the number of runs that show it again.
//!
//! **Cancellation.** [`cancelled`] has every future that the crate hands out in a table, drops each of
//! them at each step, and looks at what is left.
//!
//! Between two stops everything runs on one thread. [`threads`] is about what another one sees.

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
