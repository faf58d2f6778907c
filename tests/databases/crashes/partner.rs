//! The partner's system, which the add-on calls to deprovision. It outlives the add-on's processes.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use support::world::serve;
use tokio::sync::watch;

use crate::replicas::soon::eventually;

/// The partner's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Says {
    /// No answer.
    Nothing,
    Done,
    Later,
    TryLater,
}

#[derive(Clone)]
pub struct Partner {
    pub url: String,
    says: Arc<watch::Sender<Says>>,
    /// The ids of its calls, and its answers.
    calls: Arc<Mutex<Vec<(String, Says)>>>,
}

impl Partner {
    pub async fn start() -> Self {
        let mut partner = Self {
            url: String::new(),
            says: Arc::new(watch::Sender::new(Says::Done)),
            calls: Arc::default(),
        };
        let app = Router::new()
            .route("/deprovision/{id}", post(deprovision))
            .with_state(partner.clone());
        partner.url = format!("http://{}", serve(app).await);
        partner
    }

    pub fn says(&self, says: Says) {
        self.says.send_replace(says);
    }

    pub fn calls(&self) -> Vec<(String, Says)> {
        self.calls.lock().unwrap().clone()
    }

    /// Waits until it has been called this often in total.
    pub async fn called(&self, times: usize) {
        let what = format!("the partner has {times} calls");
        eventually(&what, async || self.calls().len() >= times).await;
    }
}

async fn deprovision(State(partner): State<Partner>, Path(id): Path<String>) -> StatusCode {
    let number = {
        let mut calls = partner.calls.lock().unwrap();
        calls.push((id, Says::Nothing));
        calls.len() - 1
    };
    let mut says = partner.says.subscribe();
    let said = *says.borrow();
    if said == Says::Nothing {
        // The caller is killed meanwhile.
        says.changed().await.unwrap();
    }
    partner.calls.lock().unwrap()[number].1 = said;
    match said {
        Says::Done => StatusCode::OK,
        Says::Later => StatusCode::ACCEPTED,
        Says::Nothing | Says::TryLater => StatusCode::SERVICE_UNAVAILABLE,
    }
}
