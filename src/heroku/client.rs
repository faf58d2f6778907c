//! The client: the GETs that an access list requires, tokens, and webhook subscriptions.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use heroku_sso_store::{AppId, ResourceId, TeamId, Tokens};
use http::Method;
use http::header::{IF_NONE_MATCH, RANGE};
use reqwest::RequestBuilder;
use secrecy::SecretString;
use serde::de::DeserializeOwned;
use url::Url;

use super::etag::{ETag, Reply};
use super::oauth::OauthHost;
use super::paging::{Pages, has_room};
use super::pool::RatePool;
use super::subscription::subscribe;
use super::transport::{Transport, parse};
use super::wire::{
    AddOn, AddOnJson, AppInfo, AppJson, AttachmentJson, CollaboratorJson, TeamMemberJson,
};
use super::{Call, HerokuError, HerokuUrl};
use crate::access::People;
use crate::clock::SharedClock;
use crate::secret::ClientSecret;

/// Calls Heroku. One per process: it holds the connections.
#[derive(Debug)]
pub(crate) struct HerokuClient {
    transport: Transport,
    oauth: OauthHost,
}

/// The token of a call, and the rate pool that the call draws on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller<'a> {
    pub(crate) token: &'a SecretString,
    pub(crate) pool: &'a RatePool,
    /// Counts the calls; none if their number is not needed.
    pub(crate) count: Option<&'a CallCount>,
}

/// How many calls were made.
#[derive(Debug, Default)]
pub(crate) struct CallCount(AtomicU32);

