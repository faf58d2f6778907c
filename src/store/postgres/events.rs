//! Changes by other processes: immediately by `NOTIFY`, and by polling the tables for changes whose
//! notification a broken connection has lost.

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
use crate::store::StoreError;
use crate::store::author::{SessionKey, StoreEvent, StoreEvents};

pub(super) const CHANNEL: &str = "tower_heroku_sso";

/// The interval of polling while notifications work.
const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// The interval while no connection can listen: behind a pooler, or while the database is unavailable.
const UNNOTIFIED_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A change becomes visible after its timestamp, when its transaction commits: each poll looks back this far.
const OVERLAP: time::Duration = time::Duration::seconds(10);

/// The payload of a notification: who has changed what.
pub(super) fn resource(me: Uuid, id: &ResourceId) -> String {
    format!("{me} resource {id}")
}

pub(super) fn team(me: Uuid, id: &TeamId) -> String {
    format!("{me} team {id}")
}

pub(super) fn session(me: Uuid, session: &SessionKey) -> String {
    format!("{me} session {}", session.as_str())
}

/// None for our own events, and for those of a later version.
fn read(payload: &str, me: Uuid) -> Option<StoreEvent> {
    let mut words = payload.split(' ');
    let (by, kind, about) = (words.next()?, words.next()?, words.next()?);
    if by.parse() == Ok(me) {
        return None;
    }
    Some(match kind {
        "resource" => StoreEvent::Resource(about.parse().ok()?),
        "team" => StoreEvent::Team(about.parse().ok()?),
        "session" => StoreEvent::Session(SessionKey::from_stored(about)),
        _ => return None,
    })
}

/// Listens on a connection of its own, and opens another if that one breaks.
pub(super) struct Listening {
    db: Db,
    me: Uuid,
    listener: Option<PgListener>,
    pending: VecDeque<StoreEvent>,
    /// All older changes have been read, by the server's clock.
    since: OffsetDateTime,
    /// The changes already reported, with their timestamps: polls overlap.
    reported: HashMap<String, OffsetDateTime>,
    /// True if no poll is due before the next notification or the next interval.
    has_polled: bool,
    /// True if the next poll must wait briefly first.
    is_paused: bool,
}

impl Listening {
    pub(super) fn new(db: Db, me: Uuid, since: OffsetDateTime) -> Self {
        Self {
            db,
            me,
            listener: None,
            pending: VecDeque::new(),
            since,
            reported: HashMap::new(),
            has_polled: false,
            is_paused: false,
        }
    }

    async fn listen(&mut self) -> Result<(), StoreError> {
        let mut listener = answer(PgListener::connect_with(&self.db.pool)).await?;
        answer(listener.listen(CHANNEL)).await?;
        self.listener = Some(listener);
        Ok(())
    }

    /// Reads what has changed since the last poll.
    async fn poll_tables(&mut self) -> Result<(), StoreError> {
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
            } else if self.reported.get(&change) != Some(&at) {
                self.pending.extend(read(&change, self.me));
                self.reported.insert(change, at);
            }
        }
        let oldest = self.since - OVERLAP;
        self.reported.retain(|_, at| *at > oldest);
        Ok(())
    }
}

#[async_trait]
impl StoreEvents for Listening {
    async fn next(&mut self) -> StoreEvent {
        loop {
            if let Some(event) = self.pending.pop_front() {
                return event;
            }
            if self.listener.is_none()
                && !self.db.is_pooled
                && let Err(error) = self.listen().await
            {
                tracing::warn!(
                    %error, cause = cause::of(&error),
                    "LISTEN failed; falling back to polling"
                );
                self.has_polled = false;
            }
            if !self.has_polled {
                if self.is_paused {
                    clock::pause(UNNOTIFIED_POLL_INTERVAL).await;
                    self.is_paused = false;
                }
                self.has_polled = self.poll_tables().await.is_ok();
                if self.listener.is_none() || !self.has_polled {
                    (self.is_paused, self.has_polled) = (true, false);
                }
                continue;
            }
            let Some(listener) = &mut self.listener else {
                self.has_polled = false;
                continue;
            };
            match clock::within(POLL_INTERVAL, listener.try_recv()).await {
                Some(Ok(Some(notification))) => {
                    self.pending.extend(read(notification.payload(), self.me));
                }
                // The connection broke; notifications sent meanwhile are lost.
                Some(Ok(None) | Err(_)) => {
                    self.listener = None;
                    self.has_polled = false;
                }
                None => self.has_polled = false,
            }
        }
    }
}
