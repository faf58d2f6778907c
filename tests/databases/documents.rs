//! Compiles and runs the examples of the documents, with session stores that the crate itself does not
//! build.

/// The README's examples.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The programs of the page on deploying.
#[cfg(doctest)]
#[doc = include_str!("../../DEPLOYING.md")]
struct Deploying;
