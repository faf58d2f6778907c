//! The HTTP server: all of Heroku's hosts on one port.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::connection::{LoopbackListener, ResetSwitch};
use super::guard::guard;
use super::refusal::Refusal;
use super::shared::Shared;
use super::webhooks::api as webhook_api;
use super::{Endpoint, attachments, dashboard, platform_api, provisioning, token_exchange};

/// How long a stop waits for answers in progress.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// The running server. It stops when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Server {
    pub(super) fn start(
        shared: Arc<Shared>,
        listener: TcpListener,
        stop: watch::Sender<bool>,
    ) -> Self {
        let service =
            router(Arc::clone(&shared)).into_make_service_with_connect_info::<ResetSwitch>();
        let task = tokio::spawn(async move {
            let serving = axum::serve(LoopbackListener(listener), service);
            // Never an error: a failed accept is retried.
            let _ = serving
                .with_graceful_shutdown(async move { shared.stopped().await })
                .await;
        });
        Self {
            stop,
            task: Mutex::new(Some(task)),
        }
    }

    pub(super) async fn stop(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().take();
        if let Some(task) = task {
            // The port is closed immediately. After the timeout only answers without a reader remain.
            let _ = tokio::time::timeout(STOP_TIMEOUT, task).await;
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    let of = |endpoint, method: MethodRouter<Arc<Shared>>| {
        method.layer(from_fn_with_state((Arc::clone(&shared), endpoint), guard))
    };
    let collaborators = get(platform_api::collaborators);
    let config = get(provisioning::config).patch(provisioning::change_config);
    let webhooks = get(webhook_api::list).post(webhook_api::create);
    let webhook = get(webhook_api::info)
        .patch(webhook_api::update)
        .delete(webhook_api::delete);
    Router::new()
        .route(
            "/addons/{addon}",
            of(Endpoint::AddOn, get(platform_api::addon)),
        )
        .route("/apps/{app}", of(Endpoint::App, get(platform_api::app)))
        .route(
            "/apps/{app}/collaborators",
            of(Endpoint::Collaborators, collaborators),
        )
        .route(
            "/teams/{team}/members",
            of(Endpoint::TeamMembers, get(platform_api::members)),
        )
        .route(
            "/addons/{addon}/addon-attachments",
            of(Endpoint::Attachments, get(attachments::list)),
        )
        .route("/addons/{addon}/config", of(Endpoint::Config, config))
        .route(
            "/addons/{addon}/actions/provision",
            of(Endpoint::Actions, post(provisioning::provisioned)),
        )
        .route(
            "/addons/{addon}/actions/deprovision",
            of(Endpoint::Actions, post(provisioning::deprovisioned)),
        )
        .route("/addons/{addon}/webhooks", of(Endpoint::Webhooks, webhooks))
        .route(
            "/addons/{addon}/webhooks/{webhook}",
            of(Endpoint::Webhooks, webhook),
        )
        .route(
            "/oauth/token",
            of(Endpoint::Token, post(token_exchange::token)),
        )
        .merge(dashboard::router())
        .fallback(async || Refusal::NOT_FOUND)
        .with_state(Arc::clone(&shared))
}
