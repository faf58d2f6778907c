//! Dashboards of several customers, open side by side in one browser.
//!
//! Run `cargo run --example tabs`, then open the simulator and from there one add-on after the other. Each
//! has its own session, selected by the path.

use std::error::Error;

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};
use tower_heroku_sso::{HerokuSso, HerokuUser};

use shared::demo::Demo;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let demo = Demo::start(|builder| builder.resource_in_path("/addons/{resource}")).await?;
    let app = dashboards(&demo.sso);
    demo.serve(app).await
}

fn dashboards(sso: &HerokuSso) -> Router {
    sso.protect(
        Router::new()
            .route("/addons/{resource}", get(overview))
            .route("/addons/{resource}/settings", get(settings))
            .route("/addons/{resource}/whoami", sso.routes().whoami()),
    )
}

/// The gate provides the resource, and has compared it with the path.
async fn overview(user: HerokuUser) -> Html<String> {
    page(
        "Overview",
        &user,
        &html! { p { a href=(format!("/addons/{}/settings", user.resource())) { "Settings" } } },
    )
}

async fn settings(user: HerokuUser) -> Html<String> {
    page("Settings", &user, &html! { p { "Nothing to set." } })
}

fn page(title: &str, user: &HerokuUser, content: &Markup) -> Html<String> {
    let app = &user.app().name;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) " · " (app) }
            }
            body {
                main {
                    h1 { (title) " of " (app) }
                    p { "Signed in as " (user.email()) "." }
                    (content)
                    form method="post" action=(user.sign_out_path()) { button { "Sign out" } }
                }
            }
        }
    };
    Html(page.into_string())
}
