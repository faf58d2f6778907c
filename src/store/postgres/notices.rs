//! What other processes changed: by `NOTIFY` at once, and by a look at what is newer in the tables
//! for what a broken connection has swallowed.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgListener;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db::{Db, answer};
use crate::cause;
use crate::clock;
use crate::ids::{ResourceId, TeamId};
use crate::store::{SessionKey, StoreError, StoreNotice, StoreNotices};

pub(super) const CHANNEL: &str = "tower_heroku_sso";

/// How often the tables are looked at while notices come.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// And how often while there is no connection that can listen, as behind a pooler.
const RETRY: Duration = Duration::from_secs(1);
/// A change is visible a little after the time that it bears.
const OVERLAP: time::Duration = time::Duration::seconds(10);

pub(super) fn resource(me: Uuid, id: &ResourceId) -> String {
    format!("{me} resource {id}")
}

pub(super) fn team(me: Uuid, id: &TeamId) -> String {
    format!("{me} team {id}")
}

pub(super) fn session(me: Uuid, session: &SessionKey) -> String {
    format!("{me} session {}", session.as_str())
}

/// None for our own, and for what a later version has to say.
fn read(payload: &str, me: Uuid) -> Option<StoreNotice> {
    let mut words = payload.split(' ');
    let (by, kind, about) = (words.next()?, words.next()?, words.next()?);
    if by.parse() == Ok(me) {
        return None;
    }
    Some(match kind {
        "resource" => StoreNotice::Resource(about.parse().ok()?),
        "team" => StoreNotice::Team(about.parse().ok()?),
        "session" => StoreNotice::Session(SessionKey::from_stored(about)),
        _ => return None,
    })
}

/// Listens on a connection of its own, and opens another when that one breaks.
pub(super) struct Listening {
    db: Db,
    me: Uuid,
    listener: Option<PgListener>,
    pending: VecDeque<StoreNotice>,
    /// Everything older has been looked at, by the clock of the server.
    since: OffsetDateTime,
    /// What a look has told, and when that was changed: looks overlap.
    told: HashMap<String, OffsetDateTime>,
    /// No look is due before the next word, or the next period, from here.
    looked: bool,
    /// The next look waits for a moment.
    rests: bool,
}

impl Listening {
    pub(super) fn new(db: Db, me: Uuid, since: OffsetDateTime) -> Self {
        Self {
            db,
            me,
            listener: None,
            pending: VecDeque::new(),
            since,
            told: HashMap::new(),
            looked: false,
            rests: false,
        }
    }

    async fn listen(&mut self) -> Result<(), StoreError> {
        let mut listener = answer(PgListener::connect_with(&self.db.pool)).await?;
        answer(listener.listen(CHANNEL)).await?;
        self.listener = Some(listener);
        Ok(())
    }

    /// Takes up what has changed since the last look.
    async fn look(&mut self) -> Result<(), StoreError> {
        let rows = sqlx::query(
            "SELECT 'resource' AS kind, id::text AS about, changed_at AS at
             FROM tower_heroku_sso.resource WHERE changed_at > $1 AND changed_by <> $2
             UNION ALL SELECT 'team', id, changed_at
             FROM tower_heroku_sso.team WHERE changed_at > $1 AND changed_by <> $2
             UNION ALL SELECT 'session', key, closed_at
             FROM tower_heroku_sso.closed_session WHERE closed_at > $1 AND closed_by <> $2
             UNION ALL SELECT 'now', '', clock_timestamp()",
        )
        .bind(self.since - OVERLAP)
        .bind(self.me);
        for row in self.db.all(rows).await? {
            let (kind, about): (&str, &str) = (row.try_get("kind")?, row.try_get("about")?);
            let at: OffsetDateTime = row.try_get("at")?;
            let change = format!("- {kind} {about}");
            if kind == "now" {
                self.since = at;
            } else if self.told.get(&change) != Some(&at) {
                self.pending.extend(read(&change, self.me));
                self.told.insert(change, at);
            }
        }
        let oldest = self.since - OVERLAP;
        self.told.retain(|_, at| *at > oldest);
        Ok(())
    }
}

#[async_trait]
impl StoreNotices for Listening {
    async fn next(&mut self) -> StoreNotice {
        loop {
            if let Some(notice) = self.pending.pop_front() {
                return notice;
            }
            if self.listener.is_none()
                && !self.db.is_pooled
                && let Err(error) = self.listen().await
            {
                tracing::warn!(
                    %error, cause = cause::of(&error),
                    "other processes cannot be listened to; the tables are looked at"
                );
                self.looked = false;
            }
            if !self.looked {
                if self.rests {
                    clock::pause(RETRY).await;
                    self.rests = false;
                }
                self.looked = self.look().await.is_ok();
                if self.listener.is_none() || !self.looked {
                    (self.rests, self.looked) = (true, false);
                }
                continue;
            }
            let Some(listener) = &mut self.listener else {
                self.looked = false;
                continue;
            };
            match clock::within(LOOK_EVERY, listener.try_recv()).await {
                Some(Ok(Some(notification))) => {
                    self.pending.extend(read(notification.payload(), self.me));
                }
                // The connection broke, and what came meanwhile is lost.
                Some(Ok(None) | Err(_)) => {
                    self.listener = None;
                    self.looked = false;
                }
                None => self.looked = false,
            }
        }
    }
}
