//! Lists in pages: 206 with `Next-Range` until 200.

use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Call, HerokuError};

/// 200 people a page by default, so this is more than any team may have.
const MAX_PAGES: usize = 100;

/// True if a page with so many entries could hold more, by the `max` of its `Content-Range`. Only
/// then would a new entry appear on it: a full first page does not change when a second one begins.
pub(super) fn has_room(headers: &HeaderMap, entries: usize) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|v| v.to_str().ok());
    let options = range
        .and_then(|range| range.split_once(';'))
        .map(|(_, options)| options);
    let mut options = options.unwrap_or_default().split(',');
    let max = options.find_map(|option| option.trim().strip_prefix("max=")?.parse().ok());
    max.is_some_and(|max: usize| entries < max)
}

/// Follows the pages of one list and detects invalid ones.
#[derive(Debug)]
pub(super) struct Pages {
    call: Call,
    asked: Vec<HeaderValue>,
}

impl Pages {
    pub(super) fn new(call: Call) -> Self {
        Self {
            call,
            asked: Vec::new(),
        }
    }

    /// The `Range` header of the next call; none for the first page.
    pub(super) fn range(&self) -> Option<&HeaderValue> {
        self.asked.last()
    }

    /// Processes an answer. True if there is another page to request.
    pub(super) fn turn(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<bool, HerokuError> {
        if status != StatusCode::PARTIAL_CONTENT {
            return Ok(false);
        }
        let unfinished = HerokuError::UnfinishedList {
            about: self.call.about(),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_room_only_below_its_stated_maximum() {
        let room = |range: Option<&'static str>, entries| {
            let mut headers = HeaderMap::new();
            if let Some(range) = range {
                headers.insert(CONTENT_RANGE, HeaderValue::from_static(range));
            }
            has_room(&headers, entries)
        };
        assert!(room(Some("id a..b; max=200"), 199));
        assert!(room(Some("id a..b; order=asc, max=200"), 1));
        assert!(!room(Some("id a..b; max=200"), 200));
        assert!(!room(Some("id a..b"), 1));
        assert!(!room(Some("id a..b; max=many"), 1));
        assert!(!room(None, 1));
    }
}
