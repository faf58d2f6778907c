//! Everything that the crate waits for outside of itself has a deadline: its `.await`s are found in the
//! syntax tree, and each must be of a kind that is known to end, or on the list below.
//!
//! What is awaited passes if it is
//! - a call of `within` or of another function that gives up, or stands inside of one;
//! - a method of the store, which is [bounded](the_store_is_reached_through_its_deadlines) as a whole;
//! - a function of the crate's own, in which the same holds;
//! - on the [list](UNBOUNDED), with what ends it.

mod awaits;

use std::collections::BTreeSet;
use std::fs;

use self::awaits::{Await, Functions};

/// The names by which the store and what it shares are held: a [`BoundedStore`] each.
const STORES: [&str; 3] = ["shared", "store", "store()"];

/// The names by which what is the crate's own is held, and whose methods are looked at themselves.
const OWN: &[&str] = &[
    "HerokuUser",
    "PartnerTurns",
    "Self",
    "SqliteStore",
    "turnstile",
    "asking_team",
    "bearers",
    "client",
    "closed",
    "clone()",
    "db",
    "directory",
    "fetching",
    "keeper",
    "of()",
    "receiver",
    "renewing",
    "resolution",
    "schedule",
    "self",
    "sessions",
    "signed",
    "sso",
    "store",
    "stored",
    "sync",
    "team",
    "to_look_up",
    "used_forms",
    "visitor",
    "watch",
];

/// The crate's own modules whose functions are named by them.
const MODULES: [&str; 4] = ["absence", "clock", "request_body", "used"];

/// What is awaited without a deadline of its own: the file (or a folder), the function, what is called, and
/// what ends it. `*` is every function, or every call.
const UNBOUNDED: &[(&str, &str, &str, &str)] = &[
    // Time itself.
    (
        "clock.rs",
        "sleep",
        "subscribe().wait_for",
        "a test's clock",
    ),
    ("clock.rs", "pause", "time.sleep", "the time that it says"),
    (
        "gate/visit.rs",
        "ended",
        "clock.sleep",
        "what is left of the list",
    ),
    (
        "session/sweep.rs",
        "sweep",
        "clock.sleep",
        "the period; in the background",
    ),
    (
        "sync/change.rs",
        "look",
        "clock.sleep",
        "five seconds; for a reader of changes",
    ),
    (
        "sync/lease.rs",
        "leased",
        "clock.sleep",
        "a third of a lease, beside the work",
    ),
    (
        "sync/resync.rs",
        "run",
        "clock.sleep",
        "until something is due; in the background",
    ),
    // Words that may never come: nothing else is to be done by whoever waits for them.
    (
        "gate/visit.rs",
        "ended",
        "closings.recv",
        "beside the time that the list leaves",
    ),
    (
        "gate/visit.rs",
        "ended",
        "changes.next",
        "beside the time that the list leaves",
    ),
    (
        "sync/change.rs",
        "next",
        "notices.recv",
        "for a reader of changes",
    ),
    (
        "sync/change.rs",
        "into_stream",
        "changes.next",
        "for a reader of changes",
    ),
    (
        "sync/follow.rs",
        "follow",
        "future.pending",
        "no other process has anything to say",
    ),
    (
        "sync/follow.rs",
        "follow",
        "notices.next",
        "in the background",
    ),
    (
        "sync/follow.rs",
        "next",
        "more.notified",
        "in the background",
    ),
    (
        "sync/resync.rs",
        "spawn_sync",
        "stopped.wait_for",
        "the sync runs until then",
    ),
    (
        "sync/resync.rs",
        "run",
        "fetches.join_next",
        "in the background",
    ),
    (
        "sync/schedule.rs",
        "earlier",
        "earlier.notified",
        "in the background",
    ),
    (
        "sync/watch.rs",
        "next",
        "0.changed",
        "beside the time that the list leaves",
    ),
    // Locks.
    (
        "gate/used_forms.rs",
        "turn",
        "lock.lock_owned",
        "the sign-in's budget",
    ),
    (
        "routes/health.rs",
        "health_of_late",
        "last.lock",
        "HEALTH, by the caller",
    ),
    (
        "sync/partner_turns.rs",
        "wait",
        "lock.lock_owned",
        "PARTNER_TURN, by the caller",
    ),
    // Work of the crate's own in a task or a closure, whose waits are looked at where they stand.
    (
        "session/sessions.rs",
        "close",
        "tokio.spawn",
        "two calls of stores",
    ),
    (
        "sync/flight.rs",
        "join",
        "landing.wait_for",
        "the work's own waits",
    ),
    (
        "sync/flight.rs",
        "under_way_or",
        "start",
        "the work's own waits",
    ),
    (
        "sync/lease.rs",
        "leased_in_turn",
        "look",
        "the work's own waits",
    ),
    ("sync/lease.rs", "leased", "doing", "the work's own waits"),
    (
        "sync/unbroken.rs",
        "unbroken",
        "tokio.spawn",
        "the work's own waits",
    ),
    (
        "sync/resync.rs",
        "shutdown",
        "self.task",
        "the fetches under way",
    ),
    (
        "sync/resync.rs",
        "spawn_sync",
        "fetches.join_next",
        "the fetches under way",
    ),
    // The partner's.
    (
        "partner_api/routes.rs",
        "authenticate",
        "next.run",
        "the routes of this file",
    ),
    (
        "partner_api/routes.rs",
        "partners",
        "method",
        "the partner alone: see SECURITY.md",
    ),
    // Heroku. The client itself gives up: HEROKU_CONNECT, HEROKU_READ, `heroku_timeout`.
    (
        "heroku/client.rs",
        "deliver",
        "http.execute",
        "the client's timeouts",
    ),
    (
        "heroku/client.rs",
        "read_capped",
        "response.chunk",
        "the client's timeouts",
    ),
    // Databases. The methods of the store are bounded as a whole, by STORE_CALL and STORE_PAGE.
    (
        "store/migrations.rs",
        "migrator",
        "Migrator.new",
        "what is in memory",
    ),
    (
        "store/postgres/absence.rs",
        "*",
        "*",
        "STORE_CALL, and DATABASE_CALL around each",
    ),
    (
        "store/postgres/leave.rs",
        "*",
        "*",
        "STORE_CALL, and DATABASE_CALL around each",
    ),
    (
        "store/postgres/connect.rs",
        "connect_with",
        "acquire_timeout().connect_with",
        "DATABASE_CONNECTION",
    ),
    (
        "store/postgres/migrate.rs",
        "*",
        "*",
        "DATABASE_MIGRATION around it",
    ),
    (
        "store/sqlite/",
        "*",
        "*",
        "a file; STORE_CALL; opening and sealing anew are the partner's to wait for",
    ),
];

