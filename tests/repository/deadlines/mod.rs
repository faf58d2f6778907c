//! Every wait of the crate has a deadline, or a known end. The `.await`s are found in the syntax tree.
//!
//! An awaited call passes if it is
//! - a call of `within` or of another function with a deadline, or inside of one;
//! - a method of the store, which is [bounded](every_store_call_has_a_deadline) as a whole;
//! - a function of the crate, whose own `.await`s are checked;
//! - on the [list](UNBOUNDED), with what ends it.

mod awaits;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use syn::parse::{Parse, ParseStream};
use syn::{Expr, FnArg, Ident, ImplItem, Item, Lit, Token, Type};

use self::awaits::{Await, Functions};
use crate::catalogue;

/// The receivers that are a store or a part of one, always a `BoundedStore`.
const STORES: [&str; 5] = ["calls", "calls()", "shared", "store", "store()"];

/// The receivers of the crate's own types, whose methods are checked themselves.
const OWN: &[&str] = &[
    "PostgresStore",
    "Self",
    "SqliteStore",
    "UnsentRecord",
    "Watch",
    "attached",
    "attached()",
    "authorizer",
    "backend",
    "bearers",
    "builder",
    "calls",
    "client",
    "closed",
    "coordinator",
    "coordinator()",
    "database",
    "db",
    "directory",
    "directory()",
    "erasure",
    "fetcher",
    "fetching",
    "forms",
    "given",
    "lifecycle",
    "lifecycle()",
    "link",
    "lists",
    "manager",
    "members",
    "members()",
    "oauth",
    "observer",
    "of",
    "of()",
    "opened",
    "own",
    "queue",
    "reading",
    "record",
    "records",
    "redirects",
    "rejection_context",
    "renewing",
    "resolution",
    "rest",
    "self",
    "session",
    "sessions",
    "sign_out",
    "signed",
    "store",
    "stored",
    "sync",
    "to_look_up",
    "tokens",
    "transport",
    "turns",
    "used_forms",
    "values",
    "watch",
];

/// The crate's own modules whose functions are called with the name of the module.
const MODULES: [&str; 5] = [
    "absence",
    "clock",
    "consumed_forms",
    "people",
    "request_body",
];

