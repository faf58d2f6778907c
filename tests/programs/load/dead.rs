//! Heroku is permanently unavailable: users are served by cached lists up to their age limit.

use std::time::Duration;

use reqwest::Method;
use tokio::time::{Instant, sleep};

use crate::load::dashboard::Dashboard;

/// Short, as the test waits for it. A list is used for twice as long.
const REFRESH: Duration = Duration::from_secs(4);
const LIMIT: Duration = REFRESH.saturating_mul(2);
const PAUSE: Duration = Duration::from_millis(50);

fn person(number: usize) -> String {
    format!("person-{number}@example.com")
}

#[tokio::test]
async fn r4_listed_users_are_served_without_heroku_to_max_list_age() {
    let people: Vec<_> = (0..1_000).map(person).collect();
    let dashboard = Dashboard::start(REFRESH).await;
    let addon = dashboard.addon("shop", &people).await;
    let owner = dashboard.browser();
    let form = addon.sign_in_form("owner@example.com");
    assert_eq!(owner.submit(&form).await.status, 303);

    // The list is requested between these two.
    let (earliest, refreshed) = (Instant::now(), owner.request(Method::POST, "/refresh"));
    assert_eq!(owner.send(refreshed).await.status, 303);
    dashboard.heroku.stop().await;
    let latest = Instant::now();

    let (mut served, mut rejected) = (0, 0);
    let mut visitor = None;
    for email in &people {
        let sent = Instant::now();
        if sent > latest + LIMIT + Duration::from_secs(1) {
            break;
        }
        let browser = dashboard.browser();
        let entered = browser.submit(&addon.sign_in_form(email)).await.status;
        let visited = browser.fetch("/whoami").await.status;
        let is_in_time = |answered: Instant| answered < earliest + LIMIT;
        if is_in_time(Instant::now()) && sent.elapsed() < REFRESH {
            assert_eq!((entered, visited), (303, 200), "{email}, {served} before");
            served += 1;
            visitor = Some(browser);
        } else if sent > latest + LIMIT {
            // An unknown cookie is rejected.
            assert_eq!((entered, visited), (503, 401), "{email}");
            let before = visitor.as_ref().unwrap().fetch("/whoami").await;
            // Whether the users are still listed is unknown.
            assert_eq!(before.status, 503);
            rejected += 1;
        }
        sleep(PAUSE).await;
    }
    println!("{served} were served, {rejected} rejected when the list was too old");
    assert!(served > 10 && rejected > 0, "{served}, {rejected}");
}
