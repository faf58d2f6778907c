//! All data in one file, for an add-on that runs in one process.

mod absence;
mod deactivate;
mod file;
mod people;
mod row;
mod sessions;
mod upkeep;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use time::OffsetDateTime;

use self::deactivate::{CLOSE, END, END_OWING_NOTHING, deactivate};
use self::file::make_private;
use self::row::micros;
use self::sessions::close_session;
use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::clock;
use crate::column::{encrypt_code, encrypt_tokens, to_json};
use crate::encryption::EncryptionKeys;
use crate::ids::{LegacyId, ResourceId, TeamId};
use crate::migrations::migrator;
use crate::people::{Email, People};
use crate::record::{ActiveResource, Dated, PendingRemoval, Registration, Revocation};
use crate::replay_key::ReplayKey;
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionRecords;
use crate::store::Store;
use crate::store_error::StoreError;
use crate::sweep::Sweep;
use crate::tokens::Tokens;

/// A store in a SQLite file: a restart loses no data. For one process; several need a
/// `PostgresStore`.
///
/// The file is in WAL mode. A change is on disk before its call returns. Tokens are encrypted
/// ([`EncryptionKeys`]); the lists, which contain emails, are not. Clones share all data.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pool: SqlitePool,
    keys: EncryptionKeys,
    sweep: Arc<Sweep>,
}

