//! The add-on's own login in a real browser, through a provider on another site.

use crate::browser::visit::Visit;

#[tokio::test]
async fn own_login_via_another_site_opens_a_regular_session() {
    let visit = Visit::of_demo("own_login").await;
    visit.go_to_addon("/").await;
    visit.press_button("Sign in with Forge").await;
    visit.sees("Sign in with Forge").await;
    visit.press_button("Continue as carlos").await;
    let page = visit.sees("Choose an app").await;
    assert_eq!(page.path(), "/login/choose", "no code in the address");
    visit.press_button("Enter recipe-box").await;
    let page = visit.sees("Dashboard of recipe-box").await;
    assert_eq!(page.path(), "/dashboard");
    page.assert_says("carlos@example.com");
    page.assert_says("Forge, which has verified this email");
    visit.go_to_addon("/").await;
    visit.follow_link("Dashboard of recipe-box").await;
    visit.sees("Dashboard of recipe-box").await;

    // The same browser signs in through Heroku: the same dashboard, now with Heroku's proof.
    visit.open_as("recipe-box", "carlos@example.com").await;
    let page = visit.sees("Dashboard of recipe-box").await;
    page.assert_says("Heroku, which signed this email");

    visit.remove("recipe-box", "carlos@example.com").await;
    visit.go_to_addon("/dashboard").await;
    visit.press_button("Refresh now").await;
    let page = visit.sees("You do not have access to this add-on").await;
    assert_eq!(page.status, 403);
}
