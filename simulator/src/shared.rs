//! What the server and the handles have in common.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::clock::Clock;
use super::state::State;

/// The settings, which stay, and the [`State`], which changes.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) address: SocketAddr,
    pub(super) slug: String,
    pub(super) password: String,
    pub(super) sso_salt: String,
    pub(super) client_secret: String,
    pub(super) sso_path: String,
    pub(super) clock: Arc<Clock>,
    pub(super) http: reqwest::Client,
    pub(super) state: Mutex<State>,
    /// Held while webhooks are delivered, so that each notification goes out once.
    pub(super) delivering: tokio::sync::Mutex<()>,
    pub(super) stop: watch::Receiver<bool>,
}

impl Shared {
    /// The state, locked. Never held across an await.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Now, in whole seconds as Heroku writes times.
    pub(super) fn now(&self) -> OffsetDateTime {
        let now = self.clock.now().replace_nanosecond(0);
        now.expect("every second has a nanosecond 0")
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same under the name `localhost`: another site to a browser than `127.0.0.1`.
    pub(super) fn dashboard_url(&self) -> String {
        dashboard_url(self.address)
    }

    /// Where the sign-in form goes.
    pub(super) fn sso_url(&self) -> String {
        format!("{}{}", self.state().partner_url, self.sso_path)
    }

    /// Resolves when the simulator stops.
    pub(super) async fn stopped(&self) {
        // An error means that the last handle is gone, which is a stop as well.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}

pub(super) fn dashboard_url(address: SocketAddr) -> String {
    format!("http://localhost:{}", address.port())
}
