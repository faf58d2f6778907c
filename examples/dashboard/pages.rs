//! The pages: plain HTML and CSS, and one small script that detects the end of the session.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tower_heroku_sso::access::{Member, Snapshot};
use tower_heroku_sso::{HerokuUser, Proof, Role};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("session.js");

pub(crate) fn index(user: &HerokuUser, snapshot: &Snapshot) -> String {
    let members: Vec<_> = snapshot.list.members().collect();
    let is_admin = user.roles().contains_any(&[Role::Admin, Role::Owner]);
    layout(
        user,
        "Dashboard",
        html! {
            section.cards aria-label="Your session" {
                div.card {
                    h2 { "You" }
                    p.big { (user.email()) }
                    p { (role_badges(user.roles().iter())) }
                    p.note {
                        @match user.proof() {
                            Proof::SignedEmail => { "Heroku signed this email." }
                            _ => { "Heroku did not sign this email." }
                        }
                    }
                }
                div.card {
                    h2 { "This add-on" }
                    p.big { (user.addon_name()) }
                    p {
                        "for app " strong { (user.app().name) }
                        @if let Some(team) = user.team() { " of team " strong { (team.name) } }
                    }
                    @if is_admin { p { a href="/admin" { "Administration" } } }
                }
                div.card {
                    h2 { "Your session" }
                    p.big #remaining data-until=(rfc3339(user.session_expires_at())) {
                        "until " (clock_time(user.session_expires_at()))
                    }
                    p.note { "Each newer list that contains you extends it, with or without requests." }
                    form method="post" action="/logout" { button.plain { "Sign out" } }
                }
            }
            section aria-labelledby="list" {
                div.heading {
                    h2 #list { "Who may open this dashboard" }
                    form method="post" action="/refresh" { button { "Refresh now" } }
                }
                p.note {
                    (members.len()) @if members.len() == 1 { " person" } @else { " people" }
                    ", as Heroku said "
                    time #age datetime=(rfc3339(snapshot.fetched_at)) {
                        "at " (clock_time(snapshot.fetched_at)) " UTC"
                    }
                }
                (table(user, &members))
            }
        },
    )
}

pub(crate) fn admin(user: &HerokuUser) -> String {
    layout(
        user,
        "Administration",
        html! {
            section aria-labelledby="only" {
                h2 #only { "Only admins and owners get here" }
                p {
                    "Your role comes from the newest list, at every request: take it away at Heroku, \
                     and this page closes at the next refresh."
                }
                p { a href="/" { "Back to the dashboard" } }
            }
        },
    )
}

fn table(user: &HerokuUser, members: &[Member]) -> Markup {
    html! {
        div.scroll role="group" aria-labelledby="list" tabindex="0" {
            table {
                caption.unseen { "Access list with roles" }
                thead { tr { th scope="col" { "Person" } th scope="col" { "Roles" } } }
                tbody {
                    @for member in members {
                        tr {
                            th scope="row" {
                                (member.email)
                                @if member.email == *user.email() { " " span.you { "you" } }
                            }
                            td { (role_badges(member.roles().iter())) }
                        }
                    }
                }
            }
        }
    }
}

fn role_badges<'a>(roles: impl Iterator<Item = &'a Role>) -> Markup {
    html! { @for role in roles { span.role { (role) } " " } }
}

fn layout(user: &HerokuUser, title: &str, content: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · " (user.app().name) }
                // No icon: without this every page asks for /favicon.ico and gets a 404.
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to content" }
                header {
                    p.brand { "Acme Database" }
                    p { "app " strong { (user.app().name) } }
                }
                main #main tabindex="-1" {
                    h1 { (title) }
                    (content)
                }
                p #ended role="status" {}
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn rfc3339(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).unwrap_or_default()
}

fn clock_time(at: OffsetDateTime) -> String {
    let format = format_description!("[hour]:[minute]:[second]");
    at.format(format).unwrap_or_default()
}
