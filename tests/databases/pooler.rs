//! A PgBouncer in transaction mode in front of the server of the tests.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use tower_heroku_sso::store::{EncryptionKeys, PostgresOptions, PostgresStore, StoreError};

use crate::place::{Place, Postgres};

/// Connections to the server: few, so that transactions share them.
const SERVER_CONNECTIONS: u32 = 2;

pub struct Pooler {
    process: Child,
    port: u16,
    _files: TempDir,
}

impl Pooler {
    /// With additional settings, one per line.
    pub fn start(settings: &str) -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").expect("run by scripts/with-servers");
        let (_, authority) = server.rsplit_once('@').unwrap();
        let (host, port) = authority
            .split('/')
            .next()
            .unwrap()
            .split_once(':')
            .unwrap();
        let own_port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let files = tempfile::tempdir().unwrap();
        // As root, it is run as another user.
        let is_root = Path::new("/proc/self").metadata().unwrap().uid() == 0;
        let user = if is_root { "user = postgres" } else { "" };
        std::fs::set_permissions(files.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let config = files.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={host} port={port} user=postgres\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {own_port}\nunix_socket_dir =\n{user}\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\n\
             max_client_conn = 200\n{settings}\n"
        );
        std::fs::write(&config, text).unwrap();
        let start = |program| {
            let mut command = Command::new(program);
            let command = command.arg(&config).stdout(Stdio::null());
            command.stderr(Stdio::null()).spawn()
        };
        // Debian installs it in root's path only.
        let process = start("pgbouncer").or_else(|_| start("/usr/sbin/pgbouncer"));
        let pooler = Self {
            process: process.expect("pgbouncer: run scripts/test, or install it"),
            port: own_port,
            _files: files,
        };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", own_port)).is_ok() {
                return pooler;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("pgbouncer does not listen");
    }

    /// The address of a database through this pooler.
    pub fn address(&self, direct: &str) -> String {
        let (_, name) = direct.rsplit_once('/').unwrap();
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // It may have exited already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A database behind its own pooler.
pub struct Pooled {
    pub postgres: Postgres,
    pooler: Pooler,
}

impl Place for Pooled {
    type Store = PostgresStore;

    async fn new() -> Self {
        Self {
            postgres: Postgres::new().await,
            pooler: Pooler::start(""),
        }
    }
    async fn open_with(&self, keys: EncryptionKeys) -> Result<PostgresStore, StoreError> {
        let settings = PostgresOptions::default().transaction_pooler();
        let address = self.pooler.address(&self.postgres.url);
        PostgresStore::connect_with(settings, &address, keys).await
    }
}
