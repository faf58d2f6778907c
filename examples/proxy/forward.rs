//! Forwards requests to the upstream.

use std::env;
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use axum_reverse_proxy::{HostBehaviour, ProxyPolicy};
use url::{Host, Url};

use crate::own_cookies;

/// Less than the 30 seconds after which Heroku's router answers in the proxy's place.
const PATIENCE: Duration = Duration::from_secs(25);

/// The upstream keeps the `Host` that the browser asked for: Rails, Action Cable and Node's frameworks
/// compare it with `Origin`.
pub(crate) fn policy(scheme: &str) -> Result<ProxyPolicy, Box<dyn Error>> {
    let patience = match env::var("UPSTREAM_TIMEOUT_SECS") {
        Ok(seconds) => {
            let seconds = seconds.parse().ok().filter(|seconds| *seconds > 0);
            Duration::from_secs(seconds.ok_or("UPSTREAM_TIMEOUT_SECS must be a number of seconds")?)
        }
        Err(_) => PATIENCE,
    };
    Ok(ProxyPolicy::new()
        .with_host_behaviour(HostBehaviour::Preserve)
        .with_public_scheme(scheme)
        .with_upstream_timeout(patience))
}

/// `UPSTREAM_URL`: a URL like `http://127.0.0.1:4000`, without a path. Clients must not be able to reach it
/// without the proxy.
pub(crate) fn upstream_from_env(own: SocketAddr) -> Result<Option<String>, &'static str> {
    let text = env::var("UPSTREAM_URL").unwrap_or_default();
    if text.is_empty() {
        return Ok(None);
    }
    let url = Url::parse(&text).map_err(|_| "UPSTREAM_URL is not an address")?;
    if url.scheme() != "http" {
        return Err("UPSTREAM_URL must be http: for https, turn on `tls` of axum-reverse-proxy");
    }
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let Some(host) = url.host().filter(|_| bare) else {
        return Err("UPSTREAM_URL must be a host and a port, and nothing else");
    };
    let this_machine = match host {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback() || own.ip() == address,
        Host::Ipv6(address) => address.is_loopback() || own.ip() == address,
    };
    if this_machine && url.port_or_known_default() == Some(own.port()) {
        return Err("UPSTREAM_URL is the proxy's own address: set PORT to another one");
    }
    Ok(Some(text.trim_end_matches('/').to_owned()))
}

/// Removes headers that the upstream must not see.
pub(crate) async fn clean(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    own_cookies::remove(headers);
    remove_underscored(headers);
    // Rails prefers it to `Host`. Neither Heroku's router nor this proxy needs it from outside; the proxy
    // sets both again.
    headers.remove("x-forwarded-host");
    headers.remove("forwarded");
    next.run(request).await
}

/// Rack, WSGI and CGI read `x_forwarded_for` and `x-forwarded-for` as one header. No browser sends
/// such a name, and nginx drops them too.
fn remove_underscored(headers: &mut HeaderMap) {
    let names = headers.keys().filter(|name| name.as_str().contains('_'));
    for name in names.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}
