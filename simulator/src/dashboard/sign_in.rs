//! Opening an add-on: the login at Heroku, and the SSO form.

use std::sync::Arc;

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::html;
use serde::Deserialize;
use uuid::Uuid;

use super::{app_card, layout};
use crate::SignInForm;
use crate::refusal::Refusal;
use crate::shared::Shared;
use crate::sign_in;
use crate::world::{AddOnRecord, AppRecord, Owner, People, World};

/// Holds the id of the user who is logged in at the simulated Heroku.
const COOKIE: &str = "heroku_simulator_user";

#[derive(Deserialize)]
pub(super) struct Person {
    email: String,
}

/// Logs a user in and opens the add-on.
pub(super) async fn open(
    State(shared): State<Arc<Shared>>,
    Path((app, addon)): Path<(Uuid, Uuid)>,
    Form(person): Form<Person>,
) -> Result<Response, Refusal> {
    let email = person.email.trim();
    let user = {
        let world = &mut shared.state().world;
        find(world, app, addon)?;
        world.people.account(email)
    };
    let cookie = format!("{COOKIE}={user}; Path=/; HttpOnly; SameSite=Lax");
    let form = to_addon(&shared, app, addon, email);
    Ok(with_cookie(form, &cookie))
}

/// The add-on's `web_url`: opens the add-on for the logged-in user, or shows a page to choose a user.
pub(super) async fn web_url(
    State(shared): State<Arc<Shared>>,
    Path((app, addon)): Path<(Uuid, Uuid)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let person = {
        let world = &shared.state().world;
        let (app, addon) = find(world, app, addon)?;
        match remembered(&world.people, &headers) {
            Some(person) => person,
            None => return Ok(who_are_you(world, app, addon)),
        }
    };
    Ok(to_addon(&shared, app, addon, &person))
}

pub(super) async fn log_out() -> Response {
    let cookie = format!("{COOKIE}=; Path=/; Max-Age=0");
    with_cookie(Redirect::to("/").into_response(), &cookie)
}

/// The address of the logged-in user.
pub(super) fn remembered(people: &People, headers: &HeaderMap) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|line| line.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split("; "));
    let user = pairs.find_map(|pair| pair.strip_prefix(COOKIE)?.strip_prefix('='))?;
    people.email_of(user.parse().ok()?).map(str::to_owned)
}

/// An app, and the add-on with that id if it belongs to the app or is attached to it.
fn find(world: &World, app: Uuid, addon: Uuid) -> Result<(&AppRecord, &AddOnRecord), Refusal> {
    let app = world.apps.get(app).ok_or(Refusal::NOT_FOUND)?;
    let addon = world
        .addons
        .get(addon)
        .filter(|it| it.presence.is_present());
    let addon = addon.filter(|it| it.is_attached_to(app.id));
    Ok((app, addon.ok_or(Refusal::NOT_FOUND)?))
}

fn with_cookie(mut answer: Response, cookie: &str) -> Response {
    let cookie = HeaderValue::try_from(cookie).expect("a name, a UUID and attributes");
    answer.headers_mut().insert(header::SET_COOKIE, cookie);
    answer
}

fn to_addon(shared: &Shared, app: Uuid, addon: Uuid, email: &str) -> Response {
    let form = sign_in::version_3(shared, addon, Some(app), email, shared.clock.now());
    Html(self_posting(&form, email)).into_response()
}

fn self_posting(form: &SignInForm, email: &str) -> String {
    let main = html! {
        section.card.narrow {
            h1 { "Signing in to the add-on" }
            p role="status" { "As " strong { (email) } ", by a form that Heroku has signed." }
            form #sign-in method="post" action=(form.action()) {
                @for (name, value) in form.fields() {
                    input type="hidden" name=(name) value=(value);
                }
                noscript { button.primary { "Continue to the add-on" } }
            }
        }
        script src="/submit.js" {}
    };
    layout::page("Signing in", &html! {}, &main).into_string()
}

fn who_are_you(world: &World, app: &AppRecord, addon: &AddOnRecord) -> Response {
    let mut people: Vec<&str> = Vec::new();
    if let Owner::Person { email, .. } = &app.owner {
        people.push(email);
    }
    let members = world.team_of(app).map(|team| &team.members);
    for entry in app
        .collaborators
        .iter()
        .chain(members.into_iter().flatten())
    {
        if !people.contains(&&*entry.email) {
            people.push(&entry.email);
        }
    }
    let action = app_card::open_action(app, addon);
    let main = html! {
        section.card.narrow {
            h1 { "Who are you?" }
            p { "You are not logged in at this Heroku. Choose the user to open "
                strong { (addon.name) } " of " strong { (app.name) } " as." }
            form.people method="post" action=(action) {
                @for email in people {
                    button.choice name="email" value=(email) { (email) }
                }
            }
            form method="post" action=(action) {
                div.fields {
                    div {
                        label for="other" { "Another user" }
                        input #other type="email" name="email" required autocomplete="off";
                    }
                    button { "Open" }
                }
            }
        }
    };
    Html(layout::page("Who are you?", &html! {}, &main).into_string()).into_response()
}