fn parsed() -> Vec<(String, syn::File)> {
    let root = crate::root().join("src");
    let mut files = Vec::new();
    crate::architecture::collect(&root, &mut files);
    files.sort();
    let parse = |file: std::path::PathBuf| {
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(&root).unwrap();
        let path = path.to_str().unwrap().replace('\\', "/");
        let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        (path, parsed)
    };
    files.into_iter().map(parse).collect()
}

fn functions(files: &[(String, syn::File)]) -> Functions {
    let mut functions = Functions::default();
    for (_, file) in files {
        functions.read(file);
    }
    functions
}

fn is_known_to_end(found: &Await, functions: &Functions) -> bool {
    let receiver = found.receiver.as_str();
    let of_store = |of: &str| functions.traits[of].contains(&found.name);
    let is_of_store = STORES.contains(&receiver) && (of_store("Store") || of_store("SharedStore"));
    let is_free = receiver.is_empty() || MODULES.contains(&receiver);
    let is_own = match is_free {
        true => functions.free.contains(&found.name),
        false => OWN.contains(&receiver) && functions.methods.contains(&found.name),
    };
    is_of_store || is_own
}

fn is_listed(path: &str, found: &Await) -> Option<usize> {
    UNBOUNDED.iter().position(|(file, function, call, _)| {
        let is_file = match file.ends_with('/') {
            true => path.starts_with(file),
            false => path == *file,
        };
        let called = format!("{}.{}", found.receiver, found.name);
        let is_call = *call == "*" || called.trim_start_matches('.') == *call;
        is_file && (*function == "*" || found.function == *function) && is_call
    })
}

#[test]
fn every_wait_for_something_outside_ends() {
    let files = parsed();
    let functions = functions(&files);
    let (mut unknown, mut used) = (Vec::new(), BTreeSet::new());
    let mut receivers = BTreeSet::new();
    for (path, file) in &files {
        for found in awaits::unbounded(file) {
            if let Some(entry) = is_listed(path, &found) {
                used.insert(entry);
            } else if is_known_to_end(&found, &functions) {
                receivers.insert(found.receiver);
            } else {
                let Await {
                    function,
                    receiver,
                    name,
                } = found;
                unknown.push(format!("{path}: {function} awaits {receiver}.{name}"));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "without a deadline, and on no list:\n{}",
        unknown.join("\n")
    );
    let unused = (0..UNBOUNDED.len()).filter(|entry| !used.contains(entry));
    let unused: Vec<_> = unused.map(|entry| UNBOUNDED[entry]).collect();
    assert!(
        unused.is_empty(),
        "on the list, and awaited nowhere: {unused:?}"
    );
    let unused: Vec<_> = OWN
        .iter()
        .filter(|own| !receivers.contains(**own))
        .collect();
    assert!(
        unused.is_empty(),
        "called own, and called nowhere: {unused:?}"
    );
}
