//! The crate against what its author did not think of: random histories beside a model, and calls in
//! every order.

mod interleavings;
mod model;
