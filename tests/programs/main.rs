//! Programs as in production: the examples over real HTTP, under load, and in a real browser; and HTTP/2.
//! `scripts/test` builds them first.

mod browser;
mod examples;
mod load;
mod multiplexed;
