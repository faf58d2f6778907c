//! The configuration of a simulator.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use uuid::Uuid;

use super::Simulator;
use super::clock::Clock;
use super::etag::ETags;
use super::rate_pools::{RatePools, RateRules, Rates};
use super::server::Server;
use super::settings::{AnswerSettings, without_slash};
use super::shared::{Shared, dashboard_url};
use super::state::State;
use super::webhooks::{WebhookQueue, deliver_automatically};
use super::world::World;

/// How long Heroku waits for a partner.
const PARTNER_TIMEOUT: Duration = Duration::from_secs(25);

/// The settings of a [`Simulator`]. All of them have working defaults.
#[derive(Clone, Debug)]
#[must_use = "builders do nothing until `start` is called"]
pub struct SimulatorBuilder {
    bind: SocketAddr,
    slug: String,
    password: String,
    sso_salt: String,
    client_secret: String,
    clock: Arc<Clock>,
    partner_url: String,
    sso_path: String,
    page_size: usize,
    latency: Duration,
    rates: RateRules,
    delivers_webhooks: bool,
}

impl Default for SimulatorBuilder {
    fn default() -> Self {
        let secret = || Uuid::new_v4().simple().to_string();
        Self {
            bind: (Ipv4Addr::LOCALHOST, 0).into(),
            slug: "acme-db".into(),
            password: secret(),
            sso_salt: secret(),
            client_secret: Uuid::new_v4().to_string(),
            clock: Arc::new(Clock::new(SystemTime::now)),
            partner_url: "http://127.0.0.1:3000".into(),
            sso_path: "/heroku/sso".into(),
            page_size: 200,
            latency: Duration::ZERO,
            rates: RateRules::default(),
            delivers_webhooks: false,
        }
    }
}

impl SimulatorBuilder {
    /// The address to listen on. `127.0.0.1` with a free port by default.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = address;
        self
    }

    /// The add-on's slug: `id` in its manifest. `acme-db` by default.
    pub fn slug(mut self, slug: impl Into<String>) -> Self {
        self.slug = slug.into();
        self
    }

    /// The password of the Partner API. 32 random characters by default.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = password.into();
        self
    }

    /// The SSO salt. 32 random characters by default.
    pub fn sso_salt(mut self, salt: impl Into<String>) -> Self {
        self.sso_salt = salt.into();
        self
    }

    /// The OAuth client secret. 36 random characters by default.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = secret.into();
        self
    }

    /// The clock of Heroku, as a function that returns the time. The machine's clock by default.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(Clock::new(now));
        self
    }

    /// The base URL of the add-on, without a path. `http://127.0.0.1:3000` by default.
    pub fn partner_url(mut self, url: impl Into<String>) -> Self {
        self.partner_url = url.into();
        self
    }

    /// The path of the add-on's SSO endpoint. `/heroku/sso` by default.
    pub fn sso_path(mut self, path: impl Into<String>) -> Self {
        self.sso_path = path.into();
        self
    }

    /// How many entries a page of a list holds: 1 to 1000, and the nearest of these for any other number.
    /// 200 by default, as at Heroku.
    pub fn page_size(mut self, entries: usize) -> Self {
        self.page_size = entries;
        self
    }

    /// The added latency of every call of the Platform API and of the token exchange, in real time. Zero by
    /// default.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The burst of calls, and the refill per minute by the simulator's clock. 4500 and 75 by default, as
    /// at Heroku. Token exchanges, and calls without a valid token, cost nothing.
    pub fn rate_pool(mut self, size: u32, refill_per_minute: u32) -> Self {
        self.rates.size = size;
        self.rates.refill_per_minute = refill_per_minute;
        self
    }

    /// Whether a call on an empty rate pool is answered with 429 `rate_limit`, without `Retry-After`. By
    /// default it is only counted.
    pub fn enforce_rate_limit(mut self, enforced: bool) -> Self {
        self.rates.enforced = enforced;
        self
    }

    /// Which calls share a rate pool. All by default.
    pub fn rate_pools(mut self, pools: RatePools) -> Self {
        self.rates.pools = pools;
        self
    }

    /// Gives each add-on its own rate pool.
    pub fn rate_pools_per_addon(self) -> Self {
        self.rate_pools(RatePools::PerAddOn)
    }

    /// Whether a 304 draws on the rate pool. It does by default; Heroku does not document this.
    pub fn charge_not_modified(mut self, charged: bool) -> Self {
        self.rates.charges_not_modified = charged;
        self
    }

    /// Whether webhook notifications are delivered automatically, as soon as a change occurs. By default
    /// they wait for [`Webhooks::deliver`](crate::Webhooks::deliver).
    pub fn deliver_webhooks(mut self, automatically: bool) -> Self {
        self.delivers_webhooks = automatically;
        self
    }

    /// Starts the server. It requires a tokio runtime.
    ///
    /// # Errors
    /// The error of listening on the address, usually that it is in use.
    pub async fn start(self) -> io::Result<Simulator> {
        let listener = TcpListener::bind(self.bind).await?;
        let mut address = listener.local_addr()?;
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(PARTNER_TIMEOUT)
            .build()
            .map_err(io::Error::other)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared {
            address,
            slug: self.slug.clone(),
            password: self.password,
            sso_salt: self.sso_salt,
            client_secret: self.client_secret,
            sso_path: self.sso_path,
            clock: self.clock,
            http,
            state: Mutex::new(State {
                world: World::new(self.slug, dashboard_url(address)),
                webhooks: WebhookQueue::new(self.delivers_webhooks),
                authorizations: Default::default(),
                partner_url: without_slash(&self.partner_url),
                answers: AnswerSettings {
                    page_size: self.page_size,
                    latency: self.latency,
                    date_offset: time::Duration::ZERO,
                    etags: ETags::default(),
                },
                rates: Rates::new(self.rates),
                faults: Default::default(),
                log: Default::default(),
                notice: None,
            }),
            delivering: Default::default(),
            stop: stopped,
        });
        tokio::spawn(deliver_automatically(Arc::clone(&shared)));
        let server = Server::start(Arc::clone(&shared), listener, stop);
        Ok(Simulator {
            shared,
            server: Arc::new(server),
        })
    }
}
