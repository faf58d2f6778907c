//! How a refusal looks.

use reqwest::Method;

use crate::world::World;

#[tokio::test]
async fn a_person_gets_a_page_and_a_program_a_problem_document() {
    let world = World::start().await;
    let browser = world.browser();
    let page = browser.get("/").await;
    assert_eq!(page.status, 401);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(page.body.contains("<html lang=\"en\">") && page.body.contains("<h1>"));

    let problem = browser.fetch("/").await;
    assert_eq!(problem.status, 401);
    assert_eq!(
        problem.header("content-type"),
        Some("application/problem+json")
    );
    let json = problem.json();
    assert_eq!(json["status"], 401);
    assert_eq!(json["type"], "urn:tower-heroku-sso:no-session");
    assert!(json["title"].is_string() && json["detail"].is_string());
}

#[tokio::test]
async fn a56_no_cache_keeps_a_refusal() {
    let world = World::start().await;
    let browser = world.browser();
    for answer in [browser.get("/").await, browser.fetch("/").await] {
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("vary").unwrap().contains("Cookie"));
    }
}

#[tokio::test]
async fn the_page_may_load_and_run_nothing() {
    let world = World::start().await;
    let page = world.browser().get("/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    assert!(!page.body.contains("<script"));
}

#[tokio::test]
async fn a_refusal_repeats_nothing_that_was_sent() {
    let world = World::start().await;
    let addon = world.addon().await;
    let mut form = addon.sign_in_form("<script>@example.com");
    form.set("app", "<script>alert(1)</script>");
    let page = world.browser().submit(&form).await;
    assert_eq!(page.status, 403);
    assert!(!page.body.contains("<script") && !page.body.contains("example.com"));
    let answer = world.browser().get("/%3Cscript%3E?x=<script>").await;
    assert!(!answer.body.contains("script>"));
}

#[tokio::test]
async fn the_answer_to_head_has_no_body() {
    let world = World::start().await;
    let browser = world.browser();
    let request = browser
        .request(Method::HEAD, "/")
        .header("accept", "text/html");
    let answer = browser.send(request).await;
    assert_eq!((answer.status, answer.body.as_str()), (401, ""));
}
