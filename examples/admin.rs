//! A site with some public pages. All others are behind the gate.
//!
//! Run `cargo run --example admin`, then open the simulator and from there the add-on.

use std::error::Error;

use axum::Router;
use axum::http::StatusCode;
use axum::response::Html;
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use tower_heroku_sso::{HerokuSso, HerokuUser, Require, Role};

use shared::demo::Demo;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let demo = Demo::start(|builder| builder.landing_path("/admin")).await?;
    let site = site(&demo.sso);
    demo.serve(site).await
}

fn site(sso: &HerokuSso) -> Router {
    let audit = Router::new()
        .route("/admin/audit", get(audit))
        .route_layer(Require::any_of([Role::Admin, Role::Owner]));
    let admin = Router::new()
        .route("/admin", get(overview))
        .route("/admin/users", get(users))
        .merge(audit)
        .fallback(not_found);
    sso.protect(admin)
        .route("/", get(home)) // public
        .route("/pricing", get(pricing)) // public
}

async fn home() -> Html<String> {
    page(
        "Acme Database",
        &html! { p { "A database for everybody. " a href="/pricing" { "Pricing" } } },
    )
}

async fn pricing() -> Html<String> {
    page("Pricing", &html! { p { "Free while it is a demo." } })
}

async fn overview(user: HerokuUser) -> Html<String> {
    page(
        "Administration",
        &html! {
            p { "Signed in as " (user.email()) " for app " (user.app().name) "." }
            ul {
                li { a href="/admin/users" { "Users" } }
                li { a href="/admin/audit" { "Audit log" } " (admins and owners)" }
            }
            form method="post" action="/logout" { button { "Sign out" } }
        },
    )
}

async fn users(user: HerokuUser) -> Html<String> {
    page(
        "Users",
        &html! { p { "Users of " (user.addon_name()) "." } },
    )
}

async fn audit(user: HerokuUser) -> Html<String> {
    page(
        "Audit log",
        &html! { p { "What happened in " (user.addon_name()) "." } },
    )
}

async fn not_found() -> (StatusCode, Html<String>) {
    let content = html! { p { a href="/admin" { "Administration" } } };
    (
        StatusCode::NOT_FOUND,
        page("There is no such page", &content),
    )
}

fn page(title: &str, content: &Markup) -> Html<String> {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
            }
            body { main { h1 { (title) } (content) } }
        }
    };
    Html(page.into_string())
}
