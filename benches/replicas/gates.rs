//! The measured gates, and their signed-in users.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use heroku_addon_simulator::{AddOn, Simulator};
use http::{Request, Response};
use sqlx::{Connection, Executor, PgConnection};
use tower::ServiceExt;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, PostgresStore};
use tower_heroku_sso::{
    AddonPassword, ClientSecret, HerokuSso, HerokuSsoBuilder, Manifest, SsoSalt,
};

use crate::Result;

pub fn builder(heroku: &Simulator) -> Result<HerokuSsoBuilder> {
    let manifest = Manifest::new(
        heroku.slug(),
        AddonPassword::new(heroku.password())?,
        SsoSalt::new(heroku.sso_salt())?,
        ClientSecret::new(heroku.client_secret())?,
    );
    Ok(HerokuSso::builder(manifest)
        .api_url(heroku.url().parse()?)
        .id_url(heroku.url().parse()?))
}

pub fn router(sso: &HerokuSso) -> Router {
    let page = Router::new().route("/", get(|| async { "in" }));
    page.layer(sso.layer())
}

/// Signs a user in and returns the cookie.
pub async fn sign_in(router: &Router, addon: &AddOn, email: &str) -> Result<String> {
    let form = addon.sign_in_form(email).body();
    let request = Request::post("/heroku/sso")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(form))?;
    let answer = router.clone().oneshot(request).await?;
    if answer.status() != 303 {
        return Err(format!("a sign-in was answered with {}", answer.status()).into());
    }
    let cookie = answer.headers()["set-cookie"].to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

pub async fn visit(router: &Router, cookie: &str) -> Result<Response<Body>> {
    let request = Request::get("/").header("cookie", cookie);
    Ok(router.clone().oneshot(request.body(Body::empty())?).await?)
}

/// An empty database on the server that `scripts/with-servers` started.
pub async fn database(name: &str) -> Result<String> {
    let server = std::env::var("TEST_POSTGRES_URL")
        .map_err(|_| "TEST_POSTGRES_URL: run by scripts/with-servers cargo bench")?;
    let mut connection = PgConnection::connect(&server).await?;
    let name = format!("bench_{name}_{}", std::process::id());
    connection
        .execute(format!("CREATE DATABASE {name}").as_str())
        .await?;
    let (server, _) = server.rsplit_once('/').ok_or("an address without a name")?;
    Ok(format!("{server}/{name}"))
}

pub async fn store(url: &str) -> Result<PostgresStore> {
    let key = EncryptionKey::from_base64("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")?;
    Ok(PostgresStore::connect(url, EncryptionKeys::new(key)).await?)
}
