//! Sessions that expire or end after a change at Heroku.

use std::time::Duration;

use crate::browser::visit::{SESSION, Visit};

#[tokio::test]
async fn removed_team_member_gets_403_after_refresh() {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "mia@example.com").await;
    let page = visit.sees("Dashboard").await;
    page.assert_says("4 people, as Heroku said");

    // Heroku sends no webhook about team members.
    visit.remove("acme-shop", "mia@example.com").await;
    visit.go_to_addon("/").await;
    let page = visit.sees("Dashboard").await;
    page.assert_says("4 people, as Heroku said");

    visit.press_button("Refresh now").await;
    let page = visit.sees("You do not have access to this add-on").await;
    assert_eq!((page.path(), page.status), ("/", 403));
    // Only a sign-out removes the cookie, but it is invalid.
    assert!(visit.cookie(SESSION).await.is_some());

    // The redirect through Heroku does not help a removed user.
    visit.go_to_addon("/").await;
    visit.sees("Please sign in through Heroku").await;
}

#[tokio::test]
async fn removed_collaborator_gets_403_after_the_webhook() {
    let visit = Visit::start().await;
    visit.open_as("recipe-box", "carlos@example.com").await;
    visit.sees("Dashboard").await;
    visit.remove("recipe-box", "carlos@example.com").await;
    // The webhook arrives without any user action.
    visit.a_second_passes().await;
    visit.go_to_addon("/").await;
    let page = visit.sees("You do not have access to this add-on").await;
    assert_eq!((page.path(), page.status), ("/", 403));
}

#[tokio::test]
async fn open_dashboard_closes_when_its_user_is_removed() {
    let visit = Visit::with_refresh_interval(Duration::from_secs(2)).await;
    visit.open_as("recipe-box", "carlos@example.com").await;
    visit.sees("Dashboard").await;
    let dashboard = visit.driver.window().await.unwrap();

    let heroku = visit.driver.new_tab().await.unwrap();
    visit.driver.switch_to_window(heroku).await.unwrap();
    visit.remove("recipe-box", "carlos@example.com").await;
    visit.driver.close_window().await.unwrap();

    visit.driver.switch_to_window(dashboard).await.unwrap();
    // The page's own poll was answered with 403, which ended the session.
    let page = visit.sees("Please sign in through Heroku").await;
    assert_eq!(page.status, 401);
}

#[tokio::test]
async fn expired_session_returns_to_the_requested_page_via_heroku() {
    let visit = Visit::start().await;
    visit.open_as("acme-billing", "lead@example.com").await;
    visit.sees("Dashboard").await;
    let ended = visit.cookie(SESSION).await.expect("a session");

    // As at expiry: the browser drops the cookie and keeps the hint.
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.a_second_passes().await;
    visit.go_to_addon("/admin?tab=1").await;
    let page = visit.sees("Administration").await;
    assert_eq!((page.path(), page.status), ("/admin?tab=1", 200));
    let begun = visit.cookie(SESSION).await.expect("a new session");
    assert_ne!(ended.value, begun.value);

    // The return path is used once.
    visit.go_to_addon("/").await;
    let page = visit.sees("Dashboard").await;
    assert_eq!(page.path(), "/");
}

#[tokio::test]
async fn logged_out_user_logs_in_at_heroku_and_returns_to_the_page() {
    let visit = Visit::start().await;
    visit.open_as("acme-billing", "lead@example.com").await;
    visit.sees("Dashboard").await;
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.a_second_passes().await;
    visit.log_out_of_heroku().await;

    visit.go_to_addon("/admin?tab=1").await;
    let page = visit.sees("Who are you?").await;
    assert_eq!(page.url.host_str(), Some("localhost"));
    page.assert_says("of acme-billing as");

    visit.press_button("lead@example.com").await;
    let page = visit.sees("Administration").await;
    assert_eq!((page.path(), page.status), ("/admin?tab=1", 200));
}
