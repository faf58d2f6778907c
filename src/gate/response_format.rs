//! Whether a request comes from a browser's user or from a program.

use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, Method};

/// Longer `Accept` headers are not read: no browser sends one.
const MAX_ACCEPT: usize = 1024;

/// The format of the gate's own responses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Html,
    ProblemJson,
}

impl Format {
    /// HTML if `Accept` names it and prefers no JSON type. JSON for all other requests, including `*/*`, and
    /// for every request that a script of the page makes.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match is_in_background(headers) {
            true => Self::ProblemJson,
            false => Self::accepted(headers).unwrap_or(Self::ProblemJson),
        }
    }

    /// The format of the answer to a sign-out. As [`of`](Self::of), but a script gets HTML unless it prefers
    /// JSON: htmx and Turbo show the page that confirms the sign-out.
    pub(super) fn of_sign_out(headers: &HeaderMap) -> Self {
        Self::accepted(headers).unwrap_or(match is_in_background(headers) {
            true => Self::Html,
            false => Self::ProblemJson,
        })
    }

    /// The format that `Accept` prefers, if it names one.
    fn accepted(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let accept = accept.filter(|accept| accept.len() <= MAX_ACCEPT);
        let quality = |names: &[&str]| best_quality(accept.unwrap_or_default(), names);
        let html = quality(&["text/html", "application/xhtml+xml"]);
        let json = quality(&["application/json", "application/problem+json"]);
        if html > 0.0 && html >= json {
            Some(Self::Html)
        } else if json > 0.0 {
            Some(Self::ProblemJson)
        } else {
            None
        }
    }
}

/// True for a page that a user requested as a top-level navigation: the browser can be redirected.
pub(super) fn is_navigation(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, wanted: &str| {
        let value = headers.get(name);
        value.is_none_or(|value| value.as_bytes() == wanted.as_bytes())
    };
    method == Method::GET
        && Format::of(headers) == Format::Html
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
        && !is_prefetch(headers)
}

/// True for a page that a browser loads in advance: its user may never see it.
pub(super) fn is_prefetch(headers: &HeaderMap) -> bool {
    // As text they would be parsed at each request.
    static NAMES: [HeaderName; 4] = [
        HeaderName::from_static("sec-purpose"),
        HeaderName::from_static("purpose"),
        HeaderName::from_static("x-purpose"),
        HeaderName::from_static("x-moz"),
    ];
    let mut values = NAMES.iter().filter_map(|name| headers.get(name));
    values.any(|value| {
        let value = value.to_str().unwrap_or_default().to_ascii_lowercase();
        let purposes = ["prefetch", "prerender", "preview"];
        purposes.iter().any(|purpose| value.contains(purpose))
    })
}

/// True for a request of a script, which cannot follow a redirect through Heroku: `fetch`, an
/// `XMLHttpRequest`, htmx, a Turbo frame. Browsers say so; older ones leave it to the libraries.
fn is_in_background(headers: &HeaderMap) -> bool {
    let mode = headers.get("sec-fetch-mode").map(|mode| mode.as_bytes());
    let by_browser = matches!(
        mode,
        Some(b"cors" | b"no-cors" | b"same-origin" | b"websocket")
    );
    let requested_with = headers.get("x-requested-with");
    by_browser
        || requested_with.is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"xmlhttprequest"))
        || headers.contains_key("hx-request")
        || headers.contains_key("turbo-frame")
}

fn best_quality(accept: &str, names: &[&str]) -> f32 {
    let ranges = accept.split(',').filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next()?;
        let named = names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
        let quality = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q=")));
        named.then(|| quality.map_or(1.0, |q| q.parse().unwrap_or(0.0)))
    });
    ranges.fold(0.0, f32::max)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn format(accept: &'static str) -> Format {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        Format::of(&headers)
    }

    #[test]
    fn browser_gets_html_and_other_clients_get_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        assert_eq!(format(browser), Format::Html);
        assert_eq!(format("TEXT/HTML;q=0.5"), Format::Html);
        for accept in [
            "",
            "*/*",
            "application/json",
            "text/html;q=0",
            "text/html;q=0.5, application/json",
            "text/html;q=nonsense",
        ] {
            assert_eq!(format(accept), Format::ProblemJson, "{accept}");
        }
        assert_eq!(Format::of(&HeaderMap::new()), Format::ProblemJson);
    }

    #[test]
    fn script_fetch_gets_json_regardless_of_accept() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
        headers.insert("sec-fetch-mode", HeaderValue::from_static("cors"));
        assert_eq!(Format::of(&headers), Format::ProblemJson);
        assert!(!is_navigation(&Method::GET, &headers));
    }

    #[test]
    fn only_a_top_level_get_is_a_navigation() {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/html"));
        assert!(is_navigation(&Method::GET, &headers));
        assert!(!is_navigation(&Method::HEAD, &headers));
        assert!(!is_navigation(&Method::POST, &headers));
        headers.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
        headers.insert("sec-fetch-dest", HeaderValue::from_static("iframe"));
        assert!(!is_navigation(&Method::GET, &headers));
    }
}
