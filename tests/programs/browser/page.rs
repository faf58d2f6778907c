//! A snapshot of the page in a browser, and how to wait for one.

use std::time::{Duration, Instant};

use serde::Deserialize;
use thirtyfour::WebDriver;
use thirtyfour::error::WebDriverResult;
use tokio::time::sleep;
use url::Url;

/// The time limit for a navigation.
pub(crate) const PATIENCE: Duration = Duration::from_secs(15);
pub(crate) const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Reads everything in one script, as the browser may navigate between two scripts.
const READ: &str = "\
    const text = (it) => it.innerText.trim();
    const all = (what, from = document) => [...from.querySelectorAll(what)];
    const [navigation] = performance.getEntriesByType('navigation');
    return {
        url: location.href,
        complete: document.readyState === 'complete',
        status: navigation.responseStatus,
        lang: document.documentElement.lang,
        headings: all('h1').map(text),
        links: all('a').map((link) => link.href),
        text: text(document.body),
        rows: all('tbody tr').map((row) => all('th, td', row).map(text)),
    };";

#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) url: Url,
    pub(crate) complete: bool,
    /// Of the HTTP response.
    pub(crate) status: u16,
    pub(crate) lang: String,
    /// Of the first level.
    pub(crate) headings: Vec<String>,
    pub(crate) links: Vec<String>,
    pub(crate) text: String,
    /// Of the table.
    pub(crate) rows: Vec<Vec<String>>,
}

impl Page {
    pub(crate) async fn read(driver: &WebDriver) -> WebDriverResult<Self> {
        driver.execute(READ, vec![]).await?.convert()
    }

    pub(crate) fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..]
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, what: &str) {
        assert!(self.text.contains(what), "no `{what}` in {self:#?}");
    }
}

/// Waits for the page with this heading.
pub(crate) async fn sees(driver: &WebDriver, heading: &str) -> Page {
    let what = format!("a page headed `{heading}`");
    until(driver, &what, |page| page.headings == [heading]).await
}

/// Waits for a complete page that matches.
pub(crate) async fn until(
    driver: &WebDriver,
    what: &str,
    is_right: impl Fn(&Page) -> bool,
) -> Page {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // During a navigation the old page cannot be read; ignore it.
        match Page::read(driver).await {
            Ok(page) if page.complete && is_right(&page) => return page,
            _ if Instant::now() < deadline => sleep(BETWEEN_LOOKS).await,
            last => panic!("expected {what} within {PATIENCE:?}, but there is {last:#?}"),
        }
    }
}
