//! Reads the form of Heroku's SSO from a request.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method};
use http_body::Body;
use mime::Mime;

use super::RejectionKind;
use super::debug_reason::DebugReasons;
use super::legacy_form;
use super::rejection::Rejection;
use super::verify_sso_form::SsoForms;
use crate::request_body::{self, BodyError};
use crate::sso::SsoRequest;

/// An SSO form is about one kilobyte long.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// The fields of the body of a POST. Under the legacy policy also those of the query of a GET.
pub(super) async fn read_form<B>(
    forms: &SsoForms,
    reasons: DebugReasons,
    head: &Parts,
    body: B,
) -> Result<SsoRequest, Rejection>
where
    B: Body + Send,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let malformed = |error| forms.malformed(&error);
    let query = head.uri.query().unwrap_or_default();
    let query = SsoRequest::parse(query.as_bytes()).map_err(malformed)?;
    match head.method {
        Method::POST => {}
        Method::GET if forms.accept_legacy() => {
            let query = match legacy_form::id_in(&head.uri) {
                Some(id) => query.with_id(id.to_string()),
                None => Ok(query),
            };
            return query.map_err(malformed);
        }
        Method::GET => {
            let rejection = forms.reject_get(&query);
            return Err(rejection.unwrap_or_else(|| Rejection::method_not_allowed("POST")));
        }
        _ => {
            let legacy = forms.accept_legacy();
            let allow = if legacy { "GET, POST" } else { "POST" };
            return Err(Rejection::method_not_allowed(allow));
        }
    }
    if !query.is_empty() {
        // The fields are read from the body only.
        let why = "the fields must be in the body, but the query has some";
        return Err(forms.reject(RejectionKind::InvalidSignIn, why));
    }
    if !is_form(&head.headers) {
        let why = "the content type must be `application/x-www-form-urlencoded` in UTF-8";
        return Err(reasons.add(Rejection::new(RejectionKind::NotAForm), &why));
    }
    let body = request_body::read(&head.headers, body, MAX_BODY).await;
    let body = body.map_err(|error| {
        Rejection::new(match error {
            BodyError::Broken => RejectionKind::InvalidSignIn,
            BodyError::Slow => RejectionKind::SlowBody,
            BodyError::TooLarge => RejectionKind::TooLarge,
        })
    })?;
    SsoRequest::parse(&body).map_err(malformed)
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
