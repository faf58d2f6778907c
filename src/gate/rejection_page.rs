//! The page with which a browser's request is rejected: 401, 403, 503 and so on.

use maud::{Markup, html};
use url::Url;

use super::html_page::page;
use super::rejection_kind::{Missing, RejectionKind};

/// Where users find their apps, unless Heroku is on this machine.
pub(super) const HEROKU_DASHBOARD: &str = "https://dashboard.heroku.com/";

/// What the page says besides its heading, and where it leads.
pub(super) struct PageContent<'a> {
    pub(super) kind: RejectionKind,
    pub(super) sign_in_url: Option<&'a Url>,
    pub(super) landing: Option<&'a str>,
    /// In place of Heroku's.
    pub(super) heroku_dashboard: Option<&'a Url>,
    pub(super) missing: Option<&'a Missing>,
    pub(super) reason: Option<&'a str>,
    /// The request was neither GET nor HEAD: reloading the page sends it again.
    pub(super) is_of_form: bool,
}

pub(super) fn rejection_page(content: &PageContent<'_>) -> String {
    let kind = content.kind;
    let is_lost = content.is_of_form && kind.can_pass_later();
    page(
        kind.title(),
        &html! {
            p { (kind.advice()) }
            @if is_lost {
                @if kind == RejectionKind::CannotCheck {
                    p { "What you sent was not processed. To send it again, reload this page." }
                } @else {
                    p {
                        "What you sent was not processed. To send it again, sign in in another tab, then \
                         reload this page."
                    }
                }
            }
            @if let Some(missing) = content.missing {
                @let names = missing.needs.names();
                @if !names.is_empty() {
                    p { "Needed: " strong { (names.join(" or ")) } "." }
                }
                @if !missing.ask.is_empty() {
                    p { "People who can grant it: " (missing.ask.join(", ")) "." }
                }
            }
            (ways_on(content, is_lost))
            @if let Some(reason) = content.reason {
                p { strong { "For developers: " } (with_code(reason)) }
            }
            small { (kind.status().as_u16()) " · " (kind.code()) }
        },
    )
}

/// Sets the parts of a reason that are in backticks as code. Problem documents and logs have the backticks.
fn with_code(reason: &str) -> Markup {
    html! {
        @for (place, part) in reason.split('`').enumerate() {
            @if place % 2 == 1 {
                code { (part) }
            } @else {
                (part)
            }
        }
    }
}

/// At least one link. They leave a frame in which the page may be; the page of a form stays open.
fn ways_on(content: &PageContent<'_>, is_lost: bool) -> Markup {
    let kind = content.kind;
    let to_apps = content
        .heroku_dashboard
        .map_or(HEROKU_DASHBOARD, Url::as_str);
    let target = if is_lost { "_blank" } else { "_top" };
    let may_try_again = kind == RejectionKind::CannotCheck && !content.is_of_form;
    // Of several tabs that a browser restores, some show this page while another one signs in.
    let may_be_signed_in = content.sign_in_url.is_some() && !content.is_of_form;
    let needs_apps = content.sign_in_url.is_none() && !may_try_again;
    let knows_better = content.landing.is_some() && kind.is_about_a_signed_in_user();
    html! {
        nav aria-label="What you can do" {
            @if let Some(url) = content.sign_in_url {
                a href=(url.as_str()) target=(target) rel="noopener" {
                    "Sign in again through Heroku"
                }
            }
            @if may_be_signed_in {
                a href="" { "I have signed in in another tab" }
            }
            @if may_try_again {
                a href="" { "Try again" }
            }
            @if let Some(landing) = content.landing {
                a href=(landing) target="_top" { "Continue to the dashboard" }
            }
            @if needs_apps && !knows_better {
                a href=(to_apps) target=(target) rel="noopener" { "Open the Heroku Dashboard" }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGAIN: &str = "Try again";
    const IN_ANOTHER_TAB: &str = "I have signed in in another tab";
    const APPS: &str = "Open the Heroku Dashboard";

    fn content(kind: RejectionKind) -> PageContent<'static> {
        PageContent {
            kind,
            sign_in_url: None,
            landing: None,
            heroku_dashboard: None,
            missing: None,
            reason: None,
            is_of_form: false,
        }
    }

    fn links(content: &PageContent<'_>) -> Vec<&'static str> {
        let page = rejection_page(content);
        let links = [AGAIN, IN_ANOTHER_TAB, APPS].into_iter();
        links.filter(|link| page.contains(link)).collect()
    }

    #[test]
    fn page_of_a_form_is_not_loaded_again_by_a_link() {
        let sign_in = Url::parse("https://dashboard.heroku.com/apps").unwrap();
        for (kind, sign_in_url, link) in [
            (RejectionKind::CannotCheck, None, AGAIN),
            (RejectionKind::SessionEnded, Some(&sign_in), IN_ANOTHER_TAB),
        ] {
            let mut content = content(kind);
            content.sign_in_url = sign_in_url;
            assert_eq!(links(&content), [link]);
            content.is_of_form = true;
            assert!(!links(&content).contains(&link), "{kind:?}");
        }
    }

    #[test]
    fn only_what_can_pass_later_is_to_be_sent_again() {
        for (kind, is_of_form, is_lost) in [
            (RejectionKind::CannotCheck, true, true),
            (RejectionKind::NoSession, true, true),
            (RejectionKind::SessionEnded, true, true),
            (RejectionKind::SessionEnded, false, false),
            (RejectionKind::MissingRole, true, false),
            (RejectionKind::NotListed, true, false),
        ] {
            let mut content = content(kind);
            content.is_of_form = is_of_form;
            let page = rejection_page(&content);
            let says_so = page.contains("What you sent was not processed");
            assert_eq!(says_so, is_lost, "{kind:?}");
        }
    }

    #[test]
    fn user_who_stays_signed_in_is_led_to_the_landing_page_only() {
        for (kind, landing, expected) in [
            (RejectionKind::MissingRole, Some("/"), &[][..]),
            (RejectionKind::MissingRole, None, &[APPS][..]),
            (RejectionKind::UsedSignIn, Some("/"), &[APPS][..]),
        ] {
            let mut content = content(kind);
            content.landing = landing;
            assert_eq!(links(&content), expected, "{kind:?}, {landing:?}");
        }
    }

    #[test]
    fn text_in_backticks_is_code() {
        let page = with_code("no cookie `a<b` came, set `c`").into_string();
        let expected = "no cookie <code>a&lt;b</code> came, set <code>c</code>";
        assert_eq!(page, expected);
    }
}
