//! The layer.

use std::sync::Arc;

use tower::Layer;

use super::Keeper;
use super::service::HerokuSsoGate;

/// Wraps a service in the gate. Made by [`HerokuSso::layer`](crate::HerokuSso::layer) and
/// [`HerokuSso::identify_layer`](crate::HerokuSso::identify_layer); see the [module docs](crate::gate).
#[derive(Clone, Debug)]
#[must_use = "a layer guards nothing until it is applied to a service"]
pub struct HerokuSsoLayer {
    keeper: Arc<Keeper>,
    mode: Mode,
}

/// What happens to a request that does not pass the check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Mode {
    /// It is refused.
    Guard,
    /// It goes on, without a [`HerokuUser`](super::HerokuUser).
    Identify,
}

impl HerokuSsoLayer {
    pub(crate) fn guard(keeper: Arc<Keeper>) -> Self {
        Self {
            keeper,
            mode: Mode::Guard,
        }
    }

    pub(crate) fn identify(keeper: Arc<Keeper>) -> Self {
        Self {
            keeper,
            mode: Mode::Identify,
        }
    }
}

impl<S> Layer<S> for HerokuSsoLayer {
    type Service = HerokuSsoGate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HerokuSsoGate::new(inner, Arc::clone(&self.keeper), self.mode)
    }
}
