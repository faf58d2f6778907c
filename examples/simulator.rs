//! The Heroku simulator alone, at `http://localhost:3001`, for an add-on on port 3000.

use heroku_addon_simulator::Simulator;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = std::env::var("SIMULATOR_PORT").unwrap_or_else(|_| "3001".into());
    let heroku = Simulator::builder()
        .bind(format!("127.0.0.1:{port}").parse()?)
        .start()
        .await?;
    heroku.demo();
    println!("Heroku simulator: {}", heroku.dashboard_url());
    // These lines go into the terminal of the add-on.
    println!("export INSECURE_COOKIES=1 EXPLAIN_REJECTIONS=1 REFRESH_INTERVAL_SECS=30");
    println!("export HEROKU_API_URL={0} HEROKU_ID_URL={0}", heroku.url());
    println!("export HEROKU_ADDON_SLUG={}", heroku.slug());
    println!("export HEROKU_ADDON_PASSWORD={}", heroku.password());
    println!("export HEROKU_SSO_SALT={}", heroku.sso_salt());
    println!("export HEROKU_CLIENT_SECRET={}", heroku.client_secret());
    tokio::signal::ctrl_c().await?;
    heroku.stop().await;
    Ok(())
}
