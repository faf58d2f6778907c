//! The simulator alone, for an add-on that is started separately.

use support::running::Running;

#[tokio::test]
async fn simulator_prints_its_address_and_requires_a_token() {
    let port = [("SIMULATOR_PORT", "0".to_owned())];
    let heroku = Running::start("simulator", "Heroku simulator:", &port, false).await;
    let browser = heroku.browser();
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains("acme-shop"), "{}", page.body);
    let path = "/addons/01234567-89ab-cdef-0123-456789abcdef";
    let asked = browser.request(reqwest::Method::GET, path);
    let asked = asked.header("accept", "application/vnd.heroku+json; version=3");
    assert_eq!(browser.send(asked).await.status, 401);
}
