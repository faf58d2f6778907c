//! Connection options that the database address does not contain.

use std::net::IpAddr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::store_error::StoreError;

/// The default maximum number of connections. Most requests need none: they are checked against memory.
const DEFAULT_CONNECTIONS: u32 = 5;
/// One of them waits for events.
const MIN_CONNECTIONS: u32 = 2;

/// How [`PostgresStore::connect_with`](super::PostgresStore::connect_with) connects. The default is that
/// of [`PostgresStore::connect`](super::PostgresStore::connect).
#[derive(Clone, Copy, Debug)]
#[must_use = "options do nothing until a store is opened with them"]
pub struct PostgresOptions {
    pub(super) connections: u32,
    pub(super) transaction_pooler: bool,
    allow_unencrypted_connections: bool,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections: DEFAULT_CONNECTIONS,
            transaction_pooler: false,
            allow_unencrypted_connections: false,
        }
    }
}

impl PostgresOptions {
    /// The maximum number of connections: at least 2. Default: 5.
    pub fn connections(mut self, most: u32) -> Self {
        self.connections = most.max(MIN_CONNECTIONS);
        self
    }

    /// For the address of a pooler that assigns each transaction another connection, such as PgBouncer in
    /// transaction mode. The store then uses nothing that outlives a transaction: no startup options, no
    /// prepared statements, no session-level locks, no `LISTEN`. Each call takes two more round trips.
    /// Changes by other processes are noticed within a second, by polling the tables, and not immediately.
    ///
    /// Without this option, the store refuses to start behind such a pooler.
    pub fn transaction_pooler(mut self) -> Self {
        self.transaction_pooler = true;
        self
    }

    /// Allows `sslmode` to be `disable`, `allow` or `prefer` for a database on another machine, which is
    /// otherwise refused. An address without `sslmode` then prefers TLS instead of requiring it.
    ///
    /// An attacker on the network in between can then read and change all traffic: emails, and the members of
    /// each list.
    pub fn allow_unencrypted_connections(mut self) -> Self {
        self.allow_unencrypted_connections = true;
        self
    }

    /// The options for a connection to that address, with TLS unless it stays on this machine.
    pub(super) fn secured(
        &self,
        url: &str,
        options: PgConnectOptions,
    ) -> Result<PgConnectOptions, StoreError> {
        if self.allow_unencrypted_connections || is_on_this_machine(&options) {
            return Ok(options);
        }
        let refuse = |mode| {
            Err(StoreError::new(format!(
                "`sslmode={mode}` lets the connection to a database on another machine go without TLS: set \
                 `sslmode=require` or `verify-full`, or, if the network in between is trusted, use \
                 PostgresOptions::allow_unencrypted_connections"
            )))
        };
        match options.get_ssl_mode() {
            PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull => Ok(options),
            PgSslMode::Disable => refuse("disable"),
            PgSslMode::Allow => refuse("allow"),
            PgSslMode::Prefer if says_sslmode(url) => refuse("prefer"),
            // The default of sqlx, as the address does not set `sslmode`.
            PgSslMode::Prefer => Ok(options.ssl_mode(PgSslMode::Require)),
        }
    }
}

/// True if the connection is visible neither on the network nor to another machine.
fn is_on_this_machine(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |address: IpAddr| address.is_loopback();
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || address.parse().is_ok_and(is_loopback)
}

fn says_sslmode(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut names = query.split('&').filter_map(|pair| pair.split('=').next());
    names.any(|name| name == "sslmode" || name == "ssl-mode")
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn mode(url: &str, settings: PostgresOptions) -> Result<PgSslMode, String> {
        let options = PgConnectOptions::from_str(url).unwrap();
        let secured = settings.secured(url, options);
        let mode = secured.map(|options| options.get_ssl_mode());
        mode.map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn remote_server_without_sslmode_requires_tls() {
        for url in [
            "postgres://ann:secret@db.example.com/app",
            "postgres://ann:secret@10.0.0.7:6432/app?application_name=sslmode",
            "postgres:///app?host=db.example.com",
            "postgres://localhost.example.com/app",
            "postgres://127.0.0.1.example.com/app",
        ] {
            let mode = mode(url, PostgresOptions::default());
            assert!(matches!(mode, Ok(PgSslMode::Require)), "{url}: {mode:?}");
        }
    }

    #[test]
    fn sslmode_without_tls_is_refused_unless_allowed() {
        for weak in ["disable", "allow", "prefer"] {
            for name in ["sslmode", "ssl-mode"] {
                let url = format!("postgres://ann:secret@db.example.com/app?x=1&{name}={weak}");
                let refused = mode(&url, PostgresOptions::default()).unwrap_err();
                assert!(
                    refused.contains("allow_unencrypted_connections"),
                    "{refused}"
                );
                assert!(!refused.contains("secret"), "{refused}");
                let settings = PostgresOptions::default().allow_unencrypted_connections();
                let allowed = mode(&url, settings).unwrap();
                let is_weak = matches!(
                    allowed,
                    PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer
                );
                assert!(is_weak, "{allowed:?}");
            }
        }
        for strong in ["require", "verify-ca", "verify-full"] {
            let url = format!("postgres://db.example.com/app?sslmode={strong}");
            assert!(mode(&url, PostgresOptions::default()).is_ok());
        }
    }

    #[test]
    fn local_server_keeps_the_sslmode_of_its_url() {
        for url in [
            "postgres://postgres@127.0.0.1:5433/app",
            "postgres://localhost/app",
            "postgres://[::1]/app",
            "postgres:///app?host=/var/run/postgresql",
            "postgres://%2Fvar%2Frun%2Fpostgresql/app",
        ] {
            let mode = mode(url, PostgresOptions::default());
            assert!(matches!(mode, Ok(PgSslMode::Prefer)), "{url}: {mode:?}");
        }
        let url = "postgres://127.0.0.1/app?sslmode=disable";
        let mode = mode(url, PostgresOptions::default());
        assert!(matches!(mode, Ok(PgSslMode::Disable)), "{mode:?}");
    }
}
