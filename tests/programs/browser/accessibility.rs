//! The pages checked by axe-core: at phone and desktop width, in light and dark.

use std::path::Path;
use std::{env, fs};

use serde::Deserialize;
use serde_json::json;

use crate::browser::visit::{SESSION, Visit};

/// Installed by scripts/test, from package.json.
const AXE: &str = "tests/programs/browser/node_modules/axe-core/axe.min.js";

/// WCAG 2.2 at level AA, and axe-core's best practices.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const found = axe.run(document, { resultTypes: ['violations'] });
    found.then(
        ({ violations, passes, incomplete }) => done({
            violations: violations.map(({ id, help, nodes }) => ({
                id, help, places: nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary}`),
            })),
            rules: violations.length + passes.length + incomplete.length,
        }),
        error => done({ violations: [{ id: 'axe-core', help: String(error), places: [] }], rules: 0 }),
    );";

#[derive(Debug, Deserialize)]
struct Found {
    violations: Vec<Violation>,
    /// The number of applicable rules.
    rules: usize,
}

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "printed when a test fails")]
struct Violation {
    id: String,
    help: String,
    places: Vec<String>,
}

async fn look(visit: &Visit) -> Found {
    let axe = support::root().join(AXE);
    let axe = fs::read_to_string(&axe)
        .unwrap_or_else(|error| panic!("{AXE}: {error}; run scripts/test, which installs it"));
    visit.driver.execute(&axe, vec![]).await.unwrap();
    let found = visit.driver.execute_async(RUN, vec![]).await.unwrap();
    found.convert().unwrap()
}

/// Checks the page with this heading in every form, and saves screenshots in `BROWSER_SCREENSHOTS`.
async fn assert_is_accessible(visit: &Visit, heading: &str) {
    assert_named_is_accessible(visit, heading, &heading.replace(' ', "-")).await;
}

async fn assert_named_is_accessible(visit: &Visit, heading: &str, name: &str) {
    let pictures = env::var_os("BROWSER_SCREENSHOTS");
    let browser = visit.driver.cdp();
    visit.sees(heading).await;
    for (width, height, form) in [(375, 812, "phone"), (1280, 900, "desk")] {
        for scheme in ["light", "dark"] {
            let size = json!({
                "width": width, "height": height, "deviceScaleFactor": 1, "mobile": form == "phone",
            });
            let sized = browser.send_raw("Emulation.setDeviceMetricsOverride", size);
            sized.await.unwrap();
            let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
            let media = json!({ "features": features });
            let coloured = browser.send_raw("Emulation.setEmulatedMedia", media);
            coloured.await.unwrap();
            let found = look(visit).await;
            assert!(found.rules > 10, "{heading}: {found:#?}");
            assert!(
                found.violations.is_empty(),
                "{heading}, {form}, {scheme}: {found:#?}"
            );
            let wider: bool = visit
                .read("return document.documentElement.scrollWidth > innerWidth")
                .await;
            assert!(!wider, "{heading} is wider than a {form}");
            if let Some(pictures) = &pictures {
                let name = format!("{name}-{form}-{scheme}.png");
                let path = Path::new(pictures).join(name);
                visit.driver.screenshot(&path).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn all_pages_of_dashboard_gate_and_simulator_are_accessible() {
    let visit = Visit::start().await;
    visit.go_to_heroku().await;
    assert_is_accessible(&visit, "Apps").await;
    visit.open_as("acme-shop", "lead@example.com").await;
    assert_is_accessible(&visit, "Dashboard").await;
    visit.go_to_addon("/admin").await;
    assert_is_accessible(&visit, "Administration").await;
    visit.open_as("acme-shop", "victor@example.com").await;
    visit.sees("Dashboard").await;
    visit.go_to_addon("/admin").await;
    assert_is_accessible(&visit, "Your role does not allow this").await;
    visit.go_to_addon("/").await;
    visit.press_button("Sign out").await;
    assert_is_accessible(&visit, "You are signed out").await;
    visit.go_to_addon("/").await;
    assert_is_accessible(&visit, "Please sign in through Heroku").await;
    visit.open_as_a_stranger("acme-shop").await;
    assert_is_accessible(&visit, "You do not have access to this add-on").await;
    visit.go_to_addon("/heroku/sso").await;
    assert_is_accessible(&visit, "This address shows no page").await;
}

/// The page of a browser that was here before: with a link to sign in again, for a page and for a form.
#[tokio::test]
async fn pages_of_an_ended_session_are_accessible() {
    let visit = Visit::start().await;
    let (heading, app) = ("Please sign in through Heroku", "acme-shop");
    visit.open_as(app, "lead@example.com").await;
    visit.sees("Dashboard").await;
    // The first time, the browser is led through Heroku and back.
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.a_second_passes().await;
    visit.go_to_addon("/admin").await;
    visit.sees("Administration").await;
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.go_to_addon("/admin").await;
    visit
        .sees(heading)
        .await
        .assert_says("Sign in again through Heroku");
    assert_named_is_accessible(&visit, heading, "ended-page").await;
    visit.a_second_passes().await;
    visit.open_as(app, "lead@example.com").await;
    visit.sees("Administration").await;
    visit.go_to_addon("/").await;
    visit.sees("Dashboard").await;
    visit.driver.delete_cookie(SESSION).await.unwrap();
    visit.press_button("Refresh now").await;
    visit
        .sees(heading)
        .await
        .assert_says("What you sent was not processed");
    assert_named_is_accessible(&visit, heading, "ended-form").await;
}