/// Awaits without a deadline of their own: the file (or a folder), the function, the call, and what ends the
/// wait. `*` is every function, or every call.
const UNBOUNDED: &[(&str, &str, &str, &str)] = &[
    // Time itself.
    (
        "store/clock.rs",
        "sleep",
        "subscribe().wait_for",
        "a test's clock",
    ),
    (
        "store/clock.rs",
        "pause",
        "time.sleep",
        "the time that it says",
    ),
    (
        "gate/session_handle.rs",
        "ended",
        "clock.sleep",
        "what is left of the list",
    ),
    (
        "gate/session_handle.rs",
        "ended_after",
        "clock.sleep",
        "a second, before an upload is watched",
    ),
    (
        "session/values.rs",
        "save",
        "session.is_empty",
        "a lock within the request, held during calls of the store",
    ),
    (
        "session/sweep.rs",
        "sweep",
        "clock.sleep",
        "the period; in the background",
    ),
    (
        "store/sweep.rs",
        "run",
        "removal",
        "each of its calls has a deadline; in the background",
    ),
    (
        "session/last_seen.rs",
        "write_later",
        "clock.sleep",
        "the time in which a batch is collected; in the background",
    ),
    (
        "sync/changes.rs",
        "check_resource",
        "clock.sleep",
        "five seconds; for a reader of changes",
    ),
    (
        "sync/cluster/coordinator.rs",
        "leased",
        "clock.sleep",
        "a third of a lease, beside the work",
    ),
    (
        "sync/lifecycle/erase_person.rs",
        "erase_again",
        "clock.sleep",
        "until work that was in progress has ended; in the background",
    ),
    (
        "sync/worker.rs",
        "run",
        "clock.sleep",
        "until something is due; in the background",
    ),
    // Events that may never come: the task that waits for one has nothing else to do.
    (
        "gate/session_handle.rs",
        "ended",
        "closings.recv",
        "beside the time that the list leaves",
    ),
    (
        "gate/session_handle.rs",
        "ended",
        "changes.next",
        "beside the time that the list leaves",
    ),
    (
        "gate/session_layer.rs",
        "call",
        "inner.call",
        "the wrapped service",
    ),
    (
        "gate/user.rs",
        "ended",
        "future.pending",
        "a user that a test made has no access that could end",
    ),
    (
        "sync/changes.rs",
        "next",
        "events.recv",
        "for a reader of changes",
    ),
    (
        "sync/changes.rs",
        "into_stream",
        "changes.next",
        "for a reader of changes",
    ),
    (
        "sync/cluster/follow.rs",
        "follow",
        "future.pending",
        "no other process has anything to say",
    ),
    (
        "sync/cluster/follow.rs",
        "follow",
        "events.next",
        "in the background",
    ),
    (
        "sync/cluster/follow.rs",
        "next",
        "more.notified",
        "in the background",
    ),
    (
        "sync/worker.rs",
        "spawn",
        "stopped.wait_for",
        "the sync runs until then",
    ),
    (
        "sync/worker.rs",
        "run",
        "fetches.join_next",
        "in the background",
    ),
    (
        "sync/schedule/queue.rs",
        "earlier",
        "earlier.notified",
        "in the background",
    ),
    (
        "sync/decision/recheck_access.rs",
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
        "cached_health",
        "last.lock",
        "HEALTH, by the caller",
    ),
    (
        "keyed_lock.rs",
        "lock",
        "lock.lock_owned",
        "PARTNER_TURN or REGISTRATION_TURN, by the caller",
    ),
    (
        "gate/replay_body.rs",
        "read",
        "poll_fn",
        "OBSERVATION, by the caller",
    ),
    // Work of the crate in a task or a closure, whose own awaits are checked.
    (
        "gate/observer.rs",
        "ask",
        "work",
        "the work's own waits; no request waits for it",
    ),
    (
        "gate/observed_sign_in.rs",
        "open",
        "is_taken",
        "the response, which has OBSERVATION and takes the answer or drops it",
    ),
    (
        "session/manager.rs",
        "close",
        "tokio.spawn",
        "two calls of stores",
    ),
    (
        "session/unsent_record.rs",
        "create",
        "kept",
        "the sign-in's budget; in the background",
    ),
    (
        "session/unsent_record.rs",
        "create",
        "answer",
        "a call of the session store, or two",
    ),
    (
        "session/unsent_record.rs",
        "delete",
        "self.owner",
        "a call of the session store",
    ),
    (
        "sync/single_flight.rs",
        "join",
        "outcome.wait_for",
        "the work's own waits",
    ),
    (
        "sync/single_flight.rs",
        "join_or_start",
        "start",
        "the work's own waits",
    ),
    (
        "sync/cluster/coordinator.rs",
        "leased_in_turn",
        "look",
        "the work's own waits",
    ),
    (
        "sync/cluster/coordinator.rs",
        "leased",
        "doing",
        "the work's own waits",
    ),
    (
        "sync/run_to_completion.rs",
        "run_to_completion",
        "tokio.spawn",
        "the work's own waits",
    ),
    ("sync/tasks.rs", "spawn", "work", "the work's own waits"),
    (
        "sync/tasks.rs",
        "done",
        "0.closed",
        "the fetches, renewals and registrations under way",
    ),
    (
        "sync/worker.rs",
        "spawn",
        "tasks().done",
        "the fetches, renewals and registrations under way",
    ),
    (
        "sync/worker.rs",
        "shutdown",
        "self.task",
        "the fetches under way",
    ),
    (
        "sync/worker.rs",
        "spawn",
        "fetches.join_next",
        "the fetches under way",
    ),
    (
        "partner_api/webhook.rs",
        "receive_webhook",
        "LimitedBody.from_request",
        "REQUEST_BODY",
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
        "heroku/transport.rs",
        "deliver",
        "http.execute",
        "the client's timeouts",
    ),
    (
        "heroku/transport.rs",
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
        "store/postgres/deactivate.rs",
        "*",
        "*",
        "STORE_CALL, and DATABASE_CALL around each",
    ),
    (
        "store/postgres/people.rs",
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
        "a file; STORE_CALL; opening and reencrypting are the partner's to wait for",
    ),
];

