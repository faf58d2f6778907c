//! Checks a page by axe-core, in every form in which users see it.

use std::path::Path;
use std::{env, fs};

use serde::Deserialize;
use serde_json::json;
use thirtyfour::WebDriver;

use crate::browser::page::{self, Page};

/// Installed by scripts/test, from package.json.
const AXE: &str = "tests/programs/browser/node_modules/axe-core/axe.min.js";

/// WCAG 2.2 at level AA, and axe-core's best practices, once the colours no longer change.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const settled = Promise.allSettled(document.getAnimations().map(({ finished }) => finished));
    const found = settled.then(() => axe.run(document, { resultTypes: ['violations'] }));
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

/// Every page that this window loads from now on has axe-core, at a fraction of the time of a script.
pub(super) async fn load_axe(driver: &WebDriver) {
    let source = fs::read_to_string(support::root().join(AXE));
    let source = source
        .unwrap_or_else(|error| panic!("{AXE}: {error}; run scripts/test, which installs it"));
    let script = json!({ "source": source });
    send(driver, "Page.addScriptToEvaluateOnNewDocument", script).await;
}

async fn look(driver: &WebDriver) -> Found {
    let found = driver.execute_async(RUN, vec![]).await.unwrap();
    found.convert().unwrap()
}

/// Checks the page with this heading in every form, and saves screenshots in `BROWSER_SCREENSHOTS`.
pub(super) async fn assert_is_accessible(driver: &WebDriver, heading: &str) {
    assert_named_is_accessible(driver, heading, &heading.replace(' ', "-")).await;
}

/// The same for one of several pages with the same heading. `name` is that of the screenshots.
pub(super) async fn assert_named_is_accessible(
    driver: &WebDriver,
    heading: &str,
    name: &str,
) -> Page {
    let pictures = env::var_os("BROWSER_SCREENSHOTS");
    let page = page::sees(driver, heading).await;
    for (width, height, form) in [(375, 812, "phone"), (1280, 900, "desk")] {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": form == "phone",
        });
        send(driver, "Emulation.setDeviceMetricsOverride", size).await;
        for scheme in ["light", "dark"] {
            let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
            let media = json!({ "features": features });
            send(driver, "Emulation.setEmulatedMedia", media).await;
            let found = look(driver).await;
            assert!(found.rules > 10, "{name}: {found:#?}");
            assert!(
                found.violations.is_empty(),
                "{name}, {form}, {scheme}: {found:#?}"
            );
            let wider = "return document.documentElement.scrollWidth > innerWidth";
            let wider = driver.execute(wider, vec![]).await.unwrap();
            assert!(
                !wider.convert::<bool>().unwrap(),
                "{name} is wider than a {form}"
            );
            if let Some(pictures) = &pictures {
                let file = format!("{name}-{form}-{scheme}.png");
                let path = Path::new(pictures).join(file);
                driver.screenshot(&path).await.unwrap();
            }
        }
    }
    page
}

async fn send(driver: &WebDriver, command: &str, parameters: serde_json::Value) {
    let browser = driver.cdp();
    browser.send_raw(command, parameters).await.unwrap();
}
