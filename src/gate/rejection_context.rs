//! What a rejection depends on: in which format to respond, and where to send the user.

use bytes::Bytes;
use heroku_sso_store::ResourceId;
use http::header::AUTHORIZATION;
use http::{Method, Request, Response};
use http_body_util::Full;
use url::Url;

use super::RejectionKind;
use super::cookies::ReturnTo;
use super::original_uri;
use super::paths::SessionScope;
use super::redirect_to_heroku::to_heroku;
use super::rejection::Rejection;
use super::response_format::{Format, is_navigation, is_prefetch};
use super::state::GateState;
use crate::clock::Budget;

/// What the response to a rejected request depends on, taken from the request before the request is moved.
#[derive(Debug)]
pub(super) struct RejectionContext {
    format: Format,
    method: Method,
    /// The page that was requested, if a user navigated to it.
    navigation: Option<String>,
    /// It is the page on which a sign-in lands anyway.
    is_landing: bool,
    is_prefetch: bool,
    /// The resources that this browser was signed in to, and the one of them that the page is about.
    hints: Vec<ResourceId>,
    hint: Option<ResourceId>,
    /// The pages to which this browser is about to return.
    returns: Vec<ReturnTo>,
}

impl RejectionContext {
    pub(super) fn of<B>(gate: &GateState, request: &Request<B>) -> Self {
        let headers = request.headers();
        let navigates = is_navigation(request.method(), headers);
        let target = || {
            gate.paths
                .public(original_uri::path_and_query(request).as_str())
        };
        warn_of_heroku_outside(gate, request);
        let hints = gate.cookies.hint.read(headers);
        let hint = match gate.paths.scope(request.uri().path()) {
            SessionScope::Any => hints.first(),
            SessionScope::Resource(resource) => hints.iter().find(|hint| **hint == resource),
            SessionScope::None => None,
        };
        let hint = hint.copied();
        let path = request.uri().path();
        let is_landing = hint.is_some_and(|hint| gate.paths.is_landing(path, &hint));
        Self {
            is_landing: is_landing && request.uri().query().is_none(),
            is_prefetch: is_prefetch(headers),
            format: Format::of(headers),
            method: request.method().clone(),
            navigation: navigates.then(target),
            returns: gate.cookies.return_to.read(headers),
            hint,
            hints,
        }
    }

    /// Rejects the request. A browser whose session has ended is redirected to where it can sign in again, if
    /// that page is found within the budget.
    pub(super) async fn respond(
        self,
        gate: &GateState,
        mut rejection: Rejection,
        budget: Budget,
    ) -> Response<Full<Bytes>> {
        if rejection.is_bearer {
            return rejection.into_response(Format::ProblemJson, &self.method);
        }
        let kind = rejection.kind;
        let can_sign_in = matches!(kind, RejectionKind::NoSession | RejectionKind::SessionEnded);
        if can_sign_in
            && let Some(resource) = self.hint
            && let Some(found) = sign_in_page(gate, &resource, budget).await
        {
            let now = gate.directory.clock().now();
            if let Some(wanted) = self.navigation {
                let page = ReturnTo::new(resource, wanted, !self.is_landing, now);
                let page = page.continuing(&self.returns);
                if gate.redirects.are_due(&page, &self.returns, now) {
                    return to_heroku(gate, kind, &found, page, &self.returns);
                }
                // The page's own link leads back as well.
                for cookie in gate.cookies.return_to.add(&self.returns, &page) {
                    rejection = rejection.set_cookie(cookie);
                }
            }
            rejection = rejection.sign_in_at(found);
        }
        rejection = rejection.with_apps_at(gate.redirects.dashboard());
        if kind == RejectionKind::NotListed && !self.is_prefetch {
            // A redirect through Heroku would only lead this user to the same rejection.
            let hint = self.hint.as_ref();
            rejection = rejection.set_cookie(gate.cookies.hint.without(&self.hints, hint));
        }
        rejection.into_response(self.format, &self.method)
    }
}

/// Logs that a call of Heroku's is rejected: Heroku has no session, so the configuration is wrong.
fn warn_of_heroku_outside<B>(gate: &GateState, request: &Request<B>) {
    let basic = request.headers().get(AUTHORIZATION);
    let basic = basic.is_some_and(|value| value.as_bytes().starts_with(b"Basic "));
    let is_herokus = basic && request.uri().path().starts_with("/heroku/resources");
    if is_herokus && gate.warnings.partner_api.is_due(gate.directory.clock()) {
        tracing::error!(
            "a call to the Partner API was rejected by the gate: merge `partner_api` into what \
             `sso.protect(…)` returns, not into the router inside"
        );
    }
}

async fn sign_in_page(gate: &GateState, resource: &ResourceId, budget: Budget) -> Option<Url> {
    let page = gate.redirects.page_of(&gate.directory, resource);
    budget.within(page).await?
}
