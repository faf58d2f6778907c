//! An app that was there before, and the one line that gates it.

use reqwest::Method;

use crate::running::Running;

const MAIN: &str = include_str!("../../examples/existing_app/main.rs");
const APP: &str = include_str!("../../examples/existing_app/app.rs");
const DIFF: &str = include_str!("../../examples/existing_app/gate.diff");

#[tokio::test]
async fn one_line_puts_pages_files_and_fallback_behind_the_gate() {
    let app = Running::demo("existing_app").await;
    let stranger = app.browser();
    for path in ["/", "/public/style.css", "/nothing"] {
        let answer = stranger.fetch(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("x-request-id"), None);
    }
    let browser = app.signed_in("recipe-box", "olivia@example.com").await;
    let page = browser.get("/").await;
    assert!(page.status == 200 && page.body.contains("Counted 0 times"));
    assert!(page.header("x-request-id").is_some());
    let counted = browser.send(browser.request(Method::POST, "/count")).await;
    assert_eq!(counted.body, "1");
    let style = browser.get("/public/style.css").await;
    assert_eq!(style.header("content-type"), Some("text/css"));
    let missing = browser.get("/nothing").await;
    assert_eq!(
        (missing.status, missing.body.as_str()),
        (404, "our own page for what is not there")
    );
}

#[test]
fn the_diff_is_one_line_and_is_what_the_example_does() {
    let changed = |sign: char| -> Vec<&str> {
        let lines = DIFF.lines().filter(|line| line.starts_with(sign));
        lines
            .filter(|line| !line.starts_with("+++") && !line.starts_with("---"))
            .collect()
    };
    let (added, removed) = (changed('+'), changed('-'));
    assert_eq!((added.len(), removed.len()), (1, 1));
    let gated = &added[0][1..];
    assert_eq!(
        gated.replace(".layer(demo.sso.layer())", ""),
        &removed[0][1..]
    );
    assert_eq!(MAIN.lines().filter(|line| *line == gated).count(), 1);
    assert!(!APP.contains("tower_heroku_sso"));
}
