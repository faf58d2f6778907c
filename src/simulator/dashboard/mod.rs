//! The page for people.

use std::sync::Arc;

use axum::Router;

use super::state::Shared;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
}
