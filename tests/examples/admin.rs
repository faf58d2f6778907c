//! A public site with a gated subtree.

use crate::running::Running;

#[tokio::test]
async fn the_admin_subtree_alone_is_gated() {
    let site = Running::demo("admin").await;
    let browser = site.browser();
    for path in ["/", "/pricing"] {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    for path in ["/admin", "/admin/users", "/admin/audit"] {
        assert_eq!(browser.get(path).await.status, 401, "{path}");
    }
    assert_eq!(browser.get("/nothing").await.status, 404);
}

#[tokio::test]
async fn a_listed_person_lands_in_the_subtree_and_an_admin_sees_all_of_it() {
    let site = Running::demo("admin").await;
    let viewer = site.browser();
    let answer = site.open(&viewer, "acme-shop", "victor@example.com").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, Some("/admin"))
    );
    let page = viewer.get("/admin").await;
    assert!(page.status == 200 && page.body.contains("victor@example.com"));
    assert_eq!(viewer.get("/admin/users").await.status, 200);
    assert_eq!(viewer.get("/admin/audit").await.status, 403);
    let admin = site.signed_in("acme-shop", "lead@example.com").await;
    assert_eq!(admin.get("/admin/audit").await.status, 200);
}
