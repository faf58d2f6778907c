//! The table of tokens that the add-on has kept since its resources were provisioned.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use heroku_addon_simulator::Simulator;
use serde::Deserialize;
use serde_json::json;

/// Heroku's answer to the exchange of a grant code.
#[derive(Deserialize)]
struct Tokens {
    access_token: String,
    refresh_token: String,
    expires_in: u64,
}

/// The table as JSON lines. In your app it is in a database.
pub(crate) async fn table(heroku: &Simulator) -> Result<String, Box<dyn Error>> {
    let client = reqwest::Client::new();
    let mut lines = String::new();
    for app in heroku.apps() {
        let addon = app.addon();
        let form = [
            ("grant_type", "authorization_code".to_owned()),
            ("code", addon.grant_code()),
            ("client_secret", heroku.client_secret()),
        ];
        let request = client.post(format!("{}/oauth/token", heroku.url()));
        let answer = request.form(&form).send().await?.error_for_status()?;
        let tokens: Tokens = answer.json().await?;
        let ends = SystemTime::now() + Duration::from_secs(tokens.expires_in);
        let row = json!({
            "resource": addon.id().to_string(),
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "expires_at": ends.duration_since(UNIX_EPOCH)?.as_secs(),
        });
        lines += &format!("{row}\n");
        addon.mark_provisioned();
    }
    Ok(lines)
}
