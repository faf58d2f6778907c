//! The store that `DATABASE_URL` names.

use std::sync::Arc;

use heroku_sso_store::Store;
use secrecy::{ExposeSecret, SecretString};

use super::SetupError;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use super::variables::variable;
#[cfg(feature = "postgres")]
use crate::store::PostgresStore;
#[cfg(feature = "sqlite")]
use crate::store::SqliteStore;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
use crate::store::{EncryptionKeys, StoreError};

const URL: &str = "DATABASE_URL";
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub(super) const KEY: &str = "TOKEN_ENCRYPTION_KEY";

/// A database that is not connected yet. One that cannot be used is an error, never replaced by memory.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(super) url: SecretString,
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) keys: Option<EncryptionKeys>,
}

impl Database {
    pub(crate) async fn open(self) -> Result<Arc<dyn Store>, SetupError> {
        let url = self.url.expose_secret();
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        match scheme {
            "postgres" | "postgresql" => self.open_postgres().await,
            "sqlite" => self.open_sqlite().await,
            _ => Err(invalid("expected `postgres://…` or `sqlite:FILE`")),
        }
    }

    #[cfg(feature = "postgres")]
    async fn open_postgres(self) -> Result<Arc<dyn Store>, SetupError> {
        let store = PostgresStore::connect(self.url.expose_secret(), keys(self.keys)?).await;
        Ok(Arc::new(store.map_err(unusable)?))
    }

    #[cfg(not(feature = "postgres"))]
    async fn open_postgres(self) -> Result<Arc<dyn Store>, SetupError> {
        Err(feature_off("postgres"))
    }

    #[cfg(feature = "sqlite")]
    async fn open_sqlite(self) -> Result<Arc<dyn Store>, SetupError> {
        let url = self.url.expose_secret();
        let path = url.strip_prefix("sqlite:").unwrap_or_default();
        let path = path.strip_prefix("//").unwrap_or(path);
        // SQLite and other programs do not read these as the name of a file.
        let is_uri = path.to_ascii_lowercase().starts_with("file:");
        if path.is_empty() || path.starts_with(':') || path.contains('?') || is_uri {
            return Err(invalid("expected `sqlite:FILE`, without options"));
        }
        let store = SqliteStore::open(path, keys(self.keys.clone())?).await;
        Ok(Arc::new(store.map_err(unusable)?))
    }

    #[cfg(not(feature = "sqlite"))]
    async fn open_sqlite(self) -> Result<Arc<dyn Store>, SetupError> {
        Err(feature_off("sqlite"))
    }
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn keys(keys: Option<EncryptionKeys>) -> Result<EncryptionKeys, SetupError> {
    keys.ok_or_else(|| SetupError::MissingVariables {
        variables: vec![variable(KEY).missing()],
    })
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn unusable(source: StoreError) -> SetupError {
    SetupError::Database { source }
}

fn invalid(reason: &str) -> SetupError {
    SetupError::InvalidVariable {
        variable: URL,
        reason: reason.to_owned(),
    }
}

#[cfg(not(all(feature = "postgres", feature = "sqlite")))]
fn feature_off(feature: &'static str) -> SetupError {
    SetupError::FeatureOff {
        variable: URL,
        feature,
    }
}
