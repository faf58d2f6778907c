//! The address that the example listens on, and the Heroku that it talks to.

use std::env;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use heroku_addon_simulator::{AddOn, Simulator};
use tokio::net::TcpListener;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, Config, CookieTransport, Manifest, SsoSalt, WebhookSecret,
    Webhooks,
};

/// Short, so that a removal takes effect soon.
const DEMO_REFRESH: Duration = Duration::from_secs(30);

pub struct Settings {
    pub manifest: Manifest,
    pub config: Config,
    pub listener: TcpListener,
    /// Present in the demo; it stops when this is dropped.
    pub simulator: Option<Simulator>,
}

impl Settings {
    pub async fn from_env() -> Result<Self, Box<dyn Error>> {
        let bind = match env::var("BIND") {
            Ok(bind) => bind.parse().map_err(|_| "BIND must be an IP address")?,
            Err(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let address = SocketAddr::new(bind, port("PORT", 3000)?);
        let config = Config::from_env()?;
        let real = env::var_os("HEROKU_SSO_SALT").is_some_and(|salt| !salt.is_empty());
        if real {
            Self::real(config, address).await
        } else {
            Self::demo(config, address).await
        }
    }

    async fn real(config: Config, address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let insecure = config.cookies == CookieTransport::InsecureHttp;
        if insecure && !address.ip().is_loopback() {
            return Err("INSECURE_COOKIES=1 is for a loopback BIND address only".into());
        }
        Ok(Self {
            manifest: Manifest::from_env()?,
            config,
            listener: bind_to(address).await?,
            simulator: None,
        })
    }

    async fn demo(mut config: Config, address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        if !address.ip().is_loopback() {
            return Err(
                "the demo listens on a loopback address only; set HEROKU_SSO_SALT and the \
                        other variables for a real add-on"
                    .into(),
            );
        }
        let simulator_address = SocketAddr::new(address.ip(), port("SIMULATOR_PORT", 3001)?);
        let simulator = Simulator::builder()
            .bind(simulator_address)
            .partner_url(format!("http://{address}"))
            .start()
            .await
            .map_err(|error| format!("the simulator cannot use {simulator_address}: {error}"))?;
        let listener = bind_to(address).await?;
        let address = listener.local_addr()?;
        simulator.demo();
        config.api_url = simulator.url().parse()?;
        config.id_url = simulator.url().parse()?;
        if env::var_os("REFRESH_INTERVAL_SECS").is_none() {
            config.refresh_interval = DEMO_REFRESH;
        }
        if config.webhooks.is_none() {
            // A collaborator who is removed in the simulator loses access immediately.
            let secret = WebhookSecret::new(format!("demo-{}", simulator.password()))?;
            let url = format!("http://{address}/heroku/webhooks").parse()?;
            config.webhooks = Some(Webhooks::new(secret).subscribe_at(url));
            simulator.webhooks().deliver_automatically(true);
        }
        if env::var_os("INSECURE_COOKIES").is_none() {
            config.cookies = CookieTransport::InsecureHttp;
        }
        let manifest = Manifest::new(
            simulator.slug(),
            AddonPassword::new(simulator.password())?,
            SsoSalt::new(simulator.sso_salt())?,
            ClientSecret::new(simulator.client_secret())?,
        );
        Ok(Self {
            manifest,
            config,
            listener,
            simulator: Some(simulator),
        })
    }
}

async fn bind_to(address: SocketAddr) -> Result<TcpListener, String> {
    let listener = TcpListener::bind(address).await;
    listener.map_err(|error| format!("the add-on cannot use {address}: {error}"))
}

/// Provisions the add-ons, as customers would.
pub async fn provision_all(simulator: &Simulator, address: SocketAddr) {
    simulator
        .settings()
        .set_partner_url(format!("http://{address}"));
    for addon in demo_addons(simulator) {
        match addon.provision().await {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) => tracing::error!(answer.status, "provisioning was refused"),
            Err(error) => tracing::error!(%error, "provisioning failed"),
        }
    }
}

/// The add-ons of the demo's apps.
fn demo_addons(simulator: &Simulator) -> [AddOn; 3] {
    ["recipe-box", "acme-shop", "acme-billing"].map(|app| simulator.app(app).addon())
}

fn port(variable: &str, default: u16) -> Result<u16, Box<dyn Error>> {
    match env::var(variable) {
        Ok(port) => Ok(port
            .parse()
            .map_err(|_| format!("{variable} must be a port number"))?),
        Err(_) => Ok(default),
    }
}
