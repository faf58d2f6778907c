//! Captures the log of a test's own thread, on which all of the test runs.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, Once};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

type Text = Arc<Mutex<Vec<u8>>>;

thread_local! {
    /// The log of this thread.
    static HERE: RefCell<Option<Text>> = const { RefCell::new(None) };
}

/// Collects the events of the crate on this thread until it is dropped.
pub struct Log(Text);

impl Log {
    /// One permanent subscriber serves all threads: with subscribers per thread, `tracing` may cache an
    /// event as disabled when a thread without one meets it first.
    pub fn listen() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            let lines = tracing_subscriber::fmt::layer().with_ansi(false);
            tracing_subscriber::registry()
                .with(lines.with_writer(|| Here))
                .with(Targets::new().with_target("tower_heroku_sso", LevelFilter::DEBUG))
                .init();
        });
        let text = Text::default();
        HERE.set(Some(Arc::clone(&text)));
        Self(text)
    }

    /// The lines that contain all these parts.
    pub fn with(&self, parts: &[&str]) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned();
        let has_all = |line: &&str| parts.iter().all(|part| line.contains(part));
        text.lines().filter(has_all).map(str::to_owned).collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        HERE.set(None);
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.with(&[])).finish()
    }
}

/// Writes to the log of the thread that it is used on, if that has one.
struct Here;

impl io::Write for Here {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        HERE.with_borrow(|text| {
            if let Some(text) = text {
                text.lock().unwrap().extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
