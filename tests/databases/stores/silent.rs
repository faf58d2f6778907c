//! A database that stops answering at some point. From then on tokio's time is paused and jumps to the next
//! timer.

use std::sync::Arc;
use std::time::Duration;

use heroku_sso_store::{SessionKey, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tower_heroku_sso::ResourceId;
use tower_heroku_sso::store::PostgresStore;
use uuid::Uuid;

use crate::place::{Place, Postgres, keys};

/// A proxy between the store and its database.
struct Between {
    url: String,
    silent: Arc<watch::Sender<bool>>,
}

impl Between {
    /// Falls silent when a client sends these words.
    async fn start(database: &Postgres, last_words: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (server, name) = database.url.rsplit_once('/').unwrap();
        let (user, server) = server.rsplit_once('@').unwrap();
        let url = format!("{user}@{address}/{name}?sslmode=disable");
        let silent = Arc::new(watch::Sender::new(false));
        let (server, switch) = (server.to_owned(), Arc::clone(&silent));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (from_client, to_client) = client.into_split();
                let server = TcpStream::connect(&server).await.unwrap();
                let (from_server, to_server) = server.into_split();
                tokio::spawn(pass(
                    from_client,
                    to_server,
                    Arc::clone(&switch),
                    last_words,
                ));
                tokio::spawn(pass(from_server, to_client, Arc::clone(&switch), ""));
            }
        });
        Self { url, silent }
    }

    fn fall_silent(&self) {
        self.silent.send_replace(true);
    }

    async fn is_silent(&self) {
        self.silent.subscribe().wait_for(|it| *it).await.unwrap();
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    silent: Arc<watch::Sender<bool>>,
    last_words: &str,
) {
    let mut piece = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut piece).await.unwrap_or(0);
        if length == 0 {
            return;
        }
        let said = String::from_utf8_lossy(&piece[..length]);
        if !last_words.is_empty() && said.contains(last_words) {
            silent.send_replace(true);
        }
        if *silent.borrow() {
            // Both connections stay open.
            return std::future::pending().await;
        }
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}

/// In whole seconds: a call may begin just before the time is paused.
fn seconds_since(begun: Instant) -> f32 {
    begun.elapsed().as_secs_f32().round()
}

fn unknown() -> ResourceId {
    Uuid::nil().into()
}

#[tokio::test]
async fn silent_postgres_fails_after_its_deadlines() {
    let database = Postgres::new().await;
    // So that the tables exist.
    drop(database.open().await);
    let between = Between::start(&database, "closed_session").await;
    let store = PostgresStore::connect_with_at_most(2, &between.url, keys());
    let store = store.await.unwrap();
    let begin = async {
        between.is_silent().await;
        tokio::time::pause();
        Instant::now()
    };
    let session = SessionKey::from_stored("unknown");
    let (answer, begun) = tokio::join!(store.is_session_closed(&session), begin);
    assert!(answer.is_err());
    assert_eq!(seconds_since(begun), 10.0);
    // From now on new connections get no answer.
    let begun = Instant::now();
    let answer = store.get(&unknown()).await;
    assert!(answer.is_err());
    assert_eq!(seconds_since(begun), 3.0);
}

#[tokio::test]
async fn connecting_to_a_silent_postgres_fails_after_10_seconds() {
    let database = Postgres::new().await;
    let between = Between::start(&database, "").await;
    between.fall_silent();
    tokio::time::pause();
    let begun = Instant::now();
    let error = PostgresStore::connect(&between.url, keys())
        .await
        .unwrap_err();
    assert_eq!(seconds_since(begun), 10.0);
    assert!(format!("{error:?}").contains("within 10 s"), "{error:?}");
}

#[tokio::test]
async fn error_names_the_deadline_of_the_connection_after_the_migration() {
    let database = Postgres::new().await;
    let between = Between::start(&database, "statement_timeout").await;
    let begin = async {
        between.is_silent().await;
        tokio::time::pause();
        Instant::now()
    };
    let (connected, begun) = tokio::join!(PostgresStore::connect(&between.url, keys()), begin);
    assert_eq!(seconds_since(begun), 3.0);
    let error = connected.unwrap_err();
    assert!(format!("{error:?}").contains("within 3 s"), "{error:?}");
}

#[tokio::test]
async fn migration_on_a_silent_postgres_times_out() {
    let database = Postgres::new().await;
    let between = Between::start(&database, "search_path").await;
    let begin = async {
        between.is_silent().await;
        tokio::time::pause();
        Instant::now()
    };
    let (connected, begun) = tokio::join!(PostgresStore::connect(&between.url, keys()), begin);
    assert!(
        begun.elapsed() >= Duration::from_secs(290),
        "{:?}",
        begun.elapsed()
    );
    let error = connected.unwrap_err();
    assert!(format!("{error:?}").contains("in time"), "{error:?}");
}
