//! Programs as in production: the examples over real HTTP, under load, and in real browsers; HTTP/2;
//! nginx in front; and what apps combine with the gate.
//! `scripts/test` builds them first.

mod browser;
mod combined;
mod engines;
mod examples;
mod fronts;
mod load;
mod multiplexed;
