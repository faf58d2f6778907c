//! What a process logs while its database is unavailable. Tokio's time is paused, and jumps to the next timer.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heroku_sso_store::Store as _;
use sqlx::{Connection, Executor, PgConnection};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::place::{Place, Postgres};

/// The log of this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn lines_with(&self, part: &str) -> usize {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        text.lines().filter(|line| line.contains(part)).count()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn unavailable_postgres_is_logged_once_and_not_every_second() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("tower_heroku_sso=warn"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _log = subscriber.set_default();
    let place = Postgres::new().await;
    let store = place.open().await;
    let mut events = store.shared().unwrap().events();
    let (_, name) = place.url.rsplit_once('/').unwrap();
    let server = std::env::var("TEST_POSTGRES_URL").unwrap();
    let mut server = PgConnection::connect(&server).await.unwrap();
    let lock_out = format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS false");
    server.execute(lock_out.as_str()).await.unwrap();
    let terminate =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    server.execute(terminate.as_str()).await.unwrap();
    tokio::time::pause();
    let next = tokio::time::timeout(Duration::from_secs(120), events.next()).await;
    assert!(next.is_err(), "{next:?}");
    for said in ["LISTEN failed", "polling failed"] {
        assert_eq!(log.lines_with(said), 1, "{said}");
    }
}
