//! The page with which a browser's request is refused: 401, 403, 503 and so on.

use maud::html;
use url::Url;

use super::html_page::page;
use super::rejection_kind::{Missing, RejectionKind};

pub(super) fn rejection_page(
    kind: RejectionKind,
    sign_in_url: Option<&Url>,
    landing: Option<&str>,
    missing: Option<&Missing>,
    reason: Option<&str>,
) -> String {
    let status = kind.status();
    page(
        kind.title(),
        &html! {
            p { (kind.advice()) }
            @if let Some(missing) = missing {
                @let names = missing.needs.names();
                @if !names.is_empty() {
                    p { "Needed: " strong { (names.join(" or ")) } "." }
                }
                @if !missing.ask.is_empty() {
                    p { "People who can grant it: " (missing.ask.join(", ")) "." }
                }
            }
            @if let Some(url) = sign_in_url {
                a href=(url.as_str()) { "Sign in again through Heroku" }
            }
            @if let Some(landing) = landing {
                a href=(landing) { "Continue to the dashboard" }
            }
            @if let Some(reason) = reason {
                p { strong { "For developers: " } (reason) }
            }
            small { (status.as_u16()) " · " (kind.code()) }
        },
    )
}
