//! A site with some public pages.

use reqwest::Method;

use support::running::Running;

#[tokio::test]
async fn only_the_public_pages_are_open() {
    let site = Running::demo("admin").await;
    let browser = site.browser();
    for path in ["/", "/pricing"] {
        assert_eq!(browser.get(path).await.status, 200, "{path}");
    }
    for path in [
        "/admin",
        "/admin/users",
        "/admin/audit",
        "/admin/nothing",
        "/nothing",
    ] {
        assert_eq!(browser.get(path).await.status, 401, "{path}");
        let post = browser.send(browser.request(Method::POST, path)).await;
        assert_eq!(
            post.status, 401,
            "{path}: the allowed methods are not revealed"
        );
    }
}

#[tokio::test]
async fn listed_user_lands_behind_the_gate_and_admin_sees_all() {
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
    assert_eq!(viewer.get("/admin/nothing").await.status, 404);
    let admin = site.signed_in("acme-shop", "lead@example.com").await;
    assert_eq!(admin.get("/admin/audit").await.status, 200);
}

#[tokio::test]
async fn sign_out_closes_the_gate_and_keeps_the_site_public() {
    let site = Running::demo("admin").await;
    let browser = site.signed_in("acme-shop", "victor@example.com").await;
    let out = browser.send(browser.request(Method::POST, "/logout")).await;
    assert_eq!(out.status, 204);
    assert_eq!(browser.get("/admin").await.status, 401);
    assert_eq!(browser.get("/pricing").await.status, 200);
}

#[tokio::test]
async fn unlisted_user_gets_no_session() {
    let site = Running::demo("admin").await;
    let browser = site.browser();
    let answer = site
        .open(&browser, "acme-shop", "mallory@example.com")
        .await;
    assert_eq!(answer.status, 403);
    assert_eq!(browser.get("/admin").await.status, 401);
    assert_eq!(browser.get("/").await.status, 200);
}