impl CallCount {
    pub(crate) fn made(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Caller<'_> {
    fn count_call(&self) {
        if let Some(count) = self.count {
            count.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl HerokuClient {
    /// `longest_pause` limits the pause after a 429, whatever its `Retry-After` says.
    ///
    /// # Errors
    /// If the TLS backend cannot start.
    pub(crate) fn new(
        api_url: HerokuUrl,
        id_url: HerokuUrl,
        client_secret: ClientSecret,
        timeout: Duration,
        longest_pause: Duration,
        clock: SharedClock,
    ) -> Result<Self, HerokuError> {
        let is_local = api_url.is_loopback() || id_url.is_loopback();
        Ok(Self {
            transport: Transport::new(api_url, is_local, timeout, longest_pause, clock)?,
            oauth: OauthHost::new(id_url, client_secret),
        })
    }

    /// How far Heroku's clock is ahead of ours, according to its last answer.
    pub(crate) fn clock_drift(&self) -> Option<time::Duration> {
        self.transport.clock_drift()
    }

    /// `GET /addons/:id`.
    pub(crate) async fn add_on(
        &self,
        caller: Caller<'_>,
        id: &ResourceId,
        known: Option<&ETag>,
    ) -> Result<Reply<AddOn>, HerokuError> {
        let path = ["addons", &id.to_string()];
        let reply = self.get::<AddOnJson>(caller, &path, Call::AddOn, known);
        reply.await?.try_map(|json| json.read(id))
    }

    /// `GET /apps/:id`.
    pub(crate) async fn app(
        &self,
        caller: Caller<'_>,
        id: &AppId,
        known: Option<&ETag>,
    ) -> Result<Reply<AppInfo>, HerokuError> {
        let path = ["apps", &id.to_string()];
        let reply = self.get::<AppJson>(caller, &path, Call::App, known);
        reply.await?.try_map(|json| json.read(id))
    }

    /// `GET /apps/:id/collaborators`, all pages.
    pub(crate) async fn collaborators(
        &self,
        caller: Caller<'_>,
        id: &AppId,
        known: Option<&ETag>,
    ) -> Result<Reply<People>, HerokuError> {
        let path = ["apps", &id.to_string(), "collaborators"];
        let read = |json: CollaboratorJson| json.read(id);
        self.list(caller, &path, Call::Collaborators, known, read)
            .await
    }

    /// `GET /teams/:id/members`, all pages.
    pub(crate) async fn team_members(
        &self,
        caller: Caller<'_>,
        id: &TeamId,
        known: Option<&ETag>,
    ) -> Result<Reply<People>, HerokuError> {
        let path = ["teams", &id.to_string(), "members"];
        let read = |json: TeamMemberJson| Ok(json.read());
        self.list(caller, &path, Call::TeamMembers, known, read)
            .await
    }

    /// `GET /addons/:id/addon-attachments`, all pages: the app of each attachment. One app can have several.
    pub(crate) async fn attachments(
        &self,
        caller: Caller<'_>,
        id: &ResourceId,
    ) -> Result<Reply<Vec<AppId>>, HerokuError> {
        let path = ["addons", &id.to_string(), "addon-attachments"];
        let read = |json: AttachmentJson| json.read(id).map(Some);
        self.list(caller, &path, Call::Attachments, None, read)
            .await
    }

    /// Exchanges the code of a provisioning request (`oauth_grant.code`, valid once, for 5 minutes).
    pub(crate) async fn exchange(&self, code: &SecretString) -> Result<Tokens, HerokuError> {
        self.oauth.exchange(&self.transport, code).await
    }

    /// Exchanges the refresh token. If Heroku sends no new one, the old one remains in use.
    pub(crate) async fn refresh(&self, tokens: &Tokens) -> Result<Tokens, HerokuError> {
        self.oauth.renew(&self.transport, tokens).await
    }

    /// Ensures that the add-on has exactly one subscription for `url`, with this secret.
    pub(crate) async fn subscribe(
        &self,
        caller: Caller<'_>,
        id: &ResourceId,
        url: &Url,
        secret: &SecretString,
    ) -> Result<(), HerokuError> {
        subscribe(&self.transport, caller, id, url, secret).await
    }

    async fn get<T: DeserializeOwned>(
        &self,
        caller: Caller<'_>,
        path: &[&str],
        call: Call,
        known: Option<&ETag>,
    ) -> Result<Reply<T>, HerokuError> {
        let request = if_changed(
            self.transport.to_api(Method::GET, caller.token, path)?,
            known,
        );
        caller.count_call();
        let answer = self.transport.send(request, caller.pool, call).await?;
        if answer.is_unchanged(known, call)? {
            return Ok(Reply::Unchanged);
        }
        let etag = ETag::strong(&answer.headers);
        Ok(Reply::New(parse(&answer.body, call)?, etag))
    }

    /// A list on a single page that is not full can be requested conditionally. For any other list, a 304 for
    /// the first page would say nothing about the next page, so the list is always read completely.
    async fn list<T: DeserializeOwned, E, L: FromIterator<E>>(
        &self,
        caller: Caller<'_>,
        path: &[&str],
        call: Call,
        known: Option<&ETag>,
        read: impl Fn(T) -> Result<Option<E>, HerokuError>,
    ) -> Result<Reply<L>, HerokuError> {
        let mut list = Vec::new();
        let mut pages = Pages::new(call);
        loop {
            let mut request = self.transport.to_api(Method::GET, caller.token, path)?;
            let known = known.filter(|_| pages.range().is_none());
            request = if_changed(request, known);
            if let Some(range) = pages.range() {
                request = request.header(RANGE, range);
            }
            caller.count_call();
            let answer = self.transport.send(request, caller.pool, call).await?;
            if answer.is_unchanged(known, call)? {
                return Ok(Reply::Unchanged);
            }
            let entries: Vec<T> = parse(&answer.body, call)?;
            let has_room = has_room(&answer.headers, entries.len());
            for entry in entries {
                list.extend(read(entry)?);
            }
            if !pages.turn(answer.status, &answer.headers)? {
                let whole = pages.range().is_none() && has_room;
                let etag = ETag::strong(&answer.headers).filter(|_| whole);
                return Ok(Reply::New(list.into_iter().collect(), etag));
            }
        }
    }
}

fn if_changed(request: RequestBuilder, known: Option<&ETag>) -> RequestBuilder {
    match known {
        Some(etag) => request.header(IF_NONE_MATCH, etag.as_str()),
        None => request,
    }
}
