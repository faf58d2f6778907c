//! A snapshot of the page in a browser.

use serde::Deserialize;
use url::Url;

/// Reads everything in one script, as the browser may navigate between two scripts.
pub(crate) const READ: &str = "\
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
    pub(crate) fn path(&self) -> &str {
        &self.url[url::Position::BeforePath..]
    }

    #[track_caller]
    pub(crate) fn assert_says(&self, what: &str) {
        assert!(self.text.contains(what), "no `{what}` in {self:#?}");
    }
}
