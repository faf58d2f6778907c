//! The admin route, with and without the required role.

use crate::browser::visit::Visit;

#[tokio::test]
async fn missing_role_page_names_the_role_and_its_granter() {
    let visit = Visit::start().await;
    visit.open_as("acme-shop", "carlos@example.com").await;
    visit.sees("Dashboard").await;
    visit.go_to_addon("/admin").await;
    let page = visit.sees("Your role does not allow this").await;
    assert_eq!(page.status, 403);
    page.assert_says("admin or owner");
    page.assert_says("lead@example.com");

    visit.open_as("acme-shop", "lead@example.com").await;
    visit.sees("Dashboard").await;
    visit.go_to_addon("/admin").await;
    let page = visit.sees("Administration").await;
    assert_eq!((page.path(), page.status), ("/admin", 200));
}
