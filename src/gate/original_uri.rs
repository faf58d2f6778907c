//! The address as the client sent it.

use http::uri::PathAndQuery;
use http::{Extensions, Request, Uri};

/// Path and query before any router removed a prefix.
///
/// axum strips the prefix of a nested router and keeps the whole address in the extensions.
pub(super) fn path_and_query<B>(request: &Request<B>) -> PathAndQuery {
    of(request.extensions(), request.uri())
}

pub(super) fn of(extensions: &Extensions, uri: &Uri) -> PathAndQuery {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = extensions.get()
        && let Some(whole) = uri.path_and_query()
    {
        return whole.clone();
    }
    #[cfg(not(feature = "axum"))]
    let _ = extensions;
    let own = uri.path_and_query().cloned();
    own.unwrap_or_else(|| PathAndQuery::from_static("/"))
}

/// The prefix that a router removed from the path; empty if none.
pub(super) fn prefix<B>(request: &Request<B>) -> &str {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::OriginalUri(uri)) = request.extensions().get() {
        let (whole, own) = (uri.path(), request.uri().path());
        if whole.len() == own.len() {
            return "";
        }
        let prefix = match whole.strip_suffix(own) {
            Some(prefix) => prefix,
            // A nested router's own root is requested as `/addon`, and arrives here as `/`.
            None if own == "/" => whole,
            None => "",
        };
        // A parameter of a nest may match nothing: `//evil.example/page` would be an address elsewhere.
        let is_elsewhere = prefix.contains("//") || prefix.ends_with('/') || prefix.contains('\\');
        return if is_elsewhere { "" } else { prefix };
    }
    let _ = request;
    ""
}
