//! Programs that run as they do in life: the examples over real HTTP, under load, and in a real browser.
//! `scripts/test` builds them first.

mod browser;
mod examples;
mod load;
