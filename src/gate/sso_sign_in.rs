//! The SSO endpoint: from Heroku's form to a session.

use std::pin::pin;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tower::BoxError;
use url::Url;

use super::RejectionKind;
use super::open_session::{SessionTransport, VerifiedSignIn, open_session, resource_of};
use super::original_uri;
use super::read_sso_form::read_form;
use super::rejection::Rejection;
use super::rejection_record::audit_sign_in;
use super::response_format::Format;
use super::see_other::see_other;
use super::state::GateState;
use super::unavailable::out_of_time;
use super::unread_body::UnreadBody;
use crate::audit::RequestId;
use crate::clock::Budget;
use crate::deadlines::REQUEST;
use crate::heroku::is_loopback;
use crate::meter;
use crate::session::NewSession;
use crate::sso::SsoRequest;

/// Answers a request to the SSO path: 303 with a session, or a rejection. A rejection changes nothing, with
/// one exception: if the store fails or time runs out, the form may be consumed, and the browser's earlier
/// session may be closed.
pub(super) async fn sign_in<B>(gate: &GateState, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let format = Format::of(request.headers());
    let prefix = original_uri::prefix(&request).to_owned();
    let budget = Budget::of(REQUEST);
    let (head, body) = request.into_parts();
    let id = RequestId::of(&head.headers);
    let mut body = pin!(body);
    match try_sign_in(gate, &head, body.as_mut(), &prefix, &id, budget).await {
        Ok(response) => {
            meter::sign_in("ok");
            response
        }
        Err(rejection) => {
            meter::sign_in(rejection.kind.code());
            audit_sign_in(gate.audit(), &rejection, &id);
            // A body that was too slow is not waited for again, and one without an end is not read on.
            let is_read_on = match rejection.kind {
                RejectionKind::SlowBody => false,
                RejectionKind::TooLarge => head.headers.contains_key(CONTENT_LENGTH),
                _ => true,
            };
            if is_read_on {
                let rest = UnreadBody::new(head.version, &head.headers, body);
                rest.discard(budget).await;
            }
            let rejection = rejection.with_apps_at(gate.redirects.dashboard());
            rejection.into_response(format, &head.method)
        }
    }
}

async fn try_sign_in<B>(
    gate: &GateState,
    head: &Parts,
    body: B,
    prefix: &str,
    id: &RequestId,
    budget: Budget,
) -> Result<Response<Full<Bytes>>, Rejection>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    let form = read_form(&gate.forms, gate.reasons, head, body).await?;
    let opened = sign_in_in_time(gate, &form, prefix, &head.headers, id, budget).await?;
    Ok(opened.into_response(gate))
}

/// A session that a form has opened.
pub(super) struct OpenedByForm {
    pub(super) session: NewSession,
    /// The page to show.
    landing: String,
    nav_data: Option<String>,
}

impl OpenedByForm {
    fn into_response(self, gate: &GateState) -> Response<Full<Bytes>> {
        let location = HeaderValue::try_from(self.landing);
        let location = location.unwrap_or_else(|_| HeaderValue::from_static("/"));
        let mut response = see_other(location);
        let headers = response.headers_mut();
        let now = gate.directory.clock().now();
        for cookie in gate.cookies.signed_in(&self.session, now) {
            headers.append(SET_COOKIE, cookie);
        }
        if gate.forms.accept_legacy()
            && let Some(data) = self.nav_data
            && let Some(cookie) = gate.cookies.nav_data(&data)
        {
            headers.append(SET_COOKIE, cookie);
        }
        response
    }
}

/// Opens a session for a form within the budget. `prefix` is the part of the path that an outer router
/// removed; `browser` is the request's headers.
pub(super) async fn sign_in_in_time(
    gate: &GateState,
    form: &SsoRequest,
    prefix: &str,
    browser: &HeaderMap,
    request: &RequestId,
    budget: Budget,
) -> Result<OpenedByForm, Rejection> {
    let opened = sign_in_by(gate, form, prefix, browser, request, budget);
    let opened = budget.within(opened).await;
    opened.unwrap_or_else(|| Err(out_of_time(gate.reasons, "sign-in")))
}

async fn sign_in_by(
    gate: &GateState,
    form: &SsoRequest,
    prefix: &str,
    browser: &HeaderMap,
    request: &RequestId,
    budget: Budget,
) -> Result<OpenedByForm, Rejection> {
    let verified = gate.forms.verify(form)?;
    let turn = gate.forms.begin_use(&verified).await;
    let _turn = turn.map_err(|not| match not.resource {
        Some(resource) => {
            let landing = gate.paths.landing_below(prefix, &resource);
            not.rejection.or_go_on_at(landing)
        }
        None => not.rejection,
    })?;
    let resource = resource_of(gate, &verified).await?;
    let landing = gate.paths.landing_below(prefix, &resource);
    let previous = gate.cookies.session.read(browser, Some(&resource));
    let proved = VerifiedSignIn::from_form(&resource, &verified);
    let opened = open_session(
        gate,
        proved,
        SessionTransport::Cookie(previous),
        request,
        budget,
    );
    let (session, _) = opened.await.map_err(|why| {
        let rejection = why.into_rejection(gate.reasons, &proved);
        match rejection.kind {
            RejectionKind::UsedSignIn => rejection.or_go_on_at(landing.clone()),
            _ => rejection,
        }
    })?;
    warn_of_plain_http(gate, browser);
    Ok(OpenedByForm {
        session,
        landing,
        nav_data: verified.nav_data,
    })
}

/// No other message would explain why each page is a 401 from now on.
fn warn_of_plain_http(gate: &GateState, browser: &HeaderMap) {
    let may_be_dropped =
        gate.cookies.are_secure() && gate.origins.are_of_host() && is_on_loopback(browser);
    if may_be_dropped && gate.warnings.plain_http.is_due(gate.directory.clock()) {
        tracing::warn!(
            "a session began on a loopback address (logged once an hour): over plain http, most \
             browsers drop its `Secure` cookie, and each request is a 401 `no-session`. \
             For development, set INSECURE_COOKIES=1 (`insecure_cookies`)"
        );
    }
}

/// True if the browser requested a name or an address of this machine.
fn is_on_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let url = host.and_then(|host| Url::parse(&format!("http://{host}")).ok());
    url.is_some_and(|url| is_loopback(&url))
}
