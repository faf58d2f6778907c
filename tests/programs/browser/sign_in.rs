//! Sign-ins from Heroku's page.

use thirtyfour::SameSite;
use time::OffsetDateTime;

use crate::browser::visit::{HINT, MAX_SESSION, REFRESH_INTERVAL, SESSION, Visit};

#[tokio::test]
async fn listed_user_lands_on_the_dashboard_after_the_cross_site_post() {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "mia@example.com").await;

    let page = visit.sees("Dashboard").await;
    assert_eq!((page.path(), page.status), ("/", 200));
    assert_eq!(page.url.host_str(), Some("127.0.0.1"));
    page.assert_says("mia@example.com");
    page.assert_says("for app acme-shop of team acme");
    page.assert_says("4 people, as Heroku said");
    let rows = [
        ["carlos@example.com", "collaborator"],
        ["lead@example.com", "admin"],
        ["mia@example.com you", "member"],
        ["victor@example.com", "viewer"],
    ];
    assert_eq!(page.rows, rows);
    // The list was fetched for this sign-in, so it has the age of the page.
    let age: String = visit
        .read("return document.querySelector('#age').innerText")
        .await;
    let seconds = age.strip_suffix(" s ago").and_then(|age| age.parse().ok());
    assert!(seconds.is_some_and(|age: u64| age < 20), "{age}");
}

#[tokio::test]
async fn session_cookie_is_host_only_and_lasts_max_session() {
    let visit = Visit::start().await;
    visit.open_as("recipe-box", "olivia@example.com").await;
    visit.sees("Dashboard").await;

    let cookie = visit.cookie(SESSION).await.expect("a session");
    assert_eq!(cookie.secure, Some(true));
    assert_eq!(cookie.http_only, Some(true));
    assert_eq!(cookie.same_site, Some(SameSite::Lax));
    assert_eq!(cookie.path.as_deref(), Some("/"));
    // With a `Domain` it would begin with a dot, and the browser would reject the `__Host-` name.
    assert_eq!(cookie.domain.as_deref(), Some("127.0.0.1"));
    let seen: String = visit.read("return document.cookie").await;
    assert_eq!(seen, "", "scripts see cookies");

    let until = "return Date.parse(document.querySelector('#remaining').dataset.until) / 1000";
    let until: f64 = visit.read(until).await;
    let expiry = cookie.expiry.expect("an end") as f64;
    let now = OffsetDateTime::now_utc().unix_timestamp() as f64;
    let longest = MAX_SESSION.as_secs_f64();
    let life = expiry - now;
    assert!((longest - 20.0..=longest + 1.0).contains(&life), "{life}");
    // The page shows how long the list is valid.
    let interval = REFRESH_INTERVAL.as_secs_f64();
    let left = until - now;
    assert!((interval - 20.0..=interval + 1.0).contains(&left), "{left}");
}

#[tokio::test]
async fn unlisted_user_gets_the_rejection_page_and_no_session() {
    let visit = Visit::start().await;
    visit.open_as_a_stranger("acme-shop").await;

    let page = visit.sees("You do not have access to this add-on").await;
    assert_eq!((page.path(), page.status), ("/heroku/sso", 403));
    assert_eq!(page.lang, "en");
    page.assert_says("Ask an owner of the app to add you");
    page.assert_says("403 · not-listed");
    assert!(!page.text.contains("lead@example.com"), "the list is shown");
    assert!(visit.cookie(SESSION).await.is_none());
    assert!(visit.cookie(HINT).await.is_none());

    visit.go_to_addon("/").await;
    let page = visit.sees("Please sign in through Heroku").await;
    assert_eq!((page.path(), page.status), ("/", 401));
}

#[tokio::test]
async fn second_sign_in_replaces_the_first() {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "mia@example.com").await;
    visit.sees("Dashboard").await;
    let first = visit.cookie(SESSION).await.expect("a session");

    visit.open_as("recipe-box", "olivia@example.com").await;
    let page = visit.sees("Dashboard").await;
    page.assert_says("olivia@example.com");
    assert!(!page.text.contains("mia@example.com"), "{page:#?}");
    let second = visit.cookie(SESSION).await.expect("a session");
    assert_ne!(first.value, second.value);
}
