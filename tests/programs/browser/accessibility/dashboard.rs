//! The pages of the dashboard example and of the simulator, and the gate's page in the middle of a visit.

use super::check::{assert_is_accessible, assert_named_is_accessible, load_axe};
use crate::browser::visit::{SESSION, Visit};

#[tokio::test]
async fn pages_of_dashboard_and_simulator_are_accessible() {
    let visit = Visit::start().await;
    load_axe(&visit.driver).await;
    visit.go_to_heroku().await;
    assert_is_accessible(&visit.driver, "Apps").await;
    visit.open_as("acme-shop", "lead@example.com").await;
    assert_is_accessible(&visit.driver, "Dashboard").await;
    visit.go_to_addon("/admin").await;
    assert_is_accessible(&visit.driver, "Administration").await;
}

/// The page of a browser that was here before: with a link to sign in again, for a page and for a form.
#[tokio::test]
async fn pages_of_an_ended_session_are_accessible() {
    let visit = Visit::start().await;
    load_axe(&visit.driver).await;
    let (heading, app) = ("Please sign in through Heroku", "acme-shop");
    visit.open_as(app, "lead@example.com").await;
    visit.sees("Dashboard").await;
    // The first time, the browser is led through Heroku and back.
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.a_second_passes().await;
    visit.go_to_addon("/admin").await;
    visit.sees("Administration").await;
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.go_to_addon("/admin").await;
    visit
        .sees(heading)
        .await
        .assert_says("Sign in again through Heroku");
    assert_named_is_accessible(&visit.driver, heading, "ended-page").await;
    visit.a_second_passes().await;
    visit.open_as(app, "lead@example.com").await;
    visit.sees("Administration").await;
    visit.go_to_addon("/").await;
    visit.sees("Dashboard").await;
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.press_button("Refresh now").await;
    visit
        .sees(heading)
        .await
        .assert_says("What you sent was not processed");
    assert_named_is_accessible(&visit.driver, heading, "ended-form").await;
}
