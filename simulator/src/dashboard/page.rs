//! `GET /`: all apps, and the switches for faults.

use std::sync::Arc;

use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::response::Html;
use maud::{Markup, html};

use super::actions::FaultChoice;
use super::{app_card, layout, sign_in};
use crate::Endpoint;
use crate::shared::Shared;
use crate::state::State;

pub(super) async fn home(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
) -> Html<String> {
    let mut state = shared.state();
    let notice = state.notice.take();
    let person = sign_in::remembered(&state.world.people, &headers);
    let tools = html! {
        @if let Some(person) = &person {
            form.who method="post" action="/log-out" {
                p { "Logged in as " strong { (person) } }
                button.quiet { "Log out" }
            }
        }
    };
    let main = html! {
        div.title-row {
            div {
                h1 { "Apps" }
                p.lead { "Open an add-on as anyone, change who is on the lists, or make Heroku fail, "
                    "and see what the add-on does." }
            }
        }
        @if let Some(notice) = notice {
            p.notice role="status" { (notice) }
        }
        (faults(&state))
        @if state.world.apps.is_empty() {
            p.empty { "There are no apps yet." }
        }
        div.cards {
            @for app in state.world.apps.iter() { (app_card::card(&state.world, app)) }
        }
    };
    Html(layout::page("Apps", &tools, &main).into_string())
}

fn faults(state: &State) -> Markup {
    let current = FaultChoice::of(state.faults.shown(Endpoint::Any));
    let healthy = current == Some(FaultChoice::Healthy);
    html! {
        details.faults open[!healthy] {
            summary {
                h2 { "Make Heroku fail" }
                @match current {
                    Some(choice) => span.badge.bad[!healthy].good[healthy] { (choice.label()) },
                    None => span.badge.bad { "Failing" },
                }
            }
            form method="post" action="/faults" {
                p #faults-help { "How the Platform API and the token exchange answer from now on. "
                    "This page and signing in keep working." }
                div.choices role="group" aria-label="State of Heroku" aria-describedby="faults-help" {
                    @for choice in FaultChoice::ALL {
                        button name="fault" value=(choice.value())
                            aria-pressed=(if current == Some(choice) { "true" } else { "false" }) {
                            (choice.label())
                        }
                    }
                }
            }
        }
    }
}
