//! Which site sent a request: this one, or another.

use http::header::{HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use url::{Host, Origin, Url};

use crate::config::{Config, CookieTransport};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origin of this site, and the others whose pages may open WebSockets.
#[derive(Debug)]
pub(super) struct Origins {
    /// None if it is not configured: then `Host` names this site.
    own: Option<Origin>,
    /// Cookies are `Secure`, so a page over plain http is not one of this site's, unless on this machine.
    is_https_only: bool,
    allowed: Vec<Origin>,
}

impl Origins {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            own: config.public_url.as_ref().map(Url::origin),
            is_https_only: config.cookies == CookieTransport::Https,
            allowed: config.allowed_origins.iter().map(Url::origin).collect(),
        }
    }

    /// True if `Host` names this site, as no address is configured.
    pub(super) fn are_of_host(&self) -> bool {
        self.own.is_none()
    }

    /// True for a form of this site. Browsers say which site sent it. A program that says nothing holds the
    /// cookie itself.
    pub(super) fn is_own_form<B>(&self, request: &Request<B>) -> bool {
        let headers = request.headers();
        if let Some(site) = text(headers, &FETCH_SITE) {
            return site == "same-origin" || site == "none";
        }
        headers
            .get(ORIGIN)
            .is_none_or(|origin| self.is_own(origin, request))
    }

    /// The origin of a WebSocket handshake that is neither of this site nor allowed. Browsers send the
    /// cookies of this site with a handshake from any other, and `SameSite` does not stop sibling hosts.
    pub(super) fn foreign_handshake<'r, B>(
        &self,
        request: &'r Request<B>,
    ) -> Option<&'r HeaderValue> {
        if !is_handshake(request) {
            return None;
        }
        let origin = request.headers().get(ORIGIN)?;
        let is_allowed = parse(origin).is_some_and(|(_, origin)| self.allowed.contains(&origin));
        (!is_allowed && !self.is_own(origin, request)).then_some(origin)
    }

    fn is_own<B>(&self, origin: &HeaderValue, request: &Request<B>) -> bool {
        let Some((scheme, origin)) = parse(origin) else {
            return false;
        };
        match &self.own {
            Some(own) => *own == origin,
            None => host(request).is_some_and(|host| {
                // A reverse proxy may terminate TLS, so the scheme is not known here.
                let own = Url::parse(&format!("{scheme}://{host}"));
                own.is_ok_and(|own| own.origin() == origin && self.may_be_own(&own))
            }),
        }
    }

    /// An attacker on the network writes the pages of any host that a browser requests over plain http.
    /// Browsers make an exception for their own machine, where `Secure` cookies go over http too.
    fn may_be_own(&self, own: &Url) -> bool {
        !self.is_https_only || own.scheme() == "https" || is_loopback(own)
    }
}

/// By the rule of browsers, which never look up a name below `localhost`. A resolver may, so
/// [`HerokuUrl`](crate::heroku::HerokuUrl) is stricter.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// RFC 6455, section 4.1, and for HTTP/2 an extended CONNECT by RFC 8441, section 5.
fn is_handshake<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    if request.method() == Method::CONNECT {
        return headers.contains_key("sec-websocket-version");
    }
    headers.get_all(UPGRADE).iter().any(|upgrade| {
        let protocols = upgrade.as_bytes().split(|byte| *byte == b',');
        let mut names = protocols.map(|name| name.trim_ascii());
        names.any(|name| name.eq_ignore_ascii_case(b"websocket"))
    })
}

/// The host that the client named.
fn host<B>(request: &Request<B>) -> Option<&str> {
    let authority = request.uri().authority();
    text(request.headers(), &HOST).or(authority.map(|authority| authority.as_str()))
}

/// The scheme and the whole origin; none for `null` and for an invalid origin.
fn parse(origin: &HeaderValue) -> Option<(String, Origin)> {
    let url = Url::parse(origin.to_str().ok()?).ok()?;
    let origin = url.origin();
    origin.is_tuple().then(|| (url.scheme().to_owned(), origin))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(own: Option<&str>, allowed: &[&str]) -> Origins {
        with_cookies(CookieTransport::Https, own, allowed)
    }

    fn with_cookies(cookies: CookieTransport, own: Option<&str>, allowed: &[&str]) -> Origins {
        let url = |text: &str| Url::parse(text).unwrap();
        Origins::new(&Config {
            cookies,
            public_url: own.map(url),
            allowed_origins: allowed.iter().map(|text| url(text)).collect(),
            ..Config::default()
        })
    }

    fn handshake(host: &str, origin: &str) -> Request<()> {
        let request = Request::get("/").header(HOST, host).header(ORIGIN, origin);
        request.header(UPGRADE, "WebSocket").body(()).unwrap()
    }

    #[test]
    fn origin_is_compared_with_host_if_no_address_is_configured() {
        let origins = origins(None, &["https://other.example:8443"]);
        for (host, origin, is_own) in [
            ("a.example", "https://a.example", true),
            ("a.example:443", "https://a.example", true),
            ("A.example", "https://a.EXAMPLE:443", true),
            ("a.example:3000", "https://a.example:3000", true),
            ("a.example:3000", "http://a.example:3000", false),
            ("[::1]:3000", "http://[::1]:3000", true),
            ("a.example", "https://other.example:8443", true),
            ("a.example", "https://other.example", false),
            ("a.example", "https://b.a.example", false),
            ("a.example", "https://a.example.evil.example", false),
            ("a.example", "https://a.example:444", false),
            ("a.example", "null", false),
            ("a.example", "a.example", false),
            ("a.example", "file:///a.example", false),
            ("", "https://a.example", false),
        ] {
            let request = handshake(host, origin);
            let foreign = origins.foreign_handshake(&request);
            assert_eq!(foreign.is_none(), is_own, "{host} {origin}");
        }
    }

    #[test]
    fn plain_http_page_is_own_if_cookies_go_over_plain_http() {
        let origins = with_cookies(CookieTransport::InsecureHttp, None, &[]);
        for origin in ["http://a.example:3000", "https://a.example:3000"] {
            let request = handshake("a.example:3000", origin);
            assert_eq!(origins.foreign_handshake(&request), None, "{origin}");
        }
    }

    #[test]
    fn host_is_ignored_if_an_address_is_configured() {
        let origins = origins(Some("https://a.example/base"), &[]);
        for (host, origin, is_own) in [
            ("internal:3000", "https://a.example", true),
            ("evil.example", "https://evil.example", false),
            ("a.example", "http://a.example", false),
        ] {
            let request = handshake(host, origin);
            let foreign = origins.foreign_handshake(&request);
            assert_eq!(foreign.is_none(), is_own, "{host} {origin}");
        }
    }

    #[test]
    fn only_a_websocket_upgrade_is_a_handshake() {
        let request = |method: &str, name: &str, value: &str| {
            let request = Request::builder().method(method).uri("/");
            is_handshake(&request.header(name, value).body(()).unwrap())
        };
        assert!(request("GET", "upgrade", "h2c, WebSocket"));
        assert!(request("CONNECT", "sec-websocket-version", "13"));
        assert!(!request("GET", "upgrade", "h2c"));
        assert!(!request("GET", "accept", "*/*"));
        assert!(!request("CONNECT", "accept", "*/*"));
    }
}
