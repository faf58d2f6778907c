//! The statements that a sign-in and a request cost.

use std::io;
use std::sync::{Arc, Mutex};

use support::world::World;
use tower_heroku_sso::HerokuSsoBuilder;
use tower_sessions_sqlx_store::PostgresStore as PostgresSessions;
use tower_sessions_sqlx_store::sqlx::PgPool;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::place::{Place, Postgres};
use crate::replicas::soon::eventually;

/// The statements of this thread: sqlx logs each.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<String>>);

impl Statements {
    fn count(&self) -> usize {
        let log = std::mem::take(&mut *self.0.lock().unwrap());
        println!("{log}");
        log.lines()
            .filter(|line| line.contains("sqlx::query"))
            .count()
    }
}

impl Statements {
    /// Waits for the end of the first sweep, which the first sign-in begins.
    async fn swept(&self) {
        let deletions = || {
            let log = self.0.lock().unwrap();
            let deletes = |line: &&str| {
                line.contains("sqlx::query")
                    && line.contains("DELETE FROM tower_heroku_sso.session")
            };
            log.lines().filter(deletes).count()
        };
        eventually("the store is swept", async || deletions() == 2).await;
    }
}

impl io::Write for Statements {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.lock().unwrap().push_str(&text);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The statements of a sign-in, of one in a browser with a session, of a first request, and of a second.
async fn counted(
    set_up: impl AsyncFn(HerokuSsoBuilder, &Postgres) -> HerokuSsoBuilder,
) -> [usize; 4] {
    let statements = Statements::default();
    let writer = statements.clone();
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("sqlx::query=debug"))
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _log = log.set_default();
    let place = Postgres::new().await;
    let store = place.open().await;
    let mut built = None;
    let world = World::with(|builder| {
        let builder = builder.store(store);
        built = Some(builder.clone());
        builder
    })
    .await;
    let builder = set_up(built.unwrap(), &place).await;
    let (_, address) = world.another_gate(|_| builder).await;
    let addon = world.addon().await;
    let browser = support::browser::Browser::new(address);
    // Fetches the list.
    let form = addon.sign_in_form("owner@example.com");
    assert_eq!(browser.submit(&form).await.status, 303);
    browser.drop_cookie("__Host-heroku_sso");
    statements.swept().await;
    statements.count();
    let sign_in = async || {
        world.clock.advance(std::time::Duration::from_secs(1));
        let form = addon.sign_in_form("ann@example.com");
        let request = browser.request(reqwest::Method::POST, "/heroku/sso");
        let request = request
            .header("content-type", support::browser::FORM)
            .body(form.body());
        assert_eq!(browser.send(request).await.status, 303);
        statements.count()
    };
    let visit = async || {
        assert_eq!(browser.fetch("/page").await.status, 200);
        statements.count()
    };
    [
        sign_in().await,
        sign_in().await,
        visit().await,
        visit().await,
    ]
}

#[tokio::test]
async fn sign_in_costs_five_statements_and_a_cached_request_none() {
    let own = counted(async |builder, _| builder).await;
    let given = counted(async |builder, place| {
        let sessions = PostgresSessions::new(PgPool::connect(&place.url).await.unwrap());
        sessions.migrate().await.unwrap();
        builder.session_store(sessions)
    })
    .await;
    println!("own {own:?}, given {given:?}");
    // A form is consumed with each of its two tokens.
    assert_eq!(own, [5, 7, 1, 0]);
    assert!(own[0] < given[0] && own[1] < given[1]);
    assert!(own[2] < given[2]);
}
