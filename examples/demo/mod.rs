//! What the small examples share: a Heroku simulator, and a `HerokuSso` that talks to it.
//!
//! A real add-on has three lines here: `HerokuSso::builder(Manifest::from_env()?).build()?`,
//! `spawn_sync()`, and its own listener.

use std::env;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tower_heroku_sso::simulator::Simulator;
use tower_heroku_sso::sync::SyncHandle;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, CookieTransport, HerokuSso, Manifest, OauthGrant, SsoSalt,
};

pub(crate) struct Demo {
    pub(crate) sso: HerokuSso,
    listener: TcpListener,
    simulator: Simulator,
    _sync: SyncHandle,
}

impl Demo {
    /// Starts the simulator, with its demo world registered, on loopback ports of `PORT` (3000) and
    /// `SIMULATOR_PORT` (3001).
    pub(crate) async fn start(landing_path: &str) -> Result<Self, Box<dyn Error>> {
        let listener = TcpListener::bind(loopback("PORT", 3000)?).await?;
        let simulator = Simulator::builder()
            .bind(loopback("SIMULATOR_PORT", 3001)?)
            .partner_url(format!("http://{}", listener.local_addr()?))
            .start()
            .await?;
        simulator.demo();
        let manifest = Manifest::new(
            simulator.slug(),
            AddonPassword::new(simulator.password())?,
            SsoSalt::new(simulator.sso_salt())?,
            ClientSecret::new(simulator.client_secret())?,
        );
        let sso = HerokuSso::builder(manifest)
            .api_url(simulator.url().parse()?)
            .id_url(simulator.url().parse()?)
            .cookies(CookieTransport::InsecureHttp)
            .refresh_interval(Duration::from_secs(30))
            .landing_path(landing_path)
            .build()?;
        for app in simulator.apps() {
            let addon = app.addon();
            let grant = OauthGrant::Code(addon.grant_code().into());
            sso.register(&addon.resource_id(), grant).await?;
        }
        Ok(Self {
            _sync: sso.spawn_sync(),
            sso,
            listener,
            simulator,
        })
    }

    pub(crate) async fn serve(self, app: Router) -> Result<(), Box<dyn Error>> {
        println!("add-on:            http://{}", self.listener.local_addr()?);
        println!("heroku simulator:  {}", self.simulator.dashboard_url());
        axum::serve(self.listener, app).await?;
        Ok(())
    }
}

fn loopback(variable: &str, default: u16) -> Result<SocketAddr, Box<dyn Error>> {
    let port = match env::var(variable) {
        Ok(port) => port
            .parse()
            .map_err(|_| format!("{variable} must be a port number"))?,
        Err(_) => default,
    };
    Ok((Ipv4Addr::LOCALHOST, port).into())
}
