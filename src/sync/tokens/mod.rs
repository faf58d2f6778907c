//! The tokens for calls to Heroku.

pub(in crate::sync) mod pending_tokens;
pub(in crate::sync) mod token_manager;
