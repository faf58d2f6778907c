//! The sign-in of a command-line client: it sends Heroku's SSO response in a header and gets a bearer token.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::RejectionKind;
use super::open_session::{SessionTransport, VerifiedSignIn, open_session, resource_of};
use super::rejection::Rejection;
use super::rejection_record::audit_sign_in;
use super::response_format::Format;
use super::security_headers::{self, DATA};
use super::state::GateState;
use super::unavailable::out_of_time;
use super::unread_body::UnreadBody;
use crate::audit::RequestId;
use crate::clock::Budget;
use crate::deadlines::REQUEST;
use crate::meter;
use crate::session::NewSession;
use crate::sso::SsoRequest;

/// Where Heroku's CLI plugins put the SSO response: base64 of its JSON.
const HEADER: &str = "x-addon-sso";

/// Answers a request to the programs' sign-in path: 200 with a bearer token, or a rejection. A rejection
/// changes nothing, but the form may be consumed if the store fails or time runs out. Verification, single
/// use and list are the same as for a browser's form.
pub(super) async fn cli_sign_in<B>(gate: &GateState, request: Request<B>) -> Response<Full<Bytes>>
where
    B: Body,
{
    let (parts, body) = request.into_parts();
    let budget = Budget::of(REQUEST);
    let request = RequestId::of(&parts.headers);
    let answer = try_cli_sign_in(gate, &parts.method, &parts.headers, &request, budget);
    let answer = budget.within(answer).await;
    if let Some(Err(rejection)) = &answer {
        audit_sign_in(gate.audit(), rejection, &request);
    }
    let rest = UnreadBody::new(parts.version, &parts.headers, body);
    rest.discard(budget).await;
    match answer.unwrap_or_else(|| Err(out_of_time(gate.reasons, "sign-in"))) {
        Ok(response) => {
            meter::sign_in("ok");
            response
        }
        Err(rejection) => {
            meter::sign_in(rejection.kind.code());
            rejection.into_response(Format::ProblemJson, &parts.method)
        }
    }
}

async fn try_cli_sign_in(
    gate: &GateState,
    method: &Method,
    headers: &HeaderMap,
    request: &RequestId,
    budget: Budget,
) -> Result<Response<Full<Bytes>>, Rejection> {
    if method != Method::POST {
        return Err(Rejection::method_not_allowed("POST"));
    }
    let mut answers = headers.get_all(HEADER).iter();
    let (Some(answer), None) = (answers.next(), answers.next()) else {
        let why = "the request must have exactly one x-addon-sso header";
        return Err(gate.forms.reject(RejectionKind::InvalidSignIn, why));
    };
    let form = SsoRequest::from_addon_sso(answer.as_bytes());
    let form = form.map_err(|error| gate.forms.malformed(&error))?;
    let verified = gate.forms.verify(&form)?;
    let turn = gate.forms.begin_use(&verified).await;
    let _turn = turn.map_err(|not| not.rejection)?;
    let resource = resource_of(gate, &verified).await?;
    let proved = VerifiedSignIn::from_form(&resource, &verified);
    let opened = open_session(gate, proved, SessionTransport::Bearer, request, budget).await;
    let (opened, _) = opened.map_err(|why| why.into_rejection(gate.reasons, &proved))?;
    let NewSession {
        value, latest_end, ..
    } = opened;
    let life = latest_end - gate.directory.clock().now();
    let body = json!({
        "access_token": value,
        "token_type": "Bearer",
        "expires_in": life.whole_seconds().max(0),
        "expires_at": latest_end.format(&Rfc3339).unwrap_or_default(),
        "resource_id": resource.to_string(),
    });
    let mut response = Response::new(Full::from(body.to_string()));
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(CONTENT_TYPE, json);
    security_headers::protect(headers, DATA);
    Ok(response)
}
