//! Dashboards of two resources in two tabs of one browser.

use crate::browser::visit::Visit;

#[tokio::test]
async fn two_tabs_show_two_resources_without_mixing_them() {
    let visit = Visit::of_demo("tabs").await;
    visit.open_as("acme-shop", "mia@example.com").await;
    let shop = visit.sees("Overview of acme-shop").await;
    let first = visit.driver.window().await.unwrap();

    visit.driver.new_tab().await.map(|_| ()).unwrap();
    let tabs = visit.driver.windows().await.unwrap();
    let second = tabs.into_iter().find(|tab| *tab != first).unwrap();
    visit.driver.switch_to_window(second.clone()).await.unwrap();
    visit.open_as("recipe-box", "olivia@example.com").await;
    let box_page = visit.sees("Overview of recipe-box").await;
    box_page.assert_says("olivia@example.com");
    assert_ne!(shop.path(), box_page.path());

    // The first tab still shows the first resource and user.
    visit.driver.switch_to_window(first.clone()).await.unwrap();
    visit.follow_link("Settings").await;
    visit
        .sees("Settings of acme-shop")
        .await
        .assert_says("mia@example.com");

    // Signing out there does not affect the second tab.
    visit.press_button("Sign out").await;
    visit.sees("You are signed out").await;
    visit.driver.switch_to_window(second).await.unwrap();
    visit.follow_link("Settings").await;
    visit
        .sees("Settings of recipe-box")
        .await
        .assert_says("olivia@example.com");
    visit.driver.switch_to_window(first).await.unwrap();
    visit.go_to_addon(shop.path()).await;
    visit.sees("Please sign in through Heroku").await;
}
