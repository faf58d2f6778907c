//! Common code of the small examples: a Heroku simulator, and a `HerokuSso` that talks to it.
//!
//! A real add-on has three lines here: `HerokuSso::from_env().await?`, `spawn_sync()`, and its own listener.

use std::env;
use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use heroku_addon_simulator::Simulator;
use tokio::net::TcpListener;
use tower_heroku_sso::sync::SyncHandle;
use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, HerokuSsoBuilder, Manifest, OauthGrant, SsoSalt,
};

use crate::process;

pub struct Demo {
    pub sso: HerokuSso,
    /// A further link to print, with its label.
    pub also: Option<(&'static str, String)>,
    listener: TcpListener,
    simulator: Simulator,
    _sync: SyncHandle,
}

impl Demo {
    /// Starts the simulator, with its demo world registered, on loopback ports of `PORT` (3000) and
    /// `SIMULATOR_PORT` (3001).
    pub async fn start(
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        let demo = Self::unregistered(set_up).await?;
        for app in demo.simulator.apps() {
            let addon = app.addon();
            let grant = OauthGrant::Code(addon.grant_code().into());
            demo.sso
                .resources()
                .register(&addon.id().into(), grant)
                .await?;
            addon.mark_provisioned();
        }
        Ok(demo)
    }

    /// The same, while the gate knows none of the resources yet.
    pub async fn unregistered(
        set_up: impl FnOnce(HerokuSsoBuilder) -> HerokuSsoBuilder,
    ) -> Result<Self, Box<dyn Error>> {
        process::log_to_stderr("info,tower_http=debug");
        let (address, heroku) = (loopback("PORT", 3000)?, loopback("SIMULATOR_PORT", 3001)?);
        let listener = TcpListener::bind(address)
            .await
            .map_err(|error| format!("the add-on cannot use {address}: {error}"))?;
        let simulator = Simulator::builder()
            .bind(heroku)
            .partner_url(format!("http://{}", listener.local_addr()?))
            .start()
            .await
            .map_err(|error| format!("the simulator cannot use {heroku}: {error}"))?;
        simulator.demo();
        let manifest = Manifest::new(
            simulator.slug(),
            AddonPassword::new(simulator.password())?,
            SsoSalt::new(simulator.sso_salt())?,
            ClientSecret::new(simulator.client_secret())?,
        );
        let builder = HerokuSso::builder(manifest)
            .api_url(simulator.url().parse()?)
            .id_url(simulator.url().parse()?)
            .insecure_cookies()
            .refresh_interval(Duration::from_secs(30));
        let sso = set_up(builder).build().await?;
        Ok(Self {
            _sync: sso.spawn_sync(),
            sso,
            also: None,
            listener,
            simulator,
        })
    }

    /// The Heroku that the add-on talks to.
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// The add-on's own address.
    pub fn origin(&self) -> io::Result<String> {
        Ok(format!("http://{}", self.listener.local_addr()?))
    }

    pub async fn serve(self, app: Router) -> Result<(), Box<dyn Error>> {
        println!("add-on:            {}", self.origin()?);
        println!("heroku simulator:  {}", self.simulator.dashboard_url());
        if let Some((what, link)) = &self.also {
            println!("{what:<19}{link}");
        }
        axum::serve(self.listener, app).await?;
        Ok(())
    }
}

/// A port of 127.0.0.1.
pub fn loopback(variable: &str, default: u16) -> Result<SocketAddr, Box<dyn Error>> {
    let port = match env::var(variable) {
        Ok(port) => port
            .parse()
            .map_err(|_| format!("{variable} must be a port number"))?,
        Err(_) => default,
    };
    Ok((Ipv4Addr::LOCALHOST, port).into())
}
