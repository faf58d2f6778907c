//! Shared data of the server and the handles.

use std::net::SocketAddr;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use time::OffsetDateTime;
use tokio::sync::watch;

use super::clock::Clock;
use super::state::State;

/// The constant settings, and the mutable [`State`].
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

    /// The current time in whole seconds, as Heroku writes times.
    pub(super) fn now(&self) -> OffsetDateTime {
        let now = self.clock.now().replace_nanosecond(0);
        now.expect("every second has a nanosecond 0")
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The same with the host `localhost`: for a browser it is another site than `127.0.0.1`.
    pub(super) fn dashboard_url(&self) -> String {
        dashboard_url(self.address)
    }

    /// The URL that the sign-in form is posted to.
    pub(super) fn sso_url(&self) -> String {
        format!("{}{}", self.state().partner_url, self.sso_path)
    }

    /// Resolves when the simulator stops.
    pub(super) async fn stopped(&self) {
        // An error means that the last handle was dropped, which is a stop as well.
        let _ = self.stop.clone().wait_for(|stop| *stop).await;
    }
}

pub(super) fn dashboard_url(address: SocketAddr) -> String {
    format!("http://localhost:{}", address.port())
}
