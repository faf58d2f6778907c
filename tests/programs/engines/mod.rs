//! What browsers do with the gate's answers, in one engine at a time: `ENGINE=chromium` (the default),
//! `firefox` or `webkit`. `scripts/release-check engines` runs all three; SECURITY.md has its last result.

mod driver;
mod libraries;
mod sessions;
mod site;
mod streams;
