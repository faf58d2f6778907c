//! Holds changes in the store open: a trigger keeps each in its transaction until the test releases it.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::place::{Postgres, Sqlite};
use crate::replicas::soon::eventually;

/// A change of a resource's state.
#[derive(Clone, Copy, Debug)]
pub enum Write {
    /// The answer of this number that the resource is missing.
    Answer(u32),
    Dormant,
    List,
    Grant,
    Closing,
    End,
}

impl Write {
    /// The table, the event and the row condition of the trigger.
    fn trigger(self) -> (&'static str, &'static str, String) {
        let (table, event, rows) = match self {
            Self::Answer(1) => ("absence", "INSERT", "NEW.answers = 1"),
            Self::Answer(number) => {
                let rows = format!("NEW.answers = {number}");
                return ("absence", "UPDATE OF answers", rows);
            }
            Self::Dormant => ("absence", "UPDATE OF dormant_at", "true"),
            Self::List => ("resource", "UPDATE OF list", "NEW.state = 'active'"),
            Self::Grant => ("resource", "UPDATE OF grant_code", "NEW.state = 'active'"),
            Self::Closing => ("resource", "UPDATE OF state", "NEW.state = 'closing'"),
            Self::End => ("resource", "UPDATE OF state", "NEW.state = 'gone'"),
        };
        (table, event, rows.to_owned())
    }
}

/// The database of the processes.
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Database {
    /// The address for a process.
    pub fn address(&self) -> String {
        match self {
            Self::Sqlite(place) => format!("sqlite:{}", place.file().display()),
            Self::Postgres(place) => place.url.clone(),
        }
    }

    pub async fn hold(&self, write: Write) -> Held {
        match self {
            Self::Sqlite(place) => Held::in_sqlite(place.file(), write).await,
            Self::Postgres(place) => Held::in_postgres(&place.url, write, false).await,
        }
    }

    /// As above, but held at the commit, which completes even if the process is killed. None if the
    /// database does not support it.
    pub async fn hold_commit(&self, write: Write) -> Option<Held> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(place) => Some(Held::in_postgres(&place.url, write, true).await),
        }
    }

    /// Expires the leases of a killed process.
    pub async fn end_leases(&self) {
        if let Self::Postgres(place) = self {
            let mut connection = PgConnection::connect(&place.url).await.unwrap();
            let end = "UPDATE tower_heroku_sso.lease SET until = clock_timestamp()";
            connection.execute(end).await.unwrap();
        }
    }

    /// Waits until the server has finished the last statement of a killed process.
    pub async fn is_quiet(&self) {
        let Self::Postgres(place) = self else { return };
        let mut connection = PgConnection::connect(&place.url).await.unwrap();
        let shared = tokio::sync::Mutex::new(&mut connection);
        eventually("the server is idle", async || {
            let busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                 AND pid <> pg_backend_pid() AND state <> 'idle'";
            let busy = sqlx::query_scalar::<_, i64>(busy);
            busy.fetch_one(&mut **shared.lock().await).await.unwrap() == 0
        })
        .await;
    }
}

pub enum Held {
    Sqlite(SqliteConnection),
    Postgres {
        connection: PgConnection,
        table: &'static str,
        at_commit: bool,
    },
}

/// The lock for which changes in Postgres wait.
const LOCK: u32 = 4711;

