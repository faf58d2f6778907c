//! Entry points for fuzzing: the parsing of Heroku's answers, without a request to Heroku.

use std::sync::Arc;

use heroku_sso_store::{AppId, ResourceId};
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::etag::ETag;
use super::limits::Urgency;
use super::paging::{Pages, has_room};
use super::pool::RatePool;
use super::transport::{parse, refusal};
use super::wire::{AddOnJson, AppJson, AttachmentJson, CollaboratorJson, TeamMemberJson};
use super::{Call, HerokuError, limits};
use crate::access::{App, People, Person, Team};

/// `GET /addons/:id`: the app that owns the add-on, and the page that signs in.
pub fn add_on(asked: &ResourceId, body: &[u8]) -> Result<(App, Option<Box<str>>), HerokuError> {
    let add_on = parse::<AddOnJson>(body, Call::AddOn)?.read(asked)?;
    Ok((add_on.app, add_on.web_url))
}

/// `GET /apps/:id`: the app and its team.
pub fn app(asked: &AppId, body: &[u8]) -> Result<(App, Option<Team>), HerokuError> {
    let app = parse::<AppJson>(body, Call::App)?.read(asked)?;
    Ok((app.app, app.team.map(Arc::unwrap_or_clone)))
}

/// `GET /apps/:id/collaborators`, one page.
pub fn collaborators(asked: &AppId, body: &[u8]) -> Result<People, HerokuError> {
    people(body, |json: CollaboratorJson| json.read(asked))
}

/// `GET /teams/:id/members`, one page.
pub fn team_members(body: &[u8]) -> Result<People, HerokuError> {
    people(body, |json: TeamMemberJson| Ok(json.read()))
}

/// `GET /addons/:id/addon-attachments`, one page: the app of each.
pub fn attachments(asked: &ResourceId, body: &[u8]) -> Result<Vec<AppId>, HerokuError> {
    let entries: Vec<AttachmentJson> = parse(body, Call::Attachments)?;
    entries.into_iter().map(|entry| entry.read(asked)).collect()
}

fn people<T: DeserializeOwned>(
    body: &[u8],
    read: impl Fn(T) -> Result<Option<Person>, HerokuError>,
) -> Result<People, HerokuError> {
    let entries: Vec<T> = parse(body, Call::Collaborators)?;
    let entries: Vec<_> = entries.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok(entries.into_iter().flatten().collect())
}

/// The error that an error response becomes.
pub fn no_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HerokuError {
    refusal(status, headers, body)
}

/// The number of pages that are requested if Heroku gives these answers in order, over and over.
pub fn pages(answers: &[(StatusCode, HeaderMap)]) -> Result<usize, HerokuError> {
    let mut pages = Pages::new(Call::Collaborators);
    for (asked, (status, headers)) in answers.iter().cycle().enumerate() {
        if !pages.turn(*status, headers)? {
            return Ok(asked + 1);
        }
    }
    Ok(0)
}

/// The values read from the headers of one answer.
#[derive(Debug)]
pub struct Read {
    /// `Retry-After`, in seconds.
    pub pause: std::time::Duration,
    /// `RateLimit-Remaining`.
    pub remaining: Option<u32>,
    /// The difference of the clocks, by `Date`.
    pub clock_drift: Option<time::Duration>,
    /// `ETag`.
    pub etag: Option<String>,
    /// Whether the page has room for another entry, by `Content-Range`, for a page of one entry.
    pub has_room: bool,
    /// The remaining calls of a pool after two such answers, and how long idle lists then wait.
    pub left: Option<(u32, std::time::Duration)>,
}

/// Reads the headers of an answer.
pub fn headers(headers: &HeaderMap, now: OffsetDateTime) -> Read {
    let remaining = limits::remaining(headers);
    let pool = RatePool::default();
    let second = std::time::Duration::from_secs(1);
    if let Some(remaining) = remaining {
        pool.observe(remaining, second);
        pool.observe(remaining / 2, second * 2);
    }
    let wait = pool.wait(Urgency::Idle, second * 3);
    Read {
        pause: limits::pause_after(headers, now, limits::LONGEST_PAUSE),
        remaining,
        clock_drift: limits::clock_drift(headers, now),
        etag: ETag::strong(headers).map(|etag| etag.as_str().to_owned()),
        has_room: has_room(headers, 1),
        left: pool.left(second * 3).map(|left| (left, wait)),
    }
}
