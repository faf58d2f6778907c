//! Heroku's rate limit, as pure functions of its headers.

use std::time::Duration;

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

/// Heroku documents no `Retry-After`; its pool refills by 75 calls a minute.
const DEFAULT_PAUSE: Duration = Duration::from_secs(60);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// Whatever a header says, we ask again after this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);

/// How long to leave Heroku alone after a 429: seconds or a date, between 1 second and 15 minutes.
pub(super) fn pause_after(headers: &HeaderMap, now: OffsetDateTime) -> Duration {
    let Some(value) = headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok()) else {
        return DEFAULT_PAUSE;
    };
    let value = value.trim();
    let wanted = if value.bytes().all(|b| b.is_ascii_digit()) {
        // Digits that overflow are a very long time, which the bound below cuts.
        Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)))
    } else {
        // A date is read against the answer's own clock, where it has one.
        let sent_at = headers.get(DATE).and_then(|v| http_date(v.to_str().ok()?));
        http_date(value).map(|at| {
            let wait = at - sent_at.unwrap_or(now);
            wait.try_into().unwrap_or(Duration::ZERO)
        })
    };
    wanted
        .unwrap_or(DEFAULT_PAUSE)
        .clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use time::macros::datetime;

    use super::*;

    fn pause(retry_after: &'static str) -> u64 {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        pause_after(&headers, datetime!(2026-01-01 00:00:00 UTC)).as_secs()
    }

    #[test]
    fn seconds_and_dates_are_obeyed_within_bounds() {
        assert_eq!(pause("7"), 7);
        assert_eq!(pause("0"), 1);
        assert_eq!(pause("315360000"), 900);
        assert_eq!(pause("99999999999999999999999"), 900);
        assert_eq!(pause("Thu, 01 Jan 2026 00:02:00 GMT"), 120);
        assert_eq!(pause("Wed, 31 Dec 2025 00:00:00 GMT"), 1);
        assert_eq!(pause("Fri, 01 Jan 2036 00:00:00 GMT"), 900);
        assert_eq!(pause("soon"), 60);
        assert_eq!(
            pause_after(&HeaderMap::new(), datetime!(2026-01-01 0:00 UTC)).as_secs(),
            60
        );
    }
}
