//! The layer.

use std::sync::Arc;

use tower::Layer;

use super::Keeper;
use super::mode::Mode;
use super::service::HerokuSsoGate;

/// Wraps a service in the gate. Made by [`HerokuSso::layer`](crate::HerokuSso::layer) and
/// [`HerokuSso::identify_layer`](crate::HerokuSso::identify_layer); see the [module docs](crate::gate).
#[derive(Clone, Debug)]
#[must_use = "a layer guards nothing until it is applied to a service"]
pub struct HerokuSsoLayer {
    keeper: Arc<Keeper>,
    mode: Mode,
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
