//! The guide: how to set the gate up, how it decides, and how to troubleshoot it.
//!
//! This module has documentation only. Read the chapters in order the first time:
//!
//! 1. [`quick_start`]: put an existing axum app behind the gate, and try it with a Heroku simulator on your
//!    own machine.
//! 2. [`how_it_decides`]: how a form, a request and a list are processed, and the source of each rule.
//! 3. [`browsers`]: caches, the way back, scripts, frames and uploads.
//! 4. [`keeping_lists_fresh`]: when each list is fetched, what that costs at Heroku, and what webhooks add.
//! 5. [`options`]: the trade-offs of each setting, and which settings to leave alone.
//! 6. [`end_of_a_resource`]: what ends a resource, what only suspends it, and how each endpoint answers
//!    meanwhile.
//! 7. [`deploying`]: what to have in place before customers come.
//! 8. [`testing_your_app`]: "remove Bob, let time pass, expect 403" as a whole test.
//! 9. [`threats`]: what is defended, what is not, and what remains your responsibility.
//! 10. [`troubleshooting`]: the most likely mistakes, by symptom.
//! 11. [`coming_from`]: migration from other packages and from hand-written code.
//! 12. [`observing`]: metrics, log events, health checks.
//! 13. [`your_own_store`]: a store on a database of your own, and the tests that it must pass.
//!
//! Each type and each method has its own documentation.

#[doc = include_str!("browsers.md")]
pub mod browsers {}
#[doc = include_str!("coming_from.md")]
pub mod coming_from {}
#[doc = include_str!("deploying.md")]
pub mod deploying {}
#[doc = include_str!("end_of_a_resource.md")]
pub mod end_of_a_resource {}
#[doc = include_str!("how_it_decides.md")]
pub mod how_it_decides {}
#[doc = include_str!("keeping_lists_fresh.md")]
pub mod keeping_lists_fresh {}
#[doc = include_str!("observing.md")]
pub mod observing {}
#[doc = include_str!("options.md")]
pub mod options {}
#[doc = include_str!("quick_start.md")]
pub mod quick_start {}
#[doc = include_str!("testing_your_app.md")]
pub mod testing_your_app {}
#[doc = include_str!("threats.md")]
pub mod threats {}
#[doc = include_str!("troubleshooting.md")]
pub mod troubleshooting {}
#[doc = include_str!("your_own_store.md")]
pub mod your_own_store {}
