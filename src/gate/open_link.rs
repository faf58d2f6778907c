//! The answer to a signed link: the page, if the browser has a session for its resource, otherwise the way
//! through Heroku to it.

use bytes::Bytes;
use heroku_sso_store::ResourceId;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;

use super::RejectionKind;
use super::cookies::ReturnTo;
use super::debug_reason::DebugReasons;
use super::original_uri;
use super::redirect_to_heroku::to_heroku;
use super::rejection::Rejection;
use super::response_format::Format;
use super::see_other::see_other;
use super::signed_link::{Link, token_of};
use super::state::GateState;
use super::unavailable::out_of_time;
use crate::clock::Budget;
use crate::deadlines::REQUEST;

/// What the answer to a link needs from its request. No `Debug`: the cookies are secrets.
pub(super) struct OpenLink {
    token: String,
    /// The part of the path that an outer router removed.
    prefix: String,
    headers: HeaderMap,
}

impl OpenLink {
    /// None if the request to the SSO path is not one of a link.
    pub(super) fn of<B>(request: &Request<B>) -> Option<Self> {
        let token = token_of(request.uri().query()?)?;
        (request.method() == Method::GET).then(|| Self {
            token: token.to_owned(),
            prefix: original_uri::prefix(request).to_owned(),
            headers: request.headers().clone(),
        })
    }

    pub(super) async fn respond(self, gate: &GateState) -> Response<Full<Bytes>> {
        let opened = Budget::of(REQUEST).within(self.open(gate)).await;
        let opened = opened.unwrap_or_else(|| Err(out_of_time(gate.reasons, "link")));
        opened.unwrap_or_else(|rejection| {
            let rejection = rejection.with_apps_at(gate.redirects.dashboard());
            rejection.into_response(Format::of(&self.headers), &Method::GET)
        })
    }

    async fn open(&self, gate: &GateState) -> Result<Response<Full<Bytes>>, Rejection> {
        let now = gate.directory.clock().now();
        let link = gate.links.verify(&gate.paths, &self.token, now);
        let Link { resource, path } = link.map_err(|kind| invalid(gate.reasons, kind))?;
        let wanted = gate.paths.public(&format!("{}{path}", self.prefix));
        if self.is_signed_in(gate, &resource).await {
            // The gate checks the request of the page. A session that has ended leads through Heroku too.
            let page = HeaderValue::try_from(&wanted);
            let page = page.map_err(|_| invalid(gate.reasons, RejectionKind::InvalidLink))?;
            return Ok(see_other(page));
        }
        let web_url = gate.redirects.page_of(&gate.directory, &resource).await;
        let web_url = web_url.ok_or_else(|| {
            let why = "the link's resource is unknown here, or its list was not fetched yet";
            let rejection = Rejection::new(RejectionKind::NoSession);
            gate.reasons.add(rejection, &why)
        })?;
        let kind = RejectionKind::NoSession;
        let page = ReturnTo::new(resource, wanted, true, now);
        let returns = gate.cookies.return_to.read(&self.headers);
        Ok(to_heroku(gate, kind, &web_url, page, &returns))
    }

    /// True if the browser has a session for the link's resource. The store's errors count as none: the
    /// sign-in then says what is wrong.
    async fn is_signed_in(&self, gate: &GateState, resource: &ResourceId) -> bool {
        let Some(session) = gate.cookies.session.read(&self.headers, Some(resource)) else {
            return false;
        };
        let found = gate.sessions.find(&session).await;
        matches!(found, Ok(Some((_, grant))) if grant.resource == *resource)
    }
}

fn invalid(reasons: DebugReasons, kind: RejectionKind) -> Rejection {
    let why = match kind {
        RejectionKind::ExpiredLink => "the link's end has passed",
        _ => {
            "the link was changed, or made with a salt that this gate does not have, or for a path that it does \
             not have"
        }
    };
    reasons.add(Rejection::new(kind), &why)
}
