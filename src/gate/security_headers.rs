//! The headers that protect the gate's own responses in a browser.

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue};

/// For pages: no script, nothing from elsewhere. A dashboard may show them in a frame of its own, as it does
/// when the session of a page in the frame has ended.
pub(super) const PAGE: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
                               base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// For everything else.
pub(super) const DATA: &str = "default-src 'none'; frame-ancestors 'none'";

/// Sets them, with this content security policy. The response is not cached.
pub(super) fn protect(headers: &mut HeaderMap, policy: &'static str) {
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, policy),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
