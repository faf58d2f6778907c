//! An existing app, and the one line that gates it.

use reqwest::Method;

use support::running::Running;

const MAIN: &str = include_str!("../../../examples/existing_app/main.rs");
const APP: &str = include_str!("../../../examples/existing_app/app.rs");
const DIFF: &str = include_str!("../../../examples/existing_app/gate.diff");

#[tokio::test]
async fn one_line_gates_pages_files_and_fallback() {
    let app = Running::demo("existing_app").await;
    let stranger = app.browser();
    for path in ["/", "/public/style.css", "/nothing"] {
        let answer = stranger.fetch(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("x-request-id"), None);
    }
    let count = stranger.request(Method::POST, "/count");
    assert_eq!(stranger.send(count).await.status, 401);
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
        (404, "our own page for missing paths")
    );
}

/// The hunk applies at its position, and reverting it gives the original app.
#[test]
fn gate_diff_is_one_line_and_matches_the_example() {
    let (_, hunk) = DIFF.split_once("@@ -").unwrap();
    let mut lines = hunk.lines();
    let position = lines.next().unwrap();
    let lines: Vec<&str> = lines.collect();
    let side = |other: char| -> Vec<&str> {
        let kept = lines.iter().filter(|line| !line.starts_with(other));
        kept.map(|line| &line[1..]).collect()
    };
    let (ungated, gated) = (side('+'), side('-'));

    let found = MAIN.lines().position(|line| line == gated[0]).unwrap();
    let found_at = format!("{},{}", found + 1, gated.len());
    assert_eq!(position, format!("{found_at} +{found_at} @@"));
    let stands: Vec<&str> = MAIN.lines().skip(found).take(gated.len()).collect();
    assert_eq!(stands, gated);

    let pairs = ungated.iter().zip(&gated);
    let changed: Vec<_> = pairs.filter(|(ungated, gated)| ungated != gated).collect();
    assert_eq!((ungated.len(), changed.len()), (gated.len(), 1));
    let without_gate = changed[0]
        .1
        .replace("demo.sso.protect(app::router())", "app::router()");
    assert_eq!(*changed[0].0, without_gate);
    assert!(!APP.contains("tower_heroku_sso"));
}
