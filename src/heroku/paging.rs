//! Lists in pages: 206 with `Next-Range` until 200.

use http::{HeaderMap, HeaderValue, StatusCode};

use super::HerokuError;

/// 200 people a page by default, so this is more than any team may have.
const MAX_PAGES: usize = 100;

/// Walks the pages of one list and knows when something is wrong with them.
#[derive(Debug)]
pub(super) struct Pages {
    about: &'static str,
    asked: Vec<HeaderValue>,
}

impl Pages {
    pub(super) fn new(about: &'static str) -> Self {
        Self {
            about,
            asked: Vec::new(),
        }
    }

    /// The `Range` to send with the next call; none for the first page.
    pub(super) fn range(&self) -> Option<&HeaderValue> {
        self.asked.last()
    }

    /// Takes note of an answer. True if there is another page to ask for.
    pub(super) fn turn(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<bool, HerokuError> {
        if status != StatusCode::PARTIAL_CONTENT {
            return Ok(false);
        }
        let unfinished = HerokuError::UnfinishedList { about: self.about };
        let Some(next) = headers.get("next-range") else {
            return Err(unfinished);
        };
        if self.asked.contains(next) || self.asked.len() + 1 >= MAX_PAGES {
            return Err(unfinished);
        }
        self.asked.push(next.clone());
        Ok(true)
    }
}
