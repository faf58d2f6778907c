//! Random histories compared with a model, and concurrent calls in every order.

mod interleavings;
mod model;
mod observing;
