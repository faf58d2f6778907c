//! An add-on's webhook endpoint, which records webhooks and answers with a configurable status.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Notify;

#[derive(Clone, Default)]
pub struct Receiver {
    pub url: String,
    status: Arc<AtomicU16>,
    seen: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    arrived: Arc<Notify>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let receiver = Self {
            url,
            ..Self::default()
        };
        receiver.answer_with(204);
        let it = receiver.clone();
        let take = async move |headers: HeaderMap, body: Bytes| {
            it.seen.lock().unwrap().push((headers, body));
            it.arrived.notify_one();
            StatusCode::from_u16(it.status.load(Ordering::Relaxed)).unwrap()
        };
        let router = Router::new().route("/hooks", post(take));
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// Takes the webhooks received since the last call.
    pub fn take(&self) -> Vec<(HeaderMap, Bytes)> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }

    /// The same, as JSON.
    pub fn take_json(&self) -> Vec<Value> {
        let seen = self.take();
        let bodies = seen.iter().map(|it| serde_json::from_slice(&it.1).unwrap());
        bodies.collect()
    }

    /// Waits for the next webhook.
    pub async fn wait(&self) -> Vec<Value> {
        loop {
            let seen = self.take_json();
            if !seen.is_empty() {
                return seen;
            }
            self.arrived.notified().await;
        }
    }
}
