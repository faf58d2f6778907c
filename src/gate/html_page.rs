//! The layout of the pages that the gate writes itself: plain HTML and CSS, no script, nothing from
//! elsewhere.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::security_headers::{self, PAGE};

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1f2430;--soft:#525a6b;--paper:#fff;--ground:#f3f4f8;\
--line:#d9dce5;--accent:#5b3fa8;--on-accent:#fff}\
@media (prefers-color-scheme:dark){:root{--ink:#eceef4;--soft:#b3bacb;--paper:#1d212b;\
--ground:#12151c;--line:#343a48;--accent:#c3b1f7;--on-accent:#1b1430}}\
*{box-sizing:border-box}\
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;\
background:var(--ground);color:var(--ink);font:1.0625rem/1.55 system-ui,sans-serif}\
main{width:100%;max-width:34rem;padding:2rem;background:var(--paper);border:1px solid var(--line);\
border-radius:.75rem}\
h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25;text-wrap:pretty}\
p{margin:0 0 1.25rem;color:var(--soft);overflow-wrap:anywhere}\
nav{display:flex;flex-wrap:wrap;gap:.75rem 1.25rem;align-items:center}\
nav+p{margin-top:1.25rem}\
a{display:inline-block;padding:.6rem 1.1rem;border-radius:.5rem;background:var(--accent);\
color:var(--on-accent);font-weight:600}\
a:first-child{text-align:center;text-decoration:none}\
a+a{padding:.6rem 0;background:none;color:var(--accent)}\
a:focus-visible{outline:3px solid var(--ink);outline-offset:3px}\
small{display:block;margin-top:1.25rem;color:var(--soft)}";

/// A page with this title, which is also its heading.
pub(super) fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                // Without it, the browser requests `/favicon.ico`, which would be rejected as well.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    (content)
                }
            }
        }
    };
    page.into_string()
}

pub(super) fn respond(status: StatusCode, page: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(CONTENT_TYPE, html);
    security_headers::protect(headers, PAGE);
    response
}
