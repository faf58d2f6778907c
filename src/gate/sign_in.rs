//! The SSO endpoint: from Heroku's form to a session.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use mime::Mime;
use url::Url;

use super::RefusalKind;
use super::accept::Format;
use super::explain::why_not_valid;
use super::oldest_form;
use super::open_session::{SessionTransport, VerifiedSignIn};
use super::original_uri;
use super::refusal::Refusal;
use super::rejection_context::redirect;
use super::state::GateState;
use super::used_forms::{Form, Turn};
use crate::audit;
use crate::cause;
use crate::clock::{Budget, Reading};
use crate::deadlines::REQUEST;
use crate::heroku::is_loopback;
use crate::ids::ResourceId;
use crate::request_body::{self, BodyError};
use crate::sso::{SignedResource, SsoError, SsoPolicy, SsoRequest, VerifiedSso};
use crate::store::StoreError;
use crate::sync::Denial;

/// An SSO form is about one kilobyte long.
const MAX_BODY: usize = 64 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl GateState {
    /// Answers a request to the SSO path: 303 with a session, or a refusal without any change.
    pub(super) async fn sign_in<B>(&self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let method = request.method().clone();
        let format = Format::of(request.headers());
        match self.try_sign_in(request).await {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(format, &method),
        }
    }

    async fn try_sign_in<B>(&self, request: Request<B>) -> Result<Response<Full<Bytes>>, Refusal>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let prefix = original_uri::prefix(&request).to_owned();
        let browser = request.headers().clone();
        let budget = Budget::of(REQUEST);
        let form = self.read_form(request).await?;
        let signing_in = self.sign_in_by(&form, &prefix, &browser, budget);
        let answer = budget.within(signing_in).await;
        answer.unwrap_or_else(|| Err(self.out_of_time("sign-in")))
    }

    async fn sign_in_by(
        &self,
        form: &SsoRequest,
        prefix: &str,
        browser: &HeaderMap,
        budget: Budget,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        let verified = self.verify(form)?;
        let _turn = self.unused(&verified, prefix).await?;
        let resource = self.signed_resource(&verified).await?;
        let landing = self.landing(prefix, &resource);
        let previous = self.cookies.session_of(browser, Some(&resource));
        let proved = VerifiedSignIn::from_form(&resource, &verified);
        let opened = self.open_session(proved, SessionTransport::Cookie(previous), budget);
        let (opened, _) = opened.await.map_err(|why| {
            let refusal = self.rejection_for(why);
            match refusal.kind {
                RefusalKind::UsedSignIn => refusal.or_go_on_at(landing.clone()),
                _ => refusal,
            }
        })?;
        self.warn_of_plain_http(browser);
        let location = HeaderValue::try_from(landing);
        let location = location.unwrap_or_else(|_| HeaderValue::from_static("/"));
        let mut response = redirect(location);
        let headers = response.headers_mut();
        let now = self.directory.clock().now();
        for cookie in self.cookies.signed_in(&opened, now) {
            headers.append(SET_COOKIE, cookie);
        }
        if self.verifier.uses(SsoPolicy::Legacy)
            && let Some(cookie) = verified
                .nav_data
                .and_then(|data| self.cookies.nav_data(&data))
        {
            headers.append(SET_COOKIE, cookie);
        }
        Ok(response)
    }

    /// No other message would explain why each page is a 401 from now on.
    fn warn_of_plain_http(&self, browser: &HeaderMap) {
        let may_be_dropped = self.cookies.are_secure() && is_on_loopback(browser);
        if may_be_dropped && self.plain_http_warning.is_due(self.directory.clock()) {
            tracing::warn!(
                "a session began on a loopback address (logged once an hour): over plain http, most \
                 browsers drop its `Secure` cookie, and each request is a 401 `no-session`. \
                 For development, set INSECURE_COOKIES=1 or use CookieTransport::InsecureHttp"
            );
        }
    }

    /// The landing page as the browser must request it. A nested router's own root is its prefix, without a
    /// trailing slash.
    fn landing(&self, prefix: &str, resource: &ResourceId) -> String {
        match self.paths.landing(resource).as_str() {
            "/" if !prefix.is_empty() => prefix.to_owned(),
            landing => prefix.to_owned() + landing,
        }
    }

    async fn read_form<B>(&self, request: Request<B>) -> Result<SsoRequest, Refusal>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let query = request.uri().query().unwrap_or_default();
        let query = SsoRequest::parse(query.as_bytes());
        let query = query.map_err(|error| self.malformed(&error))?;
        let legacy = self.verifier.uses(SsoPolicy::Legacy);
        match *request.method() {
            Method::POST => {}
            Method::GET if legacy => {
                let query = match oldest_form::id_in(request.uri()) {
                    Some(id) => query.with_id(id.to_string()),
                    None => Ok(query),
                };
                return query.map_err(|error| self.malformed(&error));
            }
            Method::GET
                if self
                    .verifier
                    .is_signed(&query, self.directory.clock().now()) =>
            {
                let why =
                    "a form by GET is accepted only under HEROKU_SSO_POLICY=legacy (`sso_policy`)";
                audit::sign_in_refused(None, None, &why);
                self.policy_warning.give(self.directory.clock(), why);
                return Err(Refusal::method_not_allowed("POST"));
            }
            _ => {
                let allow = if legacy { "GET, POST" } else { "POST" };
                return Err(Refusal::method_not_allowed(allow));
            }
        }
        if !query.is_empty() {
            // The fields are read from the body only.
            let why = "the fields must be in the body, but the query has some";
            audit::sign_in_refused(None, None, &why);
            return Err(self.with_debug_reason(Refusal::new(RefusalKind::InvalidSignIn), &why));
        }
        if !is_form(request.headers()) {
            let why = "the content type must be `application/x-www-form-urlencoded` in UTF-8";
            return Err(self.with_debug_reason(Refusal::new(RefusalKind::NotAForm), &why));
        }
        let (parts, body) = request.into_parts();
        let body = request_body::read(&parts.headers, body, MAX_BODY).await;
        let body = body.map_err(|error| {
            Refusal::new(match error {
                BodyError::Broken => RefusalKind::InvalidSignIn,
                BodyError::Slow => RefusalKind::SlowBody,
                BodyError::TooLarge => RefusalKind::TooLarge,
            })
        })?;
        SsoRequest::parse(&body).map_err(|error| self.malformed(&error))
    }

    pub(super) fn malformed(&self, error: &SsoError) -> Refusal {
        let why = why_not_valid(error);
        audit::sign_in_refused(None, None, &why);
        self.with_debug_reason(Refusal::new(RefusalKind::InvalidSignIn), &why)
    }

    pub(super) fn verify(&self, request: &SsoRequest) -> Result<VerifiedSso, Refusal> {
        let now = self.directory.clock().now();
        self.verifier.verify(request, now).map_err(|error| {
            let why = why_not_valid(&error);
            audit::sign_in_refused(None, None, &why);
            if matches!(error, SsoError::PolicyExcludes { .. }) {
                self.policy_warning.give(self.directory.clock(), &why);
            }
            let refusal = Refusal::new(match error {
                SsoError::TimestampAhead { .. } | SsoError::TimestampStale { .. } => {
                    RefusalKind::StaleSignIn
                }
                _ => RefusalKind::InvalidSignIn,
            });
            self.with_debug_reason(refusal, &why)
        })
    }

    /// The resource that a form names.
    pub(super) async fn signed_resource(
        &self,
        verified: &VerifiedSso,
    ) -> Result<ResourceId, Refusal> {
        let known = match &verified.resource {
            SignedResource::Resource(id) => return Ok(*id),
            SignedResource::Legacy(id) => self.directory.lifecycle().find_legacy(id).await,
        };
        known.map_err(|error| {
            let denial = Denial::from(error);
            audit::sign_in_refused(None, Some(&verified.email), &denial.reason());
            self.not_admitted(&denial)
        })
    }

    pub(super) fn not_admitted(&self, denial: &Denial) -> Refusal {
        let refusal = match denial.retry_after() {
            Some(wait) => Refusal::cannot_check(wait),
            None => Refusal::new(RefusalKind::NotListed),
        };
        let reason = denial.reason();
        match denial {
            Denial::UnknownResource | Denial::Gone => {
                let reason = format!(
                    "{reason}: provision it first, and again after each restart if the store is in \
                     memory"
                );
                self.with_debug_reason(refusal, &reason)
            }
            _ => self.with_debug_reason(refusal, &reason),
        }
    }

    /// Takes the form's turn if it was not used before, which is checked before anything is created for it.
    /// Another sign-in with the same form may be slow: the caller waits within its budget.
    pub(super) async fn unused(
        &self,
        verified: &VerifiedSso,
        prefix: &str,
    ) -> Result<Turn<'_>, Refusal> {
        let (key, store) = (verified.replay_key(), self.directory.store());
        let turn = self.used_forms.turn(key).await;
        let now = Reading::of(self.directory.clock());
        let resource = match verified.resource {
            SignedResource::Resource(id) => Some(id),
            SignedResource::Legacy(_) => None,
        };
        match self.used_forms.look_up(key, store, now).await {
            Ok(Form::Unused) => Ok(turn),
            Ok(Form::Used(known)) => {
                let resource = resource.or(known);
                let refusal = self.used_before(resource.as_ref(), verified);
                Err(match resource {
                    Some(resource) => refusal.or_go_on_at(self.landing(prefix, &resource)),
                    None => refusal,
                })
            }
            Err(error) => Err(self.cannot_use_up(resource.as_ref(), verified, &error)),
        }
    }

    /// Consumes this form. If the store fails, the sign-in is rejected; whether the form was consumed is then
    /// unknown.
    pub(super) async fn use_up(
        &self,
        resource: &ResourceId,
        verified: &VerifiedSso,
    ) -> Result<(), Refusal> {
        let now = Reading::of(self.directory.clock());
        let until = self.verifier.remember_until(verified.issued_at);
        let store = &**self.directory.store();
        let consumed = self
            .used_forms
            .consume(verified, resource, store, until, now);
        match consumed.await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.used_before(Some(resource), verified)),
            Err(error) => Err(self.cannot_use_up(Some(resource), verified, &error)),
        }
    }

    fn used_before(&self, resource: Option<&ResourceId>, verified: &VerifiedSso) -> Refusal {
        let why = "the form was used before";
        audit::sign_in_refused(resource, Some(&verified.email), &why);
        self.with_debug_reason(Refusal::new(RefusalKind::UsedSignIn), &why)
    }

    fn cannot_use_up(
        &self,
        resource: Option<&ResourceId>,
        verified: &VerifiedSso,
        error: &StoreError,
    ) -> Refusal {
        audit::sign_in_refused(resource, Some(&verified.email), &cause::with(error));
        let refusal = Refusal::cannot_check(Duration::from_secs(5));
        self.with_debug_error(refusal, error)
    }
}

/// True if the browser requested a name or an address of this machine.
fn is_on_loopback(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let url = host.and_then(|host| Url::parse(&format!("http://{host}")).ok());
    url.is_some_and(|url| is_loopback(&url))
}

/// True for `application/x-www-form-urlencoded`, in UTF-8 if it names an encoding.
fn is_form(headers: &HeaderMap) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let media = value.to_str().ok().and_then(|it| it.parse::<Mime>().ok());
    media.is_some_and(|media| {
        media.essence_str() == mime::APPLICATION_WWW_FORM_URLENCODED
            && media
                .get_param(mime::CHARSET)
                .is_none_or(|it| it == mime::UTF_8)
    })
}
