//! The guide: how to set the gate up, how it decides, and what to do when it does not do what you expect.
//!
//! There is nothing in this module but words. Read the chapters in order the first time:
//!
//! 1. [`quick_start`]: from an axum app that you have to one behind the gate, and a Heroku on your own
//!    machine to try it with.
//! 2. [`how_it_decides`]: what happens to a form, to a request and to a list, and which rule of whose
//!    each step follows.
//! 3. [`options`]: what each setting trades for what, and which to leave alone.
//! 4. [`end_of_a_resource`]: what ends a resource, what only suspends it, and what everything answers
//!    meanwhile.
//! 5. [`deploying`]: what to have in place before customers come.
//! 6. [`testing_your_app`]: "remove Bob, let five minutes pass, expect 403" as a test of a few lines.
//! 7. [`threats`]: what is defended, what is not, and what stays yours to do.
//! 8. [`troubleshooting`]: the likeliest mistakes, by what you see.
//! 9. [`coming_from`]: from other packages and hand-written code.
//! 10. [`observing`]: metrics, log events, health checks.
//!
//! What each type and each method does stands at the type and the method.

pub mod coming_from;
pub mod deploying;
pub mod end_of_a_resource;
pub mod how_it_decides;
pub mod observing;
pub mod options;
pub mod quick_start;
pub mod testing_your_app;
pub mod threats;
pub mod troubleshooting;
