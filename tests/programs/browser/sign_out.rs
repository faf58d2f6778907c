//! Sign-out.

use crate::browser::visit::{HINT, SESSION, Visit};

#[tokio::test]
async fn signed_out_user_stays_out_until_the_next_sign_in() {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "mia@example.com").await;
    visit.sees("Dashboard").await;
    assert!(visit.cookie(HINT).await.is_some());

    visit.press_button("Sign out").await;
    let page = visit.sees("You are signed out").await;
    assert_eq!((page.path(), page.status), ("/logout", 200));
    assert_eq!(page.lang, "en");
    assert!(visit.cookie(SESSION).await.is_none());
    assert!(visit.cookie(HINT).await.is_none());

    // Heroku still knows this browser, so a redirect would sign it in again.
    visit.go_to_addon("/").await;
    let page = visit.sees("Please sign in through Heroku").await;
    assert_eq!((page.path(), page.status), ("/", 401));
    // Only to Heroku's page, here the simulator's.
    assert_eq!(page.links.len(), 1, "{page:#?}");

    visit.a_second_passes().await;
    visit.open_as("acme-shop", "mia@example.com").await;
    visit.sees("Dashboard").await;
}
