//! The sign-in of a command-line client: it sends Heroku's SSO response in a header and gets a bearer token.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use http_body_util::Full;
use serde_json::json;
use time::format_description::well_known::Rfc3339;

use super::RefusalKind;
use super::accept::Format;
use super::open_session::{SessionTransport, VerifiedSignIn};
use super::refusal::Refusal;
use super::state::GateState;
use crate::audit;
use crate::clock::Budget;
use crate::deadlines::REQUEST;
use crate::session::NewSession;
use crate::sso::SsoRequest;

/// Where Heroku's CLI plugins put the SSO response: base64 of its JSON.
const HEADER: &str = "x-addon-sso";

impl GateState {
    /// Answers a request to the programs' sign-in path: 200 with a bearer token, or a refusal without any
    /// change. Verification, single use and list are the same as for a browser's form.
    pub(super) async fn program_sign_in<B>(&self, request: Request<B>) -> Response<Full<Bytes>> {
        let (parts, _) = request.into_parts();
        let budget = Budget::of(REQUEST);
        let answer = self.try_program_sign_in(&parts.method, &parts.headers, budget);
        let answer = budget.within(answer).await;
        match answer.unwrap_or_else(|| Err(self.out_of_time("sign-in"))) {
            Ok(response) => response,
            Err(refusal) => refusal.into_response(Format::ProblemJson, &parts.method),
        }
    }

    async fn try_program_sign_in(
        &self,
        method: &Method,
        headers: &HeaderMap,
        budget: Budget,
    ) -> Result<Response<Full<Bytes>>, Refusal> {
        if method != Method::POST {
            return Err(Refusal::method_not_allowed("POST"));
        }
        let mut answers = headers.get_all(HEADER).iter();
        let (Some(answer), None) = (answers.next(), answers.next()) else {
            let why = "the request must have exactly one x-addon-sso header";
            audit::sign_in_refused(None, None, &why);
            return Err(self.with_debug_reason(Refusal::new(RefusalKind::InvalidSignIn), &why));
        };
        let request = SsoRequest::from_addon_sso(answer.as_bytes());
        let request = request.map_err(|error| self.malformed(&error))?;
        let verified = self.verify(&request)?;
        let _turn = self.unused(&verified, "").await?;
        let resource = self.signed_resource(&verified).await?;
        let proved = VerifiedSignIn::from_form(&resource, &verified);
        let opened = self
            .open_session(proved, SessionTransport::Bearer, budget)
            .await;
        let (opened, _) = opened.map_err(|why| self.rejection_for(why))?;
        let NewSession {
            value, latest_end, ..
        } = opened;
        let life = latest_end - self.directory.clock().now();
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
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
