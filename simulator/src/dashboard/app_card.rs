//! One app on the page: its owner, its add-on, its users.

use maud::{Markup, html};

use crate::world::{AddOnRecord, AppRecord, ListEntry, Owner, Presence, World};

/// A user who is on none of the demo world's lists.
const STRANGER: &str = "mallory@example.com";

pub(super) fn card(world: &World, app: &AppRecord) -> Markup {
    let heading = format!("app-{}", app.id);
    let addon = world.addons.first_of_app(app.id);
    html! {
        article.card aria-labelledby=(heading) {
            header {
                h2 #(heading) { (app.name) }
                p.owner { (owner(world, app)) }
            }
            (addon_row(app, addon))
            (people(world, app, addon))
            div.forms {
                (add_person(world, app))
                @if let Some(addon) = addon { (open_as_stranger(app, addon)) }
            }
        }
    }
}

fn owner(world: &World, app: &AppRecord) -> Markup {
    html! {
        @match (&app.owner, world.team_of(app)) {
            (_, Some(team)) => { span.badge { "Team" } " owned by " strong { (team.name) } }
            (Owner::Person { email, .. }, None) => {
                span.badge { "Personal" } " owned by " strong { (email) }
            }
            (Owner::Team(_), None) => { "owned by a team" }
        }
    }
}

fn addon_row(app: &AppRecord, addon: Option<&AddOnRecord>) -> Markup {
    let provisioned = addon.is_some_and(|it| it.presence == Presence::Provisioned);
    let name = addon.map_or("No add-on", |addon| &*addon.name);
    html! {
        section.addon aria-label={ "Add-on of " (app.name) } {
            div {
                h3 { (name) }
                @if let Some(addon) = addon { p.hint { "Plan " (addon.plan) } }
            }
            @if provisioned {
                span.badge.good { "provisioned" }
                (button(app, "deprovision", "Deprovision", name))
            } @else {
                span.badge.bad { "not provisioned" }
                (button(app, "provision", "Provision", name))
            }
        }
    }
}

fn button(app: &AppRecord, action: &str, label: &str, name: &str) -> Markup {
    html! {
        form method="post" action={ "/apps/" (app.id) "/" (action) } {
            button.quiet { (label) span.visually-hidden { " " (name) " of " (app.name) } }
        }
    }
}

fn people(world: &World, app: &AppRecord, addon: Option<&AddOnRecord>) -> Markup {
    let team = world.team_of(app);
    html! {
        table role="table" {
            caption { "People on the lists of " (app.name) }
            thead role="rowgroup" {
                tr role="row" {
                    @for name in ["Person", "Role", "From", "Actions"] {
                        th role="columnheader" scope="col" { (name) }
                    }
                }
            }
            tbody role="rowgroup" {
                @if let Owner::Person { email, .. } = &app.owner {
                    (row(app, addon, email, "owner", From::Owner))
                }
                @for entry in &app.collaborators { (listed(app, addon, entry, From::App)) }
                @for entry in team.map(|team| &team.members).into_iter().flatten() {
                    (listed(app, addon, entry, From::Team))
                }
            }
        }
    }
}

/// The list that a user is on.
#[derive(Clone, Copy, Eq, PartialEq)]
enum From {
    Owner,
    App,
    Team,
}

fn listed(app: &AppRecord, addon: Option<&AddOnRecord>, entry: &ListEntry, from: From) -> Markup {
    row(app, addon, &entry.email, &entry.role, from)
}

fn row(
    app: &AppRecord,
    addon: Option<&AddOnRecord>,
    email: &str,
    role: &str,
    from: From,
) -> Markup {
    let (list, source) = match from {
        From::Owner => ("owner", "app owner"),
        From::App => ("app", "collaborator"),
        From::Team => ("team", "team member"),
    };
    let initial: String = email.chars().take(1).collect();
    html! {
        tr role="row" data-email=(email) data-list=(list) {
            th.person role="rowheader" scope="row" {
                span.initial aria-hidden="true" { (initial) }
                span { (email) }
            }
            td.role role="cell" { span.badge { (role) } }
            td.source role="cell" { (source) }
            td.actions role="cell" {
                @if let Some(addon) = addon {
                    form method="post" action=(open_action(app, addon)) {
                        input type="hidden" name="email" value=(email);
                        button.primary {
                            "Open add-on" span.visually-hidden { " as " (email) }
                        }
                    }
                }
                @if from != From::Owner {
                    form method="post" action={ "/apps/" (app.id) "/people/remove" } {
                        input type="hidden" name="email" value=(email);
                        input type="hidden" name="list" value=(list);
                        button.quiet {
                            "Remove" span.visually-hidden {
                                " " (email) " as " (source) " from " (app.name)
                            }
                        }
                    }
                }
            }
        }
    }
}

fn add_person(world: &World, app: &AppRecord) -> Markup {
    let (email, role) = (format!("add-{}", app.id), format!("role-{}", app.id));
    html! {
        form method="post" action={ "/apps/" (app.id) "/people" } {
            h3 { "Add a person" }
            div.fields {
                div {
                    label for=(email) { "Email" }
                    input #(email) type="email" name="email" required placeholder="ann@example.com"
                        autocomplete="off";
                }
                div {
                    label for=(role) { "Role" }
                    select #(role) name="role" {
                        optgroup label="Collaborator of this app" {
                            option value="app:collaborator" { "collaborator" }
                            option value="app:admin" { "admin" }
                            option value="app:member" { "member" }
                        }
                        @if let Some(team) = world.team_of(app) {
                            optgroup label={ "Member of team " (team.name) } {
                                @for role in ["admin", "member", "viewer", "collaborator"] {
                                    option value={ "team:" (role) } { "team " (role) }
                                }
                            }
                        }
                    }
                }
                button { "Add" span.visually-hidden { " to " (app.name) } }
            }
        }
    }
}

fn open_as_stranger(app: &AppRecord, addon: &AddOnRecord) -> Markup {
    let id = format!("stranger-{}", app.id);
    html! {
        form method="post" action=(open_action(app, addon)) {
            h3 { "Open as someone who is not on the list" }
            div.fields {
                div {
                    label for=(id) { "Email" }
                    input #(id) type="email" name="email" required value=(STRANGER)
                        autocomplete="off";
                }
                button { "Open" span.visually-hidden { " the add-on of " (app.name) } }
            }
        }
    }
}

pub(super) fn open_action(app: &AppRecord, addon: &AddOnRecord) -> String {
    format!("/apps/{}/addons/{}/open", app.id, addon.id)
}