/// The files that may name an unbounded store: those that bound it, and those that hand it to them.
const UNBOUNDED_STORES: [&str; 6] = [
    "config/database.rs",
    "heroku_sso/assemble.rs",
    "session/bounded.rs",
    "session/storage.rs",
    "store/bounded.rs",
    // The trait itself.
    "store/store.rs",
];

/// The folders with sources, and what the paths of their files begin with in the lists above.
const LIBRARIES: [(&str, &str); 2] = [("src", ""), ("store/src", "store/")];

fn parsed() -> Vec<(String, syn::File)> {
    let mut all = Vec::new();
    for (library, prefix) in LIBRARIES {
        let root = crate::root().join(library);
        let mut files = Vec::new();
        crate::architecture::collect(&root, &mut files);
        files.sort();
        let parse = |file: std::path::PathBuf| {
            let text = fs::read_to_string(&file).unwrap();
            let path = file.strip_prefix(&root).unwrap();
            let path = format!("{prefix}{}", path.to_str().unwrap().replace('\\', "/"));
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
            (path, parsed)
        };
        let parsed = files.into_iter().map(parse);
        all.extend(parsed.filter(|(path, file)| {
            !crate::is_test(&file.attrs) && !path.starts_with("store/conformance/")
        }));
    }
    all
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
    let traits = ["Store", "SessionRecords", "SharedStore"];
    let of_store = |of: &str| functions.traits[of].contains(&found.name);
    let is_of_store = STORES.contains(&receiver) && traits.into_iter().any(of_store);
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

/// The awaits of a source that nothing ends, and the entries of [`UNBOUNDED`] and [`OWN`] that it uses.
#[derive(Default)]
struct Verdict {
    unknown: Vec<String>,
    entries: BTreeSet<usize>,
    receivers: BTreeSet<String>,
}

impl Verdict {
    fn about(&mut self, path: &str, file: &syn::File, functions: &Functions) {
        for found in awaits::unbounded(file) {
            if let Some(entry) = is_listed(path, &found) {
                self.entries.insert(entry);
            } else if is_known_to_end(&found, functions) {
                self.receivers.insert(found.receiver);
            } else {
                let Await {
                    function,
                    receiver,
                    name,
                } = found;
                let what = format!("{path}: {function} awaits {receiver}.{name}");
                self.unknown.push(what);
            }
        }
    }
}

#[test]
fn every_external_await_has_a_deadline() {
    let files = parsed();
    let functions = functions(&files);
    let mut verdict = Verdict::default();
    for (path, file) in &files {
        verdict.about(path, file, &functions);
    }
    let Verdict {
        unknown,
        entries: used,
        receivers,
    } = verdict;
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

/// The async methods of the store's traits.
fn methods_of_the_store(functions: &Functions) -> BTreeSet<String> {
    let traits = ["Store", "SessionRecords", "SharedStore"].map(|name| &functions.traits[name]);
    traits.into_iter().flatten().cloned().collect()
}

/// `LIMIT name(…) -> …;` of each line of a `bounded!` block: the name, and the limit.
struct Bounded(Vec<(String, String)>);

impl Parse for Bounded {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut methods = Vec::new();
        while !input.is_empty() {
            let (limit, name): (Ident, Ident) = (input.parse()?, input.parse()?);
            let arguments;
            syn::parenthesized!(arguments in input);
            arguments.parse_terminated(FnArg::parse, Token![,])?;
            input.parse::<Token![->]>()?;
            input.parse::<Type>()?;
            input.parse::<Token![;]>()?;
            methods.push((name.to_string(), limit.to_string()));
        }
        Ok(Self(methods))
    }
}

/// Every method has a deadline, and no file outside of [`UNBOUNDED_STORES`] can call a store without it.
#[test]
fn every_store_call_has_a_deadline() {
    let files = parsed();
    let wanted = methods_of_the_store(&functions(&files));
    assert!(wanted.len() > 20, "{wanted:?}");
    let (_, bounded) = files
        .iter()
        .find(|(path, _)| path == "store/bounded.rs")
        .expect("where stores are bounded");
    let mut found = BTreeSet::new();
    let constants: BTreeSet<_> = constants().into_keys().collect();
    for item in &bounded.items {
        let Item::Impl(implementation) = item else {
            continue;
        };
        for item in &implementation.items {
            let ImplItem::Macro(block) = item else {
                continue;
            };
            assert!(block.mac.path.is_ident("bounded"));
            let Bounded(methods) = block.mac.parse_body().expect("a block of methods");
            for (name, limit) in methods {
                assert!(constants.contains(&limit), "{limit} of {name}");
                found.insert(name);
            }
        }
    }
    assert_eq!(found, wanted, "bounded, and to be bounded");
    let text = source("store/bounded.rs");
    let body = "answer($limit, stringify!($name), self.0.$name($($argument),*)).await";
    assert!(text.contains(body), "what `bounded!` makes of a method");
    // The fields are private, so no other file can reach the store inside.
    for field in [
        "BoundedStore(Arc<dyn Store>)",
        "BoundedSessions<'a>(&'a dyn SessionRecords)",
        "BoundedShared<'a>(&'a dyn SharedStore)",
    ] {
        assert!(text.contains(field), "{field}");
    }
    let unbounded = [
        "dyn Store>",
        "dyn Store,",
        "dyn SessionRecords",
        "dyn SharedStore",
        "dyn SessionStore",
    ];
    for (path, _) in &files {
        let text = source(path);
        let code = text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let is_named = unbounded.iter().any(|named| line.contains(named));
            let may = UNBOUNDED_STORES.contains(&&**path);
            let is_of_trait = line.contains("fn shared(") || line.contains("fn sessions(");
            let is_in_a_store = path.starts_with("store/") && is_of_trait;
            assert!(!is_named || may || is_in_a_store, "{path}: {line}");
        }
    }
}