impl Held {
    /// The trigger runs an endless query.
    async fn in_sqlite(file: PathBuf, write: Write) -> Self {
        let options = SqliteConnectOptions::new().filename(file);
        let mut connection = options.connect().await.unwrap();
        let (table, event, rows) = write.trigger();
        let make = format!(
            "CREATE VIEW numbers AS WITH RECURSIVE n(x) AS
             (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n;
             CREATE TRIGGER hold AFTER {event} ON heroku_sso_{table} WHEN {rows}
             BEGIN SELECT count(*) FROM numbers; END"
        );
        connection.execute(make.as_str()).await.unwrap();
        Self::Sqlite(connection)
    }

    /// The trigger waits for a lock.
    async fn in_postgres(url: &str, write: Write, at_commit: bool) -> Self {
        let mut connection = PgConnection::connect(url).await.unwrap();
        let (table, event, rows) = write.trigger();
        let (kind, when) = match at_commit {
            true => ("CONSTRAINT TRIGGER", "DEFERRABLE INITIALLY DEFERRED"),
            false => ("TRIGGER", ""),
        };
        let make = format!(
            "SELECT pg_advisory_lock({LOCK});
             CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NULL; END $$;
             CREATE {kind} hold AFTER {event} ON tower_heroku_sso.{table} {when}
             FOR EACH ROW WHEN ({rows}) EXECUTE FUNCTION hold()"
        );
        connection.execute(make.as_str()).await.unwrap();
        Self::Postgres {
            connection,
            table,
            at_commit,
        }
    }

    /// Waits until the process with this id is inside the change.
    pub async fn is_reached(&mut self, process: u32) {
        let reached = async {
            let mut pause = tokio::time::interval(Duration::from_millis(10));
            // None while the process does not write to SQLite.
            let mut computed_before = None;
            loop {
                pause.tick().await;
                match self {
                    // Only the held change waits.
                    Self::Postgres { connection, .. } => {
                        if !waiting(connection).await.is_empty() {
                            break;
                        }
                    }
                    // Any change takes the lock, but only the held one computes for so long. Time alone does
                    // not tell: on a busy machine any change may take long.
                    Self::Sqlite(_) if writes_to_sqlite(process) => {
                        let computed = processor_time(process);
                        let before = *computed_before.get_or_insert(computed);
                        if computed >= before + Duration::from_millis(100) {
                            break;
                        }
                    }
                    Self::Sqlite(_) => computed_before = None,
                }
            }
        };
        let reached = tokio::time::timeout(Duration::from_secs(30), reached).await;
        reached.expect("a process makes the change");
    }

    /// Releases the hold. The change of a killed process is rolled back, unless it was at the commit.
    pub async fn let_go(self) {
        match self {
            Self::Sqlite(mut connection) => {
                let drop = "DROP TRIGGER hold; DROP VIEW numbers";
                connection.execute(drop).await.unwrap();
            }
            Self::Postgres {
                mut connection,
                table,
                at_commit,
            } => {
                let waiting = waiting(&mut connection).await;
                let release = match at_commit {
                    true => format!("SELECT pg_advisory_unlock({LOCK})"),
                    // As if the server had noticed the disconnect.
                    false => format!("SELECT pg_terminate_backend(unnest(ARRAY{waiting:?}))"),
                };
                connection.execute(release.as_str()).await.unwrap();
                let shared = tokio::sync::Mutex::new(&mut connection);
                eventually("the server ends the connections", async || {
                    let still = "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY($1)";
                    let still = sqlx::query_scalar::<_, i64>(still).bind(&waiting);
                    still.fetch_one(&mut **shared.lock().await).await.unwrap() == 0
                })
                .await;
                let drop =
                    format!("DROP TRIGGER hold ON tower_heroku_sso.{table}; DROP FUNCTION hold");
                connection.execute(drop.as_str()).await.unwrap();
            }
        }
    }
}

/// Whether the process holds the write lock, at byte 120 of the WAL index. Trying to take the lock would
/// disturb it.
fn writes_to_sqlite(process: u32) -> bool {
    let locks = fs::read_to_string("/proc/locks").unwrap();
    let process = process.to_string();
    let is_writer = |line: &str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        ["WRITE", &process, "120"]
            .iter()
            .all(|part| fields.contains(part))
    };
    locks.lines().any(is_writer)
}

/// For how long its database threads have computed so far.
fn processor_time(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let of_thread = |thread: fs::DirEntry| {
        let stat = fs::read_to_string(thread.path().join("stat")).ok()?;
        let (name, fields) = stat.rsplit_once(") ")?;
        let mut fields = fields.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        name.contains("(sqlx-sqlite").then_some(ticks()? + ticks()?)
    };
    let ticks: u64 = threads.flatten().filter_map(of_thread).sum();
    // Linux counts hundredths of a second, on all machines.
    Duration::from_millis(ticks * 10)
}

/// The connections that wait for the lock.
async fn waiting(connection: &mut PgConnection) -> Vec<i32> {
    let waiting =
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid = $1
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let waiting = sqlx::query_scalar(waiting).bind(sqlx::postgres::types::Oid(LOCK));
    waiting.fetch_all(connection).await.unwrap()
}