impl SqliteStore {
    /// Opens the file and migrates its tables. A missing file is created, readable by its owner only.
    ///
    /// # Errors
    /// If the file cannot be used, or a value in it is encrypted with a key that is not among `keys`.
    pub async fn open(path: impl AsRef<Path>, keys: EncryptionKeys) -> Result<Self, StoreError> {
        // Joined to `.`, because SQLite does not read a plain `file:…` or `:memory:` as the name of a file.
        let path = &Path::new(".").join(path);
        make_private(path).map_err(StoreError::new)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        // SQLite allows one writer at a time; with a single connection no call meets a lock.
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options).await?;
        let migrations = [
            (1, "resources", include_str!("0001_resources.sql")),
            (2, "removals", include_str!("0002_removals.sql")),
            (3, "absences", include_str!("0003_absences.sql")),
            (4, "sessions", include_str!("0004_sessions.sql")),
        ];
        migrator(migrations).await?.run(&pool).await?;
        // A restored file has sequence numbers from its time, and signed cookies have later ones: new
        // revocations must have sequence numbers later than all of them.
        sqlx::query("UPDATE heroku_sso_sequence SET last = max(last, ?1)")
            .bind(clock::unix_microseconds())
            .execute(&pool)
            .await?;
        upkeep::check_stored_keys(&pool, &keys).await?;
        Ok(Self {
            pool,
            keys,
            sweep: Arc::default(),
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn next_sequence(&self) -> Result<Sequence, StoreError> {
        let (last,) =
            sqlx::query_as("UPDATE heroku_sso_sequence SET last = last + 1 RETURNING last")
                .fetch_one(&self.pool)
                .await?;
        Ok(Sequence::new(last))
    }

    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        let sql = match registration.revision {
            0 => {
                "INSERT INTO heroku_sso_resource
                 (id, state, legacy_id, tokens, token_ends_at, grant_code, webhook, revision)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 + 1) ON CONFLICT (id) DO NOTHING"
            }
            _ => {
                "UPDATE heroku_sso_resource SET state = ?2, legacy_id = ?3, tokens = ?4,
                 token_ends_at = ?5, grant_code = ?6, webhook = ?7, revision = ?8 + 1
                 WHERE id = ?1 AND state = 'active' AND revision = ?8"
            }
        };
        let tokens = registration.tokens.as_ref();
        let encrypted = tokens.map(|tokens| encrypt_tokens(&self.keys, id, tokens));
        let code = registration.grant_code.as_ref();
        let code = code.map(|code| encrypt_code(&self.keys, id, code));
        let mut transaction = self.pool.begin().await?;
        let done = sqlx::query(sql)
            .bind(id.to_string())
            .bind(registration.state.as_column())
            .bind(registration.legacy_id.map(|id| id.to_string()))
            .bind(encrypted.transpose()?)
            .bind(tokens.map(|tokens| micros(tokens.expires_at)))
            .bind(code.transpose()?)
            .bind(registration.webhook)
            .bind(registration.revision);
        let is_put = done.execute(&mut *transaction).await?.rows_affected() > 0;
        if is_put && registration.absence.is_none() {
            sqlx::query("DELETE FROM heroku_sso_absence WHERE resource = ?1")
                .bind(id.to_string())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(is_put)
    }

    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        let row = sqlx::query(
            "SELECT state, legacy_id, tokens, token_ends_at, grant_code, webhook, revision,
             deprovision_owed, a.kind AS absence_kind, a.answers, a.first_at, a.last_at,
             a.sequence AS absence_sequence, a.dormant_at
             FROM heroku_sso_resource LEFT JOIN heroku_sso_absence a
             ON a.resource = id AND a.sequence > coalesce(list_sequence, 0) WHERE id = ?1",
        )
        .bind(id.to_string())
        .fetch_optional(&self.pool)
        .await?;
        let row = row.map(|row| row::registration(&row, id, &self.keys));
        row.transpose()
    }

    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        let found: Vec<(String,)> = sqlx::query_as(
            "SELECT id FROM heroku_sso_resource WHERE legacy_id = ?1 AND state = 'active' LIMIT 2",
        )
        .bind(id.to_string())
        .fetch_all(&self.pool)
        .await?;
        match &found[..] {
            [(only,)] => only.parse().map(Some).map_err(StoreError::new),
            _ => Ok(None),
        }
    }

    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        let rows = sqlx::query(row::ACTIVE_ONE)
            .bind(id.to_string())
            .fetch_all(&self.pool)
            .await?;
        Ok(row::active(&rows)?.pop())
    }

    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        let rows = sqlx::query(row::ACTIVE_PAGE)
            .bind(after.map(ToString::to_string).unwrap_or_default())
            .bind(i64::try_from(limit).unwrap_or(i64::MAX))
            .fetch_all(&self.pool)
            .await?;
        row::active(&rows)
    }

    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "UPDATE heroku_sso_resource SET tokens = ?2, token_ends_at = ?3, revision = ?4 + 1
             WHERE id = ?1 AND revision = ?4 AND state <> 'gone'",
        )
        .bind(id.to_string())
        .bind(encrypt_tokens(&self.keys, id, &tokens)?)
        .bind(micros(tokens.expires_at))
        .bind(revision)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        let team = list.value.team.as_ref();
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "UPDATE heroku_sso_resource
             SET list = ?2, list_sequence = ?3, list_asked_at = ?4, team_id = ?5
             WHERE id = ?1 AND state = 'active' AND coalesce(list_sequence, 0) <= ?3",
        )
        .bind(id.to_string())
        .bind(to_json(&list.value)?)
        .bind(list.sequence.number())
        .bind(micros(list.asked_at))
        .bind(team.map(|team| team.id.to_string()))
        .execute(&mut *transaction)
        .await?;
        for answered in [
            "DELETE FROM heroku_sso_pending_removal WHERE resource = ?1 AND sequence <= ?2",
            "DELETE FROM heroku_sso_absence WHERE resource = ?1 AND sequence <= ?2",
        ] {
            sqlx::query(answered)
                .bind(id.to_string())
                .bind(list.sequence.number())
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO heroku_sso_team (id, members, sequence, asked_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (id) DO UPDATE SET members = ?2, sequence = ?3, asked_at = ?4
             WHERE sequence <= ?3",
        )
        .bind(id.to_string())
        .bind(to_json(&members.value)?)
        .bind(members.sequence.number())
        .bind(micros(members.asked_at))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        let row =
            sqlx::query("SELECT members, sequence, asked_at FROM heroku_sso_team WHERE id = ?1")
                .bind(id.to_string())
                .fetch_optional(&self.pool)
                .await?;
        row.map_or(Ok(None), |row| row::members(&row))
    }

    async fn begin_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        deactivate(self, id, CLOSE).await
    }

    async fn end(&self, id: &ResourceId) -> Result<bool, StoreError> {
        deactivate(self, id, END).await
    }

    async fn complete_deprovisioning(&self, id: &ResourceId) -> Result<bool, StoreError> {
        deactivate(self, id, END_OWING_NOTHING).await
    }

    async fn note_absence(
        &self,
        id: &ResourceId,
        sign: AbsenceSign,
    ) -> Result<Option<Absence>, StoreError> {
        absence::note(self, id, sign).await
    }

    async fn make_dormant(
        &self,
        id: &ResourceId,
        sequence: Sequence,
        at: OffsetDateTime,
        brake: &Brake,
    ) -> Result<Dormancy, StoreError> {
        absence::make_dormant(self, id, sequence, at, brake).await
    }

    async fn end_dormant(&self, id: &ResourceId, sequence: Sequence) -> Result<bool, StoreError> {
        absence::end(self, id, sequence).await
    }

    async fn set_webhook(&self, id: &ResourceId, fingerprint: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE heroku_sso_resource SET webhook = ?2 WHERE id = ?1 AND state = 'active'",
        )
        .bind(id.to_string())
        .bind(fingerprint)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn revoke(
        &self,
        id: &ResourceId,
        revocation: Revocation,
        forget_before: OffsetDateTime,
    ) -> Result<(), StoreError> {
        people::revoke(self, id, revocation, forget_before).await
    }

    async fn revoke_all(&self, id: &ResourceId, sequence: Sequence) -> Result<(), StoreError> {
        people::revoke_all(self, id, sequence).await
    }

    async fn note_pending_removal(
        &self,
        id: &ResourceId,
        pending_removal: PendingRemoval,
    ) -> Result<(), StoreError> {
        people::note_pending_removal(self, id, pending_removal).await
    }

    async fn erase(&self, id: &ResourceId) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM heroku_sso_resource WHERE id = ?1")
            .bind(id.to_string())
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    async fn erase_person(&self, email: &Email) -> Result<Vec<SessionKey>, StoreError> {
        people::erase(self, email).await
    }

    async fn consume(
        &self,
        key: &ReplayKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO heroku_sso_used_sign_in (key, until) VALUES (?1, ?2)
             ON CONFLICT (key) DO NOTHING",
        )
        .bind(key.to_string())
        .bind(micros(until))
        .execute(&self.pool)
        .await?;
        self.sweep(now);
        Ok(done.rows_affected() == 1)
    }

    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError> {
        let used = sqlx::query("SELECT 1 FROM heroku_sso_used_sign_in WHERE key = ?1");
        let used = used.bind(key.to_string()).fetch_optional(&self.pool);
        Ok(used.await?.is_some())
    }

    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        close_session(self, session, until).await?;
        self.sweep(now);
        Ok(())
    }

    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        let closed = sqlx::query("SELECT 1 FROM heroku_sso_closed_session WHERE key = ?1")
            .bind(session.as_str())
            .fetch_optional(&self.pool)
            .await?;
        Ok(closed.is_some())
    }
    fn sessions(&self) -> Option<&dyn SessionRecords> {
        Some(self)
    }
}
