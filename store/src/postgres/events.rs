//! Changes by other processes: immediately by `NOTIFY`, and by polling the tables for changes whose
//! notification a broken connection has lost.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgListener;
use time::OffsetDateTime;
use uuid::Uuid;

use super::db::{Db, answer};
use crate::clock::{self, Budget, LogThrottle, SharedClock, SystemClock};
use crate::deadlines::{DATABASE_CALL, STORE_PAGE};
use crate::error_chain;
use crate::ids::{ResourceId, TeamId};
use crate::log_target::LOG;
use crate::session_key::SessionKey;
use crate::shared::{StoreEvent, StoreEvents};
use crate::store_error::StoreError;

pub(super) const CHANNEL: &str = "tower_heroku_sso";

/// The interval of polling while notifications work, however many arrive.
const POLL_INTERVAL: Duration = Duration::from_secs(15);
/// The interval while no connection can listen: behind a pooler, or while the database is unavailable.
const UNNOTIFIED_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// How far each poll looks back. A change becomes visible when its transaction commits, after its timestamp: a
/// transaction may take [`STORE_PAGE`] until its last statement begins, and that one, with the commit, as long
/// as the server may work on a statement. It also covers the clock of a server that takes over.
const OVERLAP: Duration = STORE_PAGE.saturating_add(DATABASE_CALL);

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
    /// When the next poll is due: now, if this is none.
    next_poll: Option<Budget>,
    /// True if the next poll must wait briefly first.
    is_paused: bool,
    clock: SharedClock,
    listen_warning: LogThrottle,
    poll_warning: LogThrottle,
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
            next_poll: None,
            is_paused: false,
            clock: Arc::new(SystemClock::default()),
            listen_warning: LogThrottle::default(),
            poll_warning: LogThrottle::default(),
        }
    }

    async fn listen(&mut self) -> Result<(), StoreError> {
        let mut listener = answer(PgListener::connect_with(&self.db.pool)).await?;
        answer(listener.listen(CHANNEL)).await?;
        self.listener = Some(listener);
        Ok(())
    }

    /// Polls: again in a second, if nothing else would notice a change.
    async fn poll(&mut self) {
        if self.is_paused {
            clock::pause(UNNOTIFIED_POLL_INTERVAL).await;
            self.is_paused = false;
        }
        let polled = self.poll_tables().await;
        let is_notified = polled.is_ok() && self.listener.is_some();
        self.next_poll = is_notified.then(|| Budget::of(POLL_INTERVAL));
        self.is_paused = !is_notified;
        if let Err(error) = polled
            && self.poll_warning.is_due(&self.clock)
        {
            tracing::warn!(
                target: LOG, %error, cause = error_chain::of(&error),
                "polling failed; changes of other processes are delayed until the database answers"
            );
        }
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
                && !self.db.has_transaction_pooler
                && let Err(error) = self.listen().await
                && self.listen_warning.is_due(&self.clock)
            {
                tracing::warn!(
                    target: LOG, %error, cause = error_chain::of(&error),
                    "LISTEN failed; falling back to polling"
                );
            }
            let notified = match (&mut self.listener, self.next_poll) {
                (Some(listener), Some(poll)) if !poll.left().is_zero() => {
                    poll.within(listener.try_recv()).await
                }
                _ => {
                    self.poll().await;
                    continue;
                }
            };
            match notified {
                Some(Ok(Some(notification))) => {
                    self.pending.extend(read(notification.payload(), self.me));
                }
                // The connection broke; notifications sent meanwhile are lost.
                Some(Ok(None) | Err(_)) => (self.listener, self.next_poll) = (None, None),
                None => {}
            }
        }
    }
}
