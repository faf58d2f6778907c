//! The add-on's pages, in the dashboard example's style.

use std::sync::Arc;

use axum::response::Html;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use tower_heroku_sso::access::{Roles, Snapshot};
use tower_heroku_sso::{Email, HerokuUser, Proof, ResourceId};

use crate::users::Row;

const STYLE: &str = include_str!("../dashboard/style.css");

/// A second table on the page, and tables that scroll instead of breaking an email.
const MORE_STYLE: &str = "section + section { margin-top: 2rem; } tbody th { min-width: 14rem; }";

/// The two kinds of sign-in.
pub(crate) fn home(user: Option<&HerokuUser>) -> Html<String> {
    page(
        "Acme Database",
        &html! {
            @if let Some(user) = user {
                p {
                    "You are signed in as " strong { (user.email()) } ". "
                    a href="/dashboard" { "Dashboard of " (user.app().name) }
                }
            }
            section.cards aria-label="Sign in" {
                div.card {
                    h2 { "With your Forge account" }
                    p { "For users whose verified primary email at Forge is on an app's list at Heroku." }
                    form method="post" action="/login" { button { "Sign in with Forge" } }
                }
                div.card {
                    h2 { "Through Heroku" }
                    p { "Open the add-on from your app's Resources page in Heroku's dashboard." }
                }
            }
        },
    )
}

/// The page where a user chooses one of their resources.
pub(crate) fn choose(email: &Email, choices: &[(ResourceId, Arc<Snapshot>)]) -> Html<String> {
    page(
        "Choose an app",
        &html! {
            p { "Forge says that you are " strong { (email) } ", who is on the lists of these apps." }
            form method="post" action="/login/enter" {
                section.cards aria-label="Apps" {
                    @for (resource, snapshot) in choices {
                        div.card {
                            h2 { (snapshot.app.name) }
                            p.note { (snapshot.addon_name) }
                            p { button name="resource" value=(resource) {
                                "Enter" span.unseen { " " (snapshot.app.name) }
                            } }
                        }
                    }
                }
            }
        },
    )
}

/// The page of a failed login.
pub(crate) fn refused(said: &str) -> Html<String> {
    let content = html! { p { (said) } p { a href="/" { "Back to the start" } } };
    page("You are not signed in", &content)
}

pub(crate) fn dashboard(user: &HerokuUser, snapshot: &Snapshot, rows: &[Row]) -> Html<String> {
    page(
        &format!("Dashboard of {}", user.app().name),
        &html! {
            section.cards aria-label="Your session" {
                div.card {
                    h2 { "You" }
                    p.big { (user.email()) }
                    p { (badges(user.roles())) }
                    p.note #proof { (proof(user.proof())) }
                    form method="post" action=(user.sign_out_path()) { button.plain { "Sign out" } }
                }
                div.card {
                    h2 { "This add-on" }
                    p.big { (user.addon_name()) }
                    p {
                        "for app " strong { (user.app().name) }
                        @if let Some(team) = user.team() { " of team " strong { (team.name) } }
                    }
                }
            }
            section aria-labelledby="list" {
                div.heading {
                    h2 #list { "The list at Heroku" }
                    form method="post" action="/refresh" { button { "Refresh now" } }
                }
                p.note { "The users who may open this dashboard, with either sign-in." }
                div.scroll role="region" aria-labelledby="list" tabindex="0" {
                    table {
                        thead { tr { th scope="col" { "Person" } th scope="col" { "Roles" } } }
                        tbody {
                            @for member in snapshot.list.members() {
                                tr { (person(user, &member.email)) td { (badges(member.roles())) } }
                            }
                        }
                    }
                }
            }
            section aria-labelledby="users" {
                h2 #users { "Our user table" }
                p.note { "One row per user, regardless of the kind of sign-in; it follows the list." }
                div.scroll role="region" aria-labelledby="users" tabindex="0" {
                    table {
                        thead { tr {
                            th scope="col" { "Person" }
                            th scope="col" { "No." }
                            th scope="col" { "Roles" }
                            th scope="col" { "Came by" }
                        } }
                        tbody { @for row in rows { tr {
                            (person(user, &row.email))
                            td { (row.number) }
                            td { (badges(&row.membership.roles)) }
                            td {
                                @if row.membership.came_by.is_empty() { "–" }
                                @for way in &row.membership.came_by { span.role { (way) } " " }
                            }
                        } } }
                    }
                }
            }
        },
    )
}

fn person(user: &HerokuUser, email: &Email) -> Markup {
    html! {
        th scope="row" {
            (email)
            @if email == user.email() { " " span.you { "you" } }
        }
    }
}

fn proof(proof: Proof) -> &'static str {
    match proof {
        Proof::SignedEmail => "Signed in through Heroku, which signed this email.",
        Proof::OwnLogin => "Signed in with Forge, which has verified this email.",
        _ => "Signed in through Heroku, which did not sign this email.",
    }
}

fn badges(roles: &Roles) -> Markup {
    html! { @for role in roles.iter() { span.role { (role) } " " } }
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
                style { (PreEscaped(STYLE)) (PreEscaped(MORE_STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header { p.brand { a href="/" { "Acme Database" } } }
                main #main tabindex="-1" { h1 { (title) } (content) }
            }
        }
    };
    Html(page.into_string())
}
