//! R11: a dump of the database opens no session and shows no token.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use heroku_sso_store::Store;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection, Row, SqliteConnection};
use support::browser::Browser;
use support::ids::AddOnExt as _;
use support::world::World;
use tower_heroku_sso::jwt::{JwtKey, JwtKeys};
use tower_heroku_sso::{HerokuSsoBuilder, VerifiedEmail};

use crate::place::{Place, Postgres, Sqlite};

const COOKIE: &str = "__Host-heroku_sso";

/// Every value of every table, as text and in hex.
async fn dump_of_sqlite(place: &Sqlite) -> BTreeSet<String> {
    let file = format!("sqlite:{}", place.file().display());
    let mut connection = SqliteConnection::connect(&file).await.unwrap();
    let tables: Vec<(String,)> =
        sqlx::query_as("SELECT name FROM sqlite_master WHERE type = 'table'")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    let mut values = BTreeSet::new();
    for (table,) in tables {
        let columns: Vec<(String,)> = sqlx::query_as("SELECT name FROM pragma_table_info(?1)")
            .bind(&table)
            .fetch_all(&mut connection)
            .await
            .unwrap();
        for (column,) in columns {
            for shown in ["CAST({} AS TEXT)", "hex({})"] {
                let shown = shown.replace("{}", &format!("\"{column}\""));
                let read = format!("SELECT {shown} FROM \"{table}\" WHERE {shown} NOT NULL");
                let rows = sqlx::query(&read).fetch_all(&mut connection).await.unwrap();
                // A ciphertext is not valid text.
                values.extend(
                    rows.iter()
                        .filter_map(|row| row.try_get::<String, _>(0).ok()),
                );
            }
        }
    }
    values
}

async fn dump_of_postgres(place: &Postgres) -> BTreeSet<String> {
    let mut connection = PgConnection::connect(&place.url).await.unwrap();
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_schema::text, table_name::text FROM information_schema.tables
         WHERE table_schema NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut values = BTreeSet::new();
    for (schema, table) in tables {
        let columns: Vec<(String,)> = sqlx::query_as(
            "SELECT column_name::text FROM information_schema.columns
             WHERE table_schema = $1 AND table_name = $2",
        )
        .bind(&schema)
        .bind(&table)
        .fetch_all(&mut connection)
        .await
        .unwrap();
        for (column,) in columns {
            let read = format!(
                "SELECT \"{column}\"::text FROM \"{schema}\".\"{table}\"
                 WHERE \"{column}\" IS NOT NULL"
            );
            let rows = sqlx::query(&read).fetch_all(&mut connection).await.unwrap();
            values.extend(rows.iter().map(|row| row.get::<String, _>(0)));
        }
    }
    values
}

/// The cookies and tokens that a thief would try: each value, its parts, and hashes encoded like session ids.
fn attempts(dump: &BTreeSet<String>) -> BTreeSet<String> {
    let is_apart = |c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c));
    let mut attempts = BTreeSet::new();
    for value in dump {
        attempts.insert(value.clone());
        for part in value.split(is_apart) {
            attempts.insert(part.to_owned());
            if let Ok(bytes) = hex::decode(part) {
                attempts.insert(URL_SAFE_NO_PAD.encode(&bytes));
                attempts.extend(bytes.chunks(16).map(|half| URL_SAFE_NO_PAD.encode(half)));
            }
        }
    }
    attempts.retain(|it| !it.is_empty() && it.len() < 4_096 && HeaderValue::from_str(it).is_ok());
    attempts
}

fn bearers(builder: HerokuSsoBuilder) -> HerokuSsoBuilder {
    let pem = include_str!("../../suite/jwt/ed25519_1.pem");
    builder.bearer_tokens(JwtKeys::new(JwtKey::ed25519_pem(pem).unwrap()))
}

async fn dump_opens_nothing<P: Place>(place: P, dump: impl AsyncFn(&P) -> BTreeSet<String>) {
    let store = place.open().await;
    let looks = place.open().await;
    let world = World::with(|builder| bearers(builder.store(store))).await;
    let addon = world.addon().await;
    let ann = world.signed_in(&addon, "ann@example.com").await;
    world.clock.advance(Duration::from_secs(1));
    let signed_out = world.signed_in(&addon, "ann@example.com").await;
    let closed = signed_out.cookie(COOKIE).unwrap();
    let out = signed_out.request(Method::POST, "/logout");
    assert_eq!(signed_out.send(out).await.status, 204);
    let verified = VerifiedEmail::assume_verified("owner@example.com".parse().unwrap());
    let (resource, none) = (addon.resource_id(), HeaderMap::new());
    let own_login = world.sso.sessions().admit(&resource, &verified, &none);
    drop(own_login.await.unwrap());
    world.clock.advance(Duration::from_secs(120));
    assert_eq!(ann.fetch("/page").await.status, 200);

    let dump = dump(&place).await;
    let session = ann.cookie(COOKIE).unwrap();
    let tokens = looks.get(&resource).await.unwrap().unwrap().tokens.unwrap();
    let id = URL_SAFE_NO_PAD.decode(&session).unwrap();
    let secrets = [
        session,
        closed,
        hex::encode(&id),
        hex::encode_upper(&id),
        tokens.access.expose_secret().to_owned(),
        tokens.refresh.expose_secret().to_owned(),
        addon.grant_code(),
        world.heroku.sso_salt().to_owned(),
        world.heroku.client_secret().to_owned(),
        world.heroku.password().to_owned(),
    ];
    for (number, secret) in secrets.iter().enumerate() {
        let has_it = |value: &&String| value.contains(secret);
        assert_eq!(dump.iter().find(has_it), None, "secret {number}");
    }
    // It has the sessions, or this proves nothing.
    let keys = world.sso.sessions().of(&resource).await.unwrap();
    assert_eq!(keys.len(), 2);
    for session in keys {
        assert!(dump.contains(session.id.as_str()));
    }
    let attempts = attempts(&dump);
    assert!(attempts.len() > 50, "{}", attempts.len());
    for attempt in &attempts {
        let thief = Browser::new(world.address);
        thief.set_cookie(COOKIE, attempt);
        assert_eq!(thief.fetch("/page").await.status, 401, "{attempt}");
        let program = Browser::new(world.address);
        let request = program.request(Method::GET, "/page");
        let request = request.header("authorization", format!("Bearer {attempt}"));
        assert_eq!(program.send(request).await.status, 401, "{attempt}");
    }
}

#[tokio::test]
async fn r11_dump_of_sqlite_opens_no_session_and_has_no_token() {
    dump_opens_nothing(Sqlite::new().await, dump_of_sqlite).await;
}

#[tokio::test]
async fn r11_dump_of_postgres_opens_no_session_and_has_no_token() {
    dump_opens_nothing(Postgres::new().await, dump_of_postgres).await;
}
