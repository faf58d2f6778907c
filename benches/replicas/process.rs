//! An add-on in its own process, and the requests to it over its socket.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use axum::Router;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use heroku_addon_simulator::{AddOn, Simulator};
use reqwest::Client;
use tokio::net::TcpListener;
use tower_heroku_sso::{Email, HerokuSso, ResourceId};

use crate::Result;
use crate::gates::store;

/// A running add-on, which ends with this handle.
pub struct Process {
    child: Child,
    http: Client,
    origin: String,
}

/// The child process: prints its address, and serves until it is killed.
pub async fn serve() -> Result<()> {
    let url = std::env::var("DATABASE_URL")?;
    let builder = HerokuSso::builder_from_env()?.store(store(&url).await?);
    let sso = builder.build().await?;
    let _sync = sso.spawn_sync();
    let (revoking, refreshing) = (sso.clone(), sso.clone());
    // The operations of the app itself.
    let revoke = async move |Path((resource, email)): Path<(ResourceId, Email)>| {
        let done = revoking.sessions().revoke(&resource, &email).await;
        done.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
    };
    let refresh = async move |Path(resource): Path<ResourceId>| {
        let done = refreshing.lists().refresh(&resource).await.map(drop);
        done.map_err(|error| (StatusCode::SERVICE_UNAVAILABLE, error.to_string()))
    };
    let app = sso
        .protect(Router::new().route("/", get(|| async { "in" })))
        .route("/revoke/{resource}/{email}", post(revoke))
        .route("/refresh/{resource}", post(refresh))
        .merge(
            sso.routes()
                .partner_api(tower_heroku_sso::partner_api::NoProvisioning),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, app).await?)
}

impl Process {
    pub fn start(heroku: &Simulator, database: &str) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("process")
            .env("HEROKU_ADDON_SLUG", heroku.slug())
            .env("HEROKU_ADDON_PASSWORD", heroku.password())
            .env("HEROKU_SSO_SALT", heroku.sso_salt())
            .env("HEROKU_CLIENT_SECRET", heroku.client_secret())
            .env("HEROKU_API_URL", heroku.url())
            .env("HEROKU_ID_URL", heroku.url())
            .env("DATABASE_URL", database)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().ok_or("no output of the process")?;
        let mut address = String::new();
        BufReader::new(stdout).read_line(&mut address)?;
        let http = Client::builder().redirect(reqwest::redirect::Policy::none());
        Ok(Self {
            child,
            http: http.no_proxy().build()?,
            origin: format!("http://{}", address.trim()),
        })
    }

    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Signs a user in and returns the cookie.
    pub async fn sign_in(&self, addon: &AddOn, email: &str) -> Result<String> {
        let request = self.http.post(format!("{}/heroku/sso", self.origin));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request
            .body(addon.sign_in_form(email).body())
            .send()
            .await?;
        if answer.status() != 303 {
            return Err(format!("a sign-in was answered with {}", answer.status()).into());
        }
        let cookie = answer.headers()["set-cookie"].to_str()?;
        Ok(cookie.split(';').next().unwrap_or_default().to_owned())
    }

    pub async fn visit(&self, cookie: &str) -> Result<u16> {
        let request = self.http.get(&self.origin).header("cookie", cookie);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        // Read to the end, so that the connection is reused.
        answer.bytes().await?;
        Ok(status)
    }

    /// Returns with the answer.
    pub async fn post(&self, path: &str, cookie: &str) -> Result<()> {
        let request = self.http.post(format!("{}{path}", self.origin));
        let answer = request.header("cookie", cookie).send().await?;
        let status = answer.status();
        let said = answer.text().await?;
        match status.is_client_error() || status.is_server_error() {
            true => Err(format!("{path}: {status} {said}").into()),
            false => Ok(()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if it has exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
