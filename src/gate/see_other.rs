//! The gate's redirects.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, VARY};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

/// 303: the browser follows with a GET.
pub(super) fn see_other(location: HeaderValue) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SEE_OTHER;
    let headers = response.headers_mut();
    headers.insert(LOCATION, location);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Cookie"));
    response
}
