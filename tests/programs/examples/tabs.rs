//! Dashboards of several resources in one browser.

use reqwest::Method;

use support::running::Running;

#[tokio::test]
async fn each_resource_has_its_own_session() {
    let site = Running::demo("tabs").await;
    let browser = site.browser();
    let mut dashboards = Vec::new();
    for (app, email) in [
        ("acme-shop", "mia@example.com"),
        ("recipe-box", "olivia@example.com"),
    ] {
        let answer = site.open(&browser, app, email).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        let landing = answer.header("location").unwrap().to_owned();
        assert!(landing.starts_with("/addons/"), "{landing}");
        dashboards.push((app, email, landing));
    }
    for (app, email, landing) in &dashboards {
        let page = browser.get(&format!("{landing}/settings")).await;
        assert!(
            page.body.contains(&format!("Settings of {app}")),
            "{page:?}"
        );
        let whoami = browser.fetch(&format!("{landing}/whoami")).await.json();
        assert_eq!(
            (&whoami["email"], &whoami["app"]["name"]),
            (&(*email).into(), &(*app).into())
        );
    }
    // Signing out of one keeps the other.
    let (one, two) = (&dashboards[0].2, &dashboards[1].2);
    let out = browser.request(Method::POST, &format!("{one}/logout"));
    assert_eq!(browser.send(out).await.status, 204);
    assert_eq!(browser.fetch(one).await.status, 401);
    assert_eq!(browser.fetch(two).await.status, 200);
    assert_eq!(browser.fetch("/").await.status, 401);
}
