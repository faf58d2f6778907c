//! The target of log events.

/// That of the gate, so that one filter is for both.
pub(crate) const LOG: &str = "tower_heroku_sso::store";