#[test]
fn suite_hangs_each_method_of_the_store() {
    let files = parsed();
    let functions = functions(&files);
    let suite = fs::read_to_string(crate::root().join("tests/suite/deadlines.rs")).unwrap();
    let (_, list) = suite.split_once("const METHODS: &[&str] = &[").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let tried = list.split('"').skip(1).step_by(2).map(str::to_owned);
    assert_eq!(tried.collect::<BTreeSet<_>>(), functions.traits["Store"]);
}

fn source(path: &str) -> String {
    let found = LIBRARIES.iter().find_map(|(library, prefix)| {
        let path = path.strip_prefix(prefix)?;
        fs::read_to_string(crate::root().join(library).join(path)).ok()
    });
    found.unwrap_or_else(|| panic!("there is no {path}"))
}

/// The deadlines, as the table of `SECURITY.md` has them: `5 s`, `10 min`, `0.8`.
fn constants() -> BTreeMap<String, String> {
    let files = ["deadlines.rs", "store/deadlines.rs"].map(|path| syn::parse_file(&source(path)));
    let items = files.iter().flat_map(|file| &file.as_ref().unwrap().items);
    let constants = items.filter_map(|item| match item {
        Item::Const(constant) => Some((constant.ident.to_string(), value(&constant.expr))),
        _ => None,
    });
    constants.collect()
}

fn value(expression: &Expr) -> String {
    let number = |literal: &Lit| match literal {
        Lit::Int(number) => number.base10_parse::<u64>().unwrap(),
        _ => panic!("no whole number"),
    };
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Float(share) => share.to_string(),
            whole => in_words(number(whole)),
        },
        Expr::Call(call) => value(&call.args[0]),
        Expr::Binary(product) => match (&*product.left, &*product.right) {
            (Expr::Lit(a), Expr::Lit(b)) => in_words(number(&a.lit) * number(&b.lit)),
            _ => panic!("no product of two numbers"),
        },
        _ => panic!("no deadline"),
    }
}

