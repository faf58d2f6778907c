//! The initial world of the dashboard.

use super::Simulator;

pub(super) fn set_up(heroku: &Simulator) {
    heroku
        .app("recipe-box")
        .owner("olivia@example.com")
        .collaborator("carlos@example.com")
        .addon();

    let team = heroku
        .team("acme")
        .member("lead@example.com", "admin")
        .member("mia@example.com", "member")
        .member("victor@example.com", "viewer")
        .member("carlos@example.com", "collaborator");
    heroku
        .app("acme-shop")
        .owned_by_team(&team)
        .collaborator_as("carlos@example.com", "collaborator", &["view", "deploy"])
        .addon();
    // Carlos is on the team only because of the shop: here his team role should not give access.
    heroku
        .app("acme-billing")
        .owned_by_team(&team)
        .collaborator_as(
            "dana@example.com",
            "admin",
            &["view", "deploy", "operate", "manage"],
        )
        .addon();
}
