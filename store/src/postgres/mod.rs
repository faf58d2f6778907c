//! All data in a Postgres database, which several processes share.

mod absence;
mod connect;
mod consumed_forms;
mod db;
mod deactivate;
mod events;
mod migrate;
mod options;
mod people;
mod row;
mod sessions;
mod shared;
mod upkeep;

use std::sync::Arc;

use async_trait::async_trait;
use sqlx::Row;
use time::OffsetDateTime;
use uuid::Uuid;

use self::connect::CloneIds;
use self::db::Db;
use self::deactivate::{CLOSE, END, END_OWING_NOTHING, deactivate};
use crate::absence::{Absence, AbsenceSign, Brake, Dormancy};
use crate::column::{encrypt_code, encrypt_tokens, to_json};
use crate::encryption::EncryptionKeys;
use crate::ids::{LegacyId, ResourceId, TeamId};
use crate::people::{Email, People};
use crate::record::{ActiveResource, Dated, PendingRemoval, Registration, Revocation};
use crate::replay_key::ReplayKey;
use crate::resource_list::ResourceList;
use crate::sequence::Sequence;
use crate::session_key::SessionKey;
use crate::session_record::SessionRecords;
use crate::shared::SharedStore;
use crate::store::Store;
use crate::store_error::StoreError;
use crate::sweep::Sweep;
use crate::tokens::Tokens;

pub use options::PostgresOptions;

/// A store in a Postgres database (13 or later) that any number of processes share. They obey each other's
/// removals, revocations and sign-outs immediately, and fetch each list once.
///
/// Tokens are encrypted ([`EncryptionKeys`]); the lists, which contain emails, are not. Clones share the
/// connections. They treat each other as separate processes: each is notified of the others' changes.
#[derive(Debug)]
pub struct PostgresStore {
    db: Db,
    keys: EncryptionKeys,
    /// How other processes and clones identify this one.
    me: Uuid,
    /// The ids of the clones.
    ids: Arc<CloneIds>,
    /// When it was opened, by the server's clock.
    opened_at: OffsetDateTime,
    sweep: Arc<Sweep>,
}

#[async_trait]
impl Store for PostgresStore {
    async fn next_sequence(&self) -> Result<Sequence, StoreError> {
        let next = sqlx::query("SELECT nextval('tower_heroku_sso.sequence') AS next");
        Ok(Sequence::new(self.db.one(next).await?.try_get("next")?))
    }