fn in_words(seconds: u64) -> String {
    match seconds % 60 {
        0 if seconds > 60 => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}

/// The rows of the table: what is waited for, the deadline, what happens then, the tests.
fn rows() -> Vec<[String; 4]> {
    let text = fs::read_to_string(crate::root().join("SECURITY.md")).unwrap();
    let (_, table) = text.split_once("## Deadlines").expect("the table");
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| {
        let cells: Vec<_> = line.split('|').map(|it| it.trim().to_owned()).collect();
        let [_, what, deadline, then, tests, _] = <[String; 6]>::try_from(cells).ok()?;
        Some([what, deadline, then, tests])
    });
    rows.skip(2).collect()
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn deadline_table_has_each_constant_value_and_test() {
    let (constants, rows) = (constants(), rows());
    assert!(constants.len() > 15 && rows.len() > 15);
    let mut named = BTreeSet::new();
    for [what, deadline, _, tests] in &rows {
        for name in quoted(deadline) {
            // Names in lower case are settings.
            if !name.chars().all(|c| c.is_ascii_uppercase() || c == '_') {
                continue;
            }
            let value = constants.get(name);
            let value = value.unwrap_or_else(|| panic!("{what}: there is no {name}"));
            assert!(deadline.contains(&**value), "{what}: {name} is {value}");
            named.insert(name.to_owned());
        }
        for test in quoted(tests) {
            assert!(catalogue::is_there(test), "{what}: no test `{test}`");
        }
        let says_why = tests.starts_with("none: ");
        assert!(says_why || tests.contains('`'), "{what} has no test");
    }
    let all: BTreeSet<_> = constants.into_keys().collect();
    assert_eq!(named, all, "in the table, and there");
}

#[test]
fn timeouts_are_made_in_clock_rs_only() {
    for (path, _) in parsed() {
        let direct = source(&path).contains("time::timeout");
        assert!(
            !direct || path == "store/clock.rs",
            "{path}: clock::within instead"
        );
    }
}

#[test]
fn only_unbounded_awaits_are_found() {
    let functions = functions(&parsed());
    let unknown = |body: &str| {
        let text = format!("impl X {{ async fn f(&self) {{ {body} }} }}");
        let file = syn::parse_file(&text).unwrap();
        let mut verdict = Verdict::default();
        verdict.about("somewhere.rs", &file, &functions);
        verdict.unknown
    };
    for waits in [
        "self.lock.lock().await;",
        "self.http.execute(request).await?;",
        "self.unknown.load(id).await?;",
        "let waiting = self.rows.recv(); waiting.await;",
        "let a = self.rows.recv(); let b = a; b.await;",
        "if x { y.collect().await } else { z }",
        "let found = outside(); found.await;",
        "given.await;",
        "let all = async { self.rows.recv().await }; self.store.get(id).await?;",
        "tokio::select! { _ = self.rows.recv() => {}, () = self.end(x) => {} }",
        "tokio::select! { _ = self.end(x) => { self.rows.recv().await; } }",
        "clock::within(LIMIT, async { tokio::spawn(async { self.rows.recv().await }); }).await;",
        "api.addon.deprovision(resource).await;",
        "self.0.get(id).await;",
    ] {
        assert_eq!(unknown(waits).len(), 1, "{waits}: {:?}", unknown(waits));
    }
    for ends in [
        "self.store.get(id).await?;",
        "clock::within(LIMIT, self.rows.recv()).await;",
        "budget.within(self.rows.recv()).await;",
        "clock::within(LIMIT, async { self.rows.recv().await }).await;",
        "let waiting = clock::within(LIMIT, self.rows.recv()); waiting.await;",
        "self.directory.entry(id).await?;",
        "let given = async { self.store.get(id).await }; given.await;",
    ] {
        assert_eq!(unknown(ends), [""; 0], "{ends}");
    }
    let hidden = std::panic::catch_unwind(|| unknown("join!(self.rows.recv().await);"));
    assert!(hidden.is_err(), "an await in a macro");
    let value = |text: &str| value(&syn::parse_str(text).unwrap());
    assert_eq!(value("Duration::from_secs(5 * 60)"), "5 min");
    assert_eq!(value("Duration::from_secs(60)"), "60 s");
    assert_eq!(value("0.8"), "0.8");
}
