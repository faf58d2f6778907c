//! The headers of Heroku's answers: paging, rate limit, time. One header per line, an empty line between
//! two answers. An answer that begins with `206` has a next page.
#![no_main]

use std::time::Duration;

use http::StatusCode;
use libfuzzer_sys::fuzz_target;
use tower_heroku_sso::fuzzing::heroku;
use tower_heroku_sso_fuzz::{NOW, lines};

fuzz_target!(|input: &[u8]| {
    let all: Vec<_> = lines::all(input).collect();
    let answers: Vec<_> = all
        .split(|line| line.is_empty())
        .map(|answer| {
            let more = answer.first().is_some_and(|line| *line == b"206");
            let status = if more {
                StatusCode::PARTIAL_CONTENT
            } else {
                StatusCode::OK
            };
            (status, lines::headers(answer.iter().copied()))
        })
        .collect();

    let last = answers
        .iter()
        .position(|(status, _)| *status == StatusCode::OK);
    if let Ok(pages) = heroku::pages(&answers) {
        assert_eq!(Some(pages), last.map(|at| at + 1));
        assert!(pages <= 100);
        let asked: Vec<_> = answers[..pages - 1]
            .iter()
            .map(|(_, h)| &h["next-range"])
            .collect();
        assert!((1..asked.len()).all(|at| !asked[..at].contains(&asked[at])));
    }

    for (_, headers) in &answers {
        let read = heroku::headers(headers, NOW);
        assert!((Duration::from_secs(1)..=Duration::from_secs(900)).contains(&read.pause));
        if let Some(etag) = &read.etag {
            assert!(etag.len() <= 128 && etag.starts_with('"') && etag.ends_with('"'));
            assert_eq!(etag, &headers["etag"]);
        }
        if read.has_room {
            assert!(headers.contains_key("content-range"));
        }
        assert_eq!(read.left.is_some(), read.remaining.is_some());
        if let (Some(remaining), Some((left, wait))) = (read.remaining, read.left) {
            // The pool has been refilled for a second since.
            assert!(left <= remaining.saturating_add(2));
            assert!(wait <= Duration::from_secs(900));
        }
        if let Some(drift) = read.clock_drift {
            assert!(headers.contains_key("date"));
            assert_eq!(drift.subsec_nanoseconds(), 0);
        }
    }
});
