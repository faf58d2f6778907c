//! Messages in the browser's console.

use crate::browser::visit::Visit;

#[tokio::test]
async fn pages_cause_no_csp_violation_or_console_error() {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "lead@example.com").await;
    visit.sees("Dashboard").await;
    visit.refresh_list().await;
    visit.go_to_addon("/admin").await;
    visit.sees("Administration").await;
    visit.go_to_addon("/").await;
    visit.sees("Dashboard").await;
    visit.press_button("Sign out").await;
    visit.sees("You are signed out").await;
    visit.go_to_addon("/").await;
    visit.sees("Please sign in through Heroku").await;
    visit.open_as_a_stranger("acme-shop").await;
    visit.sees("You do not have access to this add-on").await;
    // A known message shows that the log is recorded up to the last page.
    visit.read::<()>("console.error('a complaint')").await;

    let log = visit.driver.browser_log().await.unwrap();
    let mut complaints: Vec<_> = log.into_iter().map(|entry| entry.message).collect();
    // The two rejections are intended, and Chromium logs every page with such a status.
    complaints.retain(|complaint| {
        let refused = complaint.contains("Failed to load resource")
            && [("/ ", " 401 "), ("/heroku/sso ", " 403 ")]
                .iter()
                .any(|(path, status)| complaint.contains(path) && complaint.contains(status));
        // Chromium says what a sign-out clears.
        let cleared = complaint.contains("Clear-Site-Data header") && complaint.contains("/logout");
        !refused && !cleared
    });
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints[0].contains("a complaint"), "{complaints:#?}");
}
