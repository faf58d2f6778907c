//! The sources of an error, for a log line.

use std::error::Error;

use tracing::field::{DisplayValue, display};

/// The texts of all sources of the error, outermost first; none if it has no source.
pub fn of(error: &dyn Error) -> Option<DisplayValue<String>> {
    texts(error).map(display)
}

fn texts(error: &dyn Error) -> Option<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    (!causes.is_empty()).then(|| causes.join(": "))
}

/// The error and all of its sources in one line.
pub fn with(error: &dyn Error) -> String {
    match texts(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
