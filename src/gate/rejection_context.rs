//! What a rejection depends on: in which format to respond, and where to send the user.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, LOCATION, SET_COOKIE, VARY};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use time::Duration;
use url::Url;

use super::RefusalKind;
use super::accept::{Format, is_navigation};
use super::original_uri;
use super::paths::SessionScope;
use super::refusal::Refusal;
use super::state::GateState;
use crate::clock::Budget;
use crate::config::OnExpired;
use crate::ids::ResourceId;
use crate::session::ReturnTo;

/// A browser is redirected to Heroku at most this often. After that it gets the page, which prevents a
/// redirect loop.
const BETWEEN_BOUNCES: Duration = Duration::MINUTE;

/// What the response to a refused request depends on, taken from the request before the request is moved.
#[derive(Debug)]
pub(super) struct RejectionContext {
    format: Format,
    method: Method,
    /// The page that was requested, if a user navigated to it.
    navigation: Option<String>,
    /// The resources that this browser was signed in to, and the one of them that the page is about.
    hints: Vec<ResourceId>,
    hint: Option<ResourceId>,
    way_back: Option<ReturnTo>,
}

impl RejectionContext {
    pub(super) fn of<B>(gate: &GateState, request: &Request<B>) -> Self {
        let headers = request.headers();
        let navigates = is_navigation(request.method(), headers);
        let target = || original_uri::path_and_query(request).as_str().to_owned();
        warn_of_heroku_outside(gate, request);
        let hints = gate.cookies.hints(headers);
        let hint = match gate.paths.place(request.uri().path()) {
            SessionScope::Any => hints.first(),
            SessionScope::Resource(resource) => hints.iter().find(|hint| **hint == resource),
            SessionScope::None => None,
        };
        let hint = hint.copied();
        Self {
            format: Format::of(headers),
            method: request.method().clone(),
            navigation: navigates.then(target),
            way_back: gate.cookies.way_back(headers, hint.as_ref()),
            hint,
            hints,
        }
    }

    /// Refuses the request. A browser whose session has ended is redirected to where it can sign in again, if
    /// that page is found within the budget.
    pub(super) async fn refuse(
        self,
        gate: &GateState,
        refusal: Refusal,
        budget: Budget,
    ) -> Response<Full<Bytes>> {
        let mut refusal = refusal;
        if refusal.is_of_bearer() {
            return refusal.into_response(Format::ProblemJson, &self.method);
        }
        if matches!(
            refusal.kind,
            RefusalKind::NoSession | RefusalKind::SessionEnded
        ) && let Some(resource) = self.hint
            && let Some(Some(web_url)) = budget.within(web_url(gate, &resource)).await
        {
            if let Some(wanted) = self.way_to_heroku(gate) {
                return bounce(gate, refusal.kind, &web_url, resource, wanted);
            }
            refusal = refusal.sign_in_at(Some(web_url));
        }
        if refusal.kind == RefusalKind::NotListed {
            // Heroku would only send this user here again.
            let hint = self.hint.as_ref();
            refusal = refusal.set_cookie(gate.cookies.without_hint(&self.hints, hint));
        }
        refusal.into_response(self.format, &self.method)
    }

    /// The page to return to, if this browser may be redirected to Heroku now.
    fn way_to_heroku(&self, gate: &GateState) -> Option<String> {
        let wanted = self.navigation.clone()?;
        let now = gate.directory.clock().now();
        let just_sent = self
            .way_back
            .as_ref()
            .is_some_and(|way| (now - way.sent_at).abs() < BETWEEN_BOUNCES);
        (gate.on_expired == OnExpired::Redirect && !just_sent).then_some(wanted)
    }
}

/// Heroku has no session: if a call of Heroku's is refused here, the configuration is wrong.
fn warn_of_heroku_outside<B>(gate: &GateState, request: &Request<B>) {
    let basic = request.headers().get(AUTHORIZATION);
    let basic = basic.is_some_and(|value| value.as_bytes().starts_with(b"Basic "));
    let is_herokus = basic && request.uri().path().starts_with("/heroku/resources");
    if is_herokus && gate.partner_api_warning.is_due(gate.directory.clock()) {
        tracing::error!(
            "a call to the Partner API was refused by the gate: merge `partner_api` after \
             `.layer(sso.layer())`, not before it"
        );
    }
}

async fn web_url(gate: &GateState, resource: &ResourceId) -> Option<Url> {
    let held = gate.directory.known_list(resource).await.ok()??;
    let web_url = held.snapshot.web_url.clone()?;
    gate.trusts(&web_url).then_some(web_url)
}

fn bounce(
    gate: &GateState,
    kind: RefusalKind,
    web_url: &Url,
    resource: ResourceId,
    wanted: String,
) -> Response<Full<Bytes>> {
    let way = ReturnTo {
        resource,
        sent_at: gate.directory.clock().now(),
        wanted: Some(wanted),
    };
    let location = HeaderValue::try_from(web_url.as_str());
    let location = location.expect("a parsed URL is printable ASCII");
    let mut response = redirect(location);
    let headers = response.headers_mut();
    headers.append(SET_COOKIE, gate.cookies.set_way_back(&way));
    response.extensions_mut().insert(kind);
    response
}

/// 303: the browser follows with a GET.
pub(super) fn redirect(location: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Cookie"));
    response
}
