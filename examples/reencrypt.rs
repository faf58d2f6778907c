//! Encrypts every token in the store of `DATABASE_URL` with the first key of `TOKEN_ENCRYPTION_KEY`, and
//! prints the number of resources: a step of changing the key, see DEPLOYING.md.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use tower_heroku_sso::store::{EncryptionKeys, PostgresStore, SqliteStore};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(count) => {
            println!("reencrypted {count}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}", shared::process::explain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<usize, Box<dyn Error>> {
    let url = env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let keys = env::var("TOKEN_ENCRYPTION_KEY")
        .map_err(|error| error.to_string())
        .and_then(|keys| keys.parse::<EncryptionKeys>().map_err(|it| it.to_string()));
    let keys = keys.map_err(|error| format!("TOKEN_ENCRYPTION_KEY: {error}"))?;
    Ok(match url.strip_prefix("sqlite:") {
        Some(path) => {
            let path = path.strip_prefix("//").unwrap_or(path);
            SqliteStore::open(path, keys).await?.reencrypt().await?
        }
        None => {
            PostgresStore::connect(&url, keys)
                .await?
                .reencrypt()
                .await?
        }
    })
}
