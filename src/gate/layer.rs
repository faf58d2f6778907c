//! The layer.

use std::sync::Arc;

use tower::Layer;

use super::GateState;
use super::mode::Mode;
use super::service::HerokuSsoGate;

/// Wraps a service in the gate. Made by [`HerokuSso::layer`](crate::HerokuSso::layer) and
/// [`HerokuSso::optional_layer`](crate::HerokuSso::optional_layer); see the [module docs](crate::gate).
#[derive(Clone, Debug)]
#[must_use = "a layer guards nothing until it is applied to a service"]
pub struct HerokuSsoLayer {
    gate: Arc<GateState>,
    mode: Mode,
}

impl HerokuSsoLayer {
    pub(crate) fn required(gate: Arc<GateState>) -> Self {
        Self {
            gate,
            mode: Mode::Required,
        }
    }

    pub(crate) fn optional(gate: Arc<GateState>) -> Self {
        Self {
            gate,
            mode: Mode::Optional,
        }
    }
}

impl<S> Layer<S> for HerokuSsoLayer {
    type Service = HerokuSsoGate<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HerokuSsoGate::new(inner, Arc::clone(&self.gate), self.mode)
    }
}
