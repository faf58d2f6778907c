//! The provider's two pages.

use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Account, Wanted};

const STYLE: &str = include_str!("../../dashboard/style.css");

/// The accounts and their emails.
pub(super) fn home(accounts: &[Account]) -> Html<String> {
    let content = html! {
        p { "A stand-in for a provider of logins such as GitHub. Sign in from the add-on's page." }
        ul { @for account in accounts { li { (account.name) ": " (emails(account)) } } }
    };
    page("Forge", &content)
}

/// The page where the browser chooses a user. A real provider knows the user from its own sign-in.
pub(super) fn accounts(accounts: &[Account], wanted: &Wanted) -> Html<String> {
    let content = html! {
        p { "Acme Database would like to know your email addresses. Who are you?" }
        form method="post" action="/login/oauth/authorize" {
            @for (name, value) in fields(wanted) {
                input type="hidden" name=(name) value=(value);
            }
            section.cards aria-label="Accounts" {
                @for account in accounts {
                    @let described = format!("emails-of-{}", account.name);
                    div.card {
                        p { button name="account" value=(account.name) aria-describedby=(described) {
                            "Continue as " (account.name)
                        } }
                        p.note id=(described) { (emails(account)) }
                    }
                }
            }
            button.plain name="account" value="" { "Cancel" }
        }
    };
    page("Sign in with Forge", &content)
}

fn fields(wanted: &Wanted) -> [(&'static str, &str); 7] {
    [
        ("response_type", &wanted.response_type),
        ("client_id", &wanted.client_id),
        ("redirect_uri", &wanted.redirect_uri),
        ("state", &wanted.state),
        ("scope", &wanted.scope),
        ("code_challenge", &wanted.code_challenge),
        ("code_challenge_method", &wanted.code_challenge_method),
    ]
}

fn emails(account: &Account) -> Markup {
    html! {
        @for (place, email) in account.emails.iter().enumerate() {
            @if place > 0 { ", " }
            (email.email) " ("
            @if email.primary { "primary, " }
            @if email.verified { "verified" } @else { "never verified" }
            ")"
        }
    }
}

fn page(title: &str, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { p.brand { "Forge" } }
                main { h1 { (title) } (content) }
            }
        }
    };
    Html(page.into_string())
}