    async fn put(&self, id: &ResourceId, registration: Registration) -> Result<bool, StoreError> {
        // Both statements get the same parameters, so each must use all of them.
        let sql = match registration.revision {
            0 => {
                "WITH changed AS (INSERT INTO tower_heroku_sso.resource
                 (id, state, legacy_id, tokens, token_ends_at, grant_code, webhook, revision,
                 changed_by)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8 + 1, $9)
                 ON CONFLICT (id) DO NOTHING RETURNING id)
                 SELECT pg_notify($10, $11)::text FROM changed WHERE $12::boolean IS NOT NULL"
            }
            _ => {
                "WITH changed AS (UPDATE tower_heroku_sso.resource SET state = $2, legacy_id = $3,
                 tokens = $4, token_ends_at = $5, grant_code = $6, webhook = $7, revision = $8 + 1,
                 changed_by = $9, changed_at = clock_timestamp()
                 WHERE id = $1 AND state = 'active' AND revision = $8 RETURNING id),
                 present AS (DELETE FROM tower_heroku_sso.absence
                 WHERE resource = (SELECT id FROM changed) AND NOT $12::boolean)
                 SELECT pg_notify($10, $11)::text FROM changed"
            }
        };
        let tokens = registration.tokens.as_ref();
        let encrypted = tokens.map(|tokens| encrypt_tokens(&self.keys, id, tokens));
        let code = registration.grant_code.as_ref();
        let code = code.map(|code| encrypt_code(&self.keys, id, code));
        let change = sqlx::query(sql)
            .bind(id.as_uuid())
            .bind(registration.state.as_column())
            .bind(registration.legacy_id.map(|id| id.to_string()))
            .bind(encrypted.transpose()?)
            .bind(tokens.map(|tokens| tokens.expires_at))
            .bind(code.transpose()?)
            .bind(registration.webhook)
            .bind(registration.revision)
            .bind(self.me)
            .bind(events::CHANNEL)
            .bind(events::resource(self.me, id))
            .bind(registration.absence.is_some());
        let changed = self.db.optional(change).await?;
        Ok(changed.is_some())
    }

    async fn get(&self, id: &ResourceId) -> Result<Option<Registration>, StoreError> {
        let row = sqlx::query(
            "SELECT state, legacy_id, tokens, token_ends_at, grant_code, webhook, revision,
             deprovision_owed, a.kind AS absence_kind, a.answers, a.first_at, a.last_at,
             a.sequence AS absence_sequence, a.dormant_at
             FROM tower_heroku_sso.resource LEFT JOIN tower_heroku_sso.absence a
             ON a.resource = id AND a.sequence > coalesce(list_sequence, 0) WHERE id = $1",
        )
        .bind(id.as_uuid());
        let row = self.db.optional(row).await?;
        let row = row.map(|row| row::registration(&row, id, &self.keys));
        row.transpose()
    }

    async fn find_legacy(&self, id: &LegacyId) -> Result<Option<ResourceId>, StoreError> {
        let found = sqlx::query(
            "SELECT id FROM tower_heroku_sso.resource
             WHERE legacy_id = $1 AND state = 'active' LIMIT 2",
        )
        .bind(id.to_string());
        match &self.db.all(found).await?[..] {
            [only] => row::id(only).map(Some),
            _ => Ok(None),
        }
    }

    async fn load(&self, id: &ResourceId) -> Result<Option<ActiveResource>, StoreError> {
        let rows = sqlx::query(row::ACTIVE_ONE).bind(id.as_uuid());
        let rows = self.db.all(rows).await?;
        Ok(row::active(&rows)?.pop())
    }

    async fn load_page(
        &self,
        after: Option<&ResourceId>,
        limit: usize,
    ) -> Result<Vec<ActiveResource>, StoreError> {
        let rows = sqlx::query(row::ACTIVE_PAGE)
            .bind(after.map(ResourceId::as_uuid))
            .bind(i64::try_from(limit).unwrap_or(i64::MAX));
        row::active(&self.db.all(rows).await?)
    }

    async fn set_tokens(
        &self,
        id: &ResourceId,
        tokens: Tokens,
        revision: i64,
    ) -> Result<bool, StoreError> {
        let change = sqlx::query(
            "WITH changed AS (UPDATE tower_heroku_sso.resource
             SET tokens = $2, token_ends_at = $3, revision = $4 + 1,
             changed_by = $5, changed_at = clock_timestamp()
             WHERE id = $1 AND revision = $4 AND state <> 'gone' RETURNING id)
             SELECT pg_notify($6, $7)::text FROM changed",
        )
        .bind(id.as_uuid())
        .bind(encrypt_tokens(&self.keys, id, &tokens)?)
        .bind(tokens.expires_at)
        .bind(revision)
        .bind(self.me)
        .bind(events::CHANNEL)
        .bind(events::resource(self.me, id));
        let changed = self.db.optional(change).await?;
        Ok(changed.is_some())
    }

    async fn set_list(&self, id: &ResourceId, list: Dated<ResourceList>) -> Result<(), StoreError> {
        let team = list.value.team.as_ref();
        let change = sqlx::query(
            "WITH changed AS (UPDATE tower_heroku_sso.resource
             SET list = $2, list_sequence = $3, list_asked_at = $4,
             list_asked = clock_timestamp() - make_interval(secs => $5), team_id = $6,
             changed_by = $7, changed_at = clock_timestamp()
             WHERE id = $1 AND state = 'active' AND coalesce(list_sequence, 0) <= $3 RETURNING id),
             answered AS (DELETE FROM tower_heroku_sso.pending_removal
             WHERE resource = (SELECT id FROM changed) AND sequence <= $3),
             present AS (DELETE FROM tower_heroku_sso.absence
             WHERE resource = (SELECT id FROM changed) AND sequence <= $3)
             SELECT pg_notify($8, $9)::text FROM changed",
        )
        .bind(id.as_uuid())
        .bind(to_json(&list.value)?)
        .bind(list.sequence.number())
        .bind(list.asked_at)
        .bind(list.age.as_secs_f64())
        .bind(team.map(|team| team.id.to_string()))
        .bind(self.me)
        .bind(events::CHANNEL)
        .bind(events::resource(self.me, id));
        self.db.optional(change).await?;
        Ok(())
    }

    async fn set_members(&self, id: &TeamId, members: Dated<People>) -> Result<(), StoreError> {
        let change = sqlx::query(
            "WITH changed AS (INSERT INTO tower_heroku_sso.team AS known
             (id, members, sequence, asked_at, asked, changed_by)
             VALUES ($1, $2, $3, $4, clock_timestamp() - make_interval(secs => $5), $6)
             ON CONFLICT (id) DO UPDATE SET members = excluded.members, sequence = excluded.sequence,
             asked_at = excluded.asked_at, asked = excluded.asked,
             changed_by = excluded.changed_by, changed_at = clock_timestamp()
             WHERE known.sequence <= excluded.sequence RETURNING id)
             SELECT pg_notify($7, $8)::text FROM changed",
        )
        .bind(id.to_string())
        .bind(to_json(&members.value)?)
        .bind(members.sequence.number())
        .bind(members.asked_at)
        .bind(members.age.as_secs_f64())
        .bind(self.me)
        .bind(events::CHANNEL)
        .bind(events::team(self.me, id));
        self.db.optional(change).await?;
        Ok(())
    }

    async fn members(&self, id: &TeamId) -> Result<Option<Dated<People>>, StoreError> {
        let row = sqlx::query(row::MEMBERS).bind(id.to_string());
        let row = self.db.optional(row).await?;
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
        let change = sqlx::query(
            "UPDATE tower_heroku_sso.resource SET webhook = $2
             WHERE id = $1 AND state = 'active'",
        )
        .bind(id.as_uuid())
        .bind(fingerprint);
        self.db.execute(change).await?;
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
        let change = sqlx::query(
            "WITH changed AS (DELETE FROM tower_heroku_sso.resource WHERE id = $1 RETURNING id)
             SELECT pg_notify($2, $3)::text FROM changed",
        )
        .bind(id.as_uuid())
        .bind(events::CHANNEL)
        .bind(events::resource(self.me, id));
        self.db.optional(change).await?;
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
        let is_first = consumed_forms::consume(&self.db, key, until).await?;
        self.sweep(now);
        Ok(is_first)
    }

    async fn is_consumed(&self, key: &ReplayKey) -> Result<bool, StoreError> {
        consumed_forms::is_consumed(&self.db, key).await
    }

    async fn close_session(
        &self,
        session: &SessionKey,
        until: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<(), StoreError> {
        let change = sqlx::query(
            "WITH ended AS (DELETE FROM tower_heroku_sso.session WHERE key = $1),
             closed AS (INSERT INTO tower_heroku_sso.closed_session AS known
             (key, until, closed_by) VALUES ($1, $2, $3)
             ON CONFLICT (key) DO UPDATE SET until = greatest(known.until, excluded.until))
             SELECT pg_notify($4, $5)::text",
        )
        .bind(session.as_str())
        .bind(until)
        .bind(self.me)
        .bind(events::CHANNEL)
        .bind(events::session(self.me, session));
        self.db.optional(change).await?;
        self.sweep(now);
        Ok(())
    }

    async fn is_session_closed(&self, session: &SessionKey) -> Result<bool, StoreError> {
        let closed = sqlx::query("SELECT 1 FROM tower_heroku_sso.closed_session WHERE key = $1")
            .bind(session.as_str());
        Ok(self.db.optional(closed).await?.is_some())
    }

    fn sessions(&self) -> Option<&dyn SessionRecords> {
        Some(self)
    }

    fn shared(&self) -> Option<&dyn SharedStore> {
        Some(self)
    }
}
