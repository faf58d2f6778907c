//! The address that the example listens on, and the Heroku that it talks to.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use heroku_addon_simulator::{AddOn, Simulator};
use tokio::net::TcpListener;
use tower_heroku_sso::{HerokuSso, HerokuSsoBuilder};

pub struct Settings {
    pub builder: HerokuSsoBuilder,
    pub listener: TcpListener,
    /// By which users reach the add-on.
    pub public_scheme: &'static str,
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
        match variable("HEROKU_SSO_SALT") {
            Some(_) => Self::real(address).await,
            None => Self::demo(address).await,
        }
    }

    async fn real(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let public_scheme = scheme(variable("INSECURE_COOKIES"));
        if public_scheme == "http" && !address.ip().is_loopback() {
            return Err("INSECURE_COOKIES=1 is for a loopback BIND address only".into());
        }
        Ok(Self {
            builder: HerokuSso::builder_from_env()?,
            listener: bind_to(address).await?,
            public_scheme,
            simulator: None,
        })
    }

    async fn demo(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
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
        let mut defaults = BTreeMap::from([
            // Short, so that a removal takes effect soon.
            ("REFRESH_INTERVAL_SECS", "30".to_owned()),
            ("INSECURE_COOKIES", "1".to_owned()),
        ]);
        if variable("HEROKU_WEBHOOK_SECRET").is_none() {
            // A collaborator who is removed in the simulator loses access immediately.
            let secret = format!("demo-{}", simulator.password());
            let url = format!("http://{address}/heroku/webhooks");
            defaults.extend([
                ("HEROKU_WEBHOOK_SECRET", secret),
                ("HEROKU_WEBHOOK_URL", url),
            ]);
            simulator.webhooks().deliver_automatically(true);
        }
        let of_simulator = BTreeMap::from([
            ("HEROKU_ADDON_SLUG", simulator.slug()),
            ("HEROKU_ADDON_PASSWORD", simulator.password()),
            ("HEROKU_SSO_SALT", simulator.sso_salt()),
            ("HEROKU_CLIENT_SECRET", simulator.client_secret()),
            ("HEROKU_API_URL", simulator.url()),
            ("HEROKU_ID_URL", simulator.url()),
        ]);
        let variables = |name: &str| {
            let fixed = of_simulator.get(name).cloned();
            let set = fixed.or_else(|| variable(name));
            set.or_else(|| defaults.get(name).cloned())
        };
        Ok(Self {
            builder: HerokuSso::builder_from_vars(variables)?,
            listener,
            public_scheme: scheme(variables("INSECURE_COOKIES")),
            simulator: Some(simulator),
        })
    }
}

/// The value of a variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

fn scheme(insecure_cookies: Option<String>) -> &'static str {
    match insecure_cookies.as_deref().map(str::trim) {
        Some("1") => "http",
        _ => "https",
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
