//! The form of add-ons from before Heroku had an `sso_url`, which its tester `kensa` still sends:
//! `GET /heroku/resources/:id?token=…&timestamp=…&email=…`, where `id` is the provider's own.

use heroku_sso_store::LegacyId;
use http::{Method, Request, Uri};

/// The prefix of resource paths, here as in today's Partner API.
const RESOURCES: &str = "/heroku/resources/";

/// True if this request is such a form.
pub(super) fn is_one<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && has_token(request.uri()) && id_in(request.uri()).is_some()
}

/// The id in the path.
pub(super) fn id_in(uri: &Uri) -> Option<LegacyId> {
    uri.path().strip_prefix(RESOURCES)?.parse().ok()
}

/// A request without a token is an ordinary request.
fn has_token(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|field| field.starts_with("token="))
}
