//! Compiles the examples of DEPLOYING.md, with session stores that the crate itself does not build.

/// The programs of the page on deploying.
#[cfg(doctest)]
#[doc = include_str!("../../DEPLOYING.md")]
struct Deploying;
