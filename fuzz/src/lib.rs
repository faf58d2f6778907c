//! Shared by the targets: one add-on with one resource, at a fixed time, and the conversion of inputs to
//! requests.
//!
//! Inputs consist of lines, so that the corpora can be read and written by hand. The secrets are for this
//! program only, and the clock is fixed, so that an input always has the same meaning.

pub mod form;
pub mod lines;
pub mod signed;
pub mod site;

use time::OffsetDateTime;
use time::macros::datetime;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Email, Manifest, ResourceId, SsoSalt, WebhookSecret,
};

/// The fixed time: 1767225600.
pub const NOW: OffsetDateTime = datetime!(2026-01-01 00:00:00 UTC);
pub const SLUG: &str = "acme-db";
pub const SALT: &str = "2f97bfa52ca102f8874716e2eb1d3b4920ad0be4";
pub const WEBHOOK_SECRET: &str = "fuzzed-webhook-secret";
/// The resource's app.
pub const APP: &str = "a0000000-0000-4000-8000-000000000001";

pub fn resource() -> ResourceId {
    "01234567-89ab-cdef-0123-456789abcdef".parse().unwrap()
}

/// The only person on the list.
pub fn ann() -> Email {
    "ann@example.com".parse().unwrap()
}

pub fn client_secret() -> ClientSecret {
    ClientSecret::new("fuzzed-oauth-client-secret").unwrap()
}

pub fn webhook_secret() -> WebhookSecret {
    WebhookSecret::new(WEBHOOK_SECRET).unwrap()
}

pub fn salt() -> SsoSalt {
    SsoSalt::new(SALT).unwrap()
}

pub fn manifest() -> Manifest {
    let password = AddonPassword::new("fuzzed-partner-password").unwrap();
    Manifest::new(SLUG, password, salt(), client_secret())
}
