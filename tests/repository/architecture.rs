//! Checks the structure of the libraries `src` and `store/src`: the direction of imports, the files that name a
//! foreign crate, the length of files.

use std::fs;
use std::path::{Path, PathBuf};

/// A library whose structure is checked.
struct Library {
    sources: &'static str,
    /// The modules, from the core outward. A module may import itself and those above it.
    inward: &'static [&'static str],
    /// Where a foreign crate may be named, as path prefixes below the sources. A crate that is not listed may
    /// be named anywhere.
    homes: &'static [(&'static str, &'static [&'static str])],
}

const STORE: Library = Library {
    sources: "store/src",
    inward: &[
        "error_chain",
        "log_target",
        "invalid_value",
        "clock",
        "deadlines",
        "ids",
        "tokens",
        "people",
        "attached_people",
        "resource_list",
        "sequence",
        "replay_key",
        "store_error",
        "session_key",
        "absence",
        "record",
        "session_record",
        "shared",
        "store",
        "encryption",
        "migrations",
        "column",
        "sweep",
        "memory",
        "sqlite",
        "postgres",
        "conformance",
    ],
    homes: &[
        ("base64", &["encryption.rs"]),
        ("chacha20poly1305", &["encryption.rs"]),
        ("hex", &["encryption.rs", "session_key.rs"]),
        ("sha2", &["encryption.rs", "session_key.rs"]),
        (
            "sqlx",
            &["column.rs", "migrations.rs", "postgres/", "sqlite/"],
        ),
    ],
};

const GATE: Library = Library {
    sources: "src",
    inward: &[
        // Of the store's crate.
        "clock",
        "error_chain",
        "deadlines",
        "expiring_map",
        "keyed_lock",
        "lifespan",
        "secret",
        "meter",
        "jwt",
        "request_body",
        "access",
        "webhook",
        "sso",
        "heroku",
        "store",
        "audit",
        "sync",
        "readiness",
        "config",
        "session",
        "gate",
        "assertion",
        "extract",
        "handles",
        "partner_api",
        "routes",
        "heroku_sso",
        "fuzzing",
    ],
    homes: &[
        (
            "axum",
            &[
                "extract.rs",
                "gate/original_uri.rs",
                "heroku_sso/mod.rs",
                "gate/replay_body.rs",
                "partner_api/",
                "routes/",
            ],
        ),
        (
            "base64",
            &[
                "gate/signed_link.rs",
                "partner_api/basic_auth.rs",
                "sso/addon_sso.rs",
                "webhook/signature.rs",
            ],
        ),
        ("cookie", &["gate/cookies/"]),
        (
            "arc_swap",
            &["sync/state/entry.rs", "sync/state/streams.rs"],
        ),
        ("dashmap", &["sync/"]),
        (
            "fastrand",
            &["audit/request_id.rs", "gate/cookies/return_to.rs", "sync/"],
        ),
        ("futures_util", &["sync/changes.rs"]),
        ("hex", &["sso/", "webhook/settings.rs"]),
        ("hmac", &["gate/signed_link.rs", "webhook/signature.rs"]),
        ("heroku_sso_assertion", &["assertion/", "jwt.rs"]),
        (
            "maud",
            &[
                "gate/html_page.rs",
                "gate/rejection_page.rs",
                "gate/sign_out.rs",
                "routes/whoami.rs",
            ],
        ),
        ("memchr", &["gate/cookies/format.rs"]),
        ("metrics", &["meter.rs"]),
        ("reqwest", &["heroku/"]),
        ("sha1", &["sso/token.rs"]),
        ("quick_cache", &["session/cache.rs", "webhook/seen.rs"]),
        (
            "sha2",
            &[
                "gate/cookies/return_to.rs",
                "config/enforcement.rs",
                "gate/signed_link.rs",
                "session/values.rs",
                "sso/token.rs",
                "webhook/",
            ],
        ),
        ("subtle", &["sso/"]),
        ("tower_sessions", &["session/"]),
    ],
};

/// The most lines of a file.
const LONG: usize = 400;

struct Source {
    /// Below the sources of its library, with `/` between the parts.
    path: String,
    code: String,
}

impl Source {
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap();
        first.strip_suffix(".rs").unwrap_or(first)
    }
}

impl Library {
    /// Every file, without its comments and without the tests at its end.
    fn files(&self) -> Vec<Source> {
        let root = crate::root().join(self.sources);
        let mut files = Vec::new();
        collect(&root, &mut files);
        assert!(files.len() > 40, "{} was not found", self.sources);
        let read = |file: &PathBuf| {
            let text = fs::read_to_string(file).unwrap();
            let path = file.strip_prefix(&root).unwrap();
            Source {
                path: path.to_str().unwrap().replace('\\', "/"),
                code: code_of(&text),
            }
        };
        files.iter().map(read).collect()
    }
}

/// The lines before the tests at the end, without comments. A declaration such as `#[cfg(test)] mod tests;`
/// is not the end, as code follows it.
fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = code.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

pub(crate) fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The identifiers that follow `before` in `code`, as whole words.
fn named_after<'a>(code: &'a str, before: &str) -> Vec<&'a str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let places = code.match_indices(before);
    let places = places.filter(|(at, _)| !code[..*at].ends_with(|c| is_word(c) || c == ':'));
    places
        .map(|(at, _)| {
            let rest = &code[at + before.len()..];
            &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())]
        })
        .collect()
}

#[test]
fn imports_go_inward_only() {
    for library in [STORE, GATE] {
        for source in library.files() {
            if source.path == "lib.rs" {
                continue;
            }
            let own = source.module();
            for module in named_after(&source.code, "crate::") {
                let place = |name| library.inward.iter().position(|known| *known == name);
                let (own, named) = (place(own), place(module));
                let allowed = named.is_some() && named <= own;
                assert!(allowed, "{} names crate::{module}", source.path);
            }
        }
    }
}

#[test]
fn foreign_crates_are_named_only_where_listed() {
    for library in [STORE, GATE] {
        for source in library.files() {
            for (foreign, homes) in library.homes {
                let at_home = homes.iter().any(|home| source.path.starts_with(home));
                let word = format!("{foreign}::");
                let named = source.code.match_indices(&word).any(|(at, _)| {
                    let before = &source.code[..at];
                    !before.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                });
                assert!(at_home || !named, "{} names {foreign}", source.path);
            }
        }
    }
}

#[test]
fn the_wall_clock_is_read_in_one_place() {
    for source in [STORE, GATE].iter().flat_map(Library::files) {
        let reads = [
            "now_utc()",
            "SystemTime",
            "Instant::now",
            "tokio::time::sleep",
        ];
        let found = reads.iter().find(|read| source.code.contains(**read));
        assert!(
            found.is_none() || source.path == "clock.rs",
            "{} uses {found:?}",
            source.path
        );
    }
}

/// An attacker could guess these values piece by piece if the time of a comparison depended on them, so
/// `subtle` and `hmac` compare them. The files that see them have no other `==`.
#[test]
fn a27_digests_and_passwords_are_compared_in_constant_time() {
    let compared_by = [
        ("sso/verify.rs", "expected(salt.expose()).ct_eq(&digest)"),
        (
            "sso/token.rs",
            "Sha256::digest(a).ct_eq(&Sha256::digest(b))",
        ),
        (
            "partner_api/basic_auth.rs",
            "equal_in_constant_time(&credentials, &expected.concat())",
        ),
        ("webhook/signature.rs", "verify_slice(&signature)"),
    ];
    let sources = GATE.files();
    for (path, comparison) in compared_by {
        let source = sources.iter().find(|source| source.path == path).unwrap();
        assert!(source.code.contains(comparison), "{path}");
        for line in source.code.lines().filter(|line| line.contains("==")) {
            // A setting, which is no secret.
            assert!(line.contains("self.policy =="), "{path}: {line}");
        }
    }
}

#[test]
fn guide_module_contains_only_markdown() {
    let sources = GATE.files();
    let files: Vec<_> = sources
        .iter()
        .filter(|source| source.module() == "guide")
        .collect();
    let [chapters] = files[..] else {
        panic!("chapters are Markdown: {}", files.len())
    };
    let mut lines = chapters.code.lines().filter(|line| !line.is_empty());
    let other = lines.find(|line| {
        let is_chapter = line.starts_with("pub mod ") && line.ends_with(" {}");
        !is_chapter && !line.starts_with("#[doc = include_str!(")
    });
    assert_eq!(other, None);
}

#[test]
fn no_source_file_exceeds_400_lines() {
    for library in [STORE, GATE] {
        for source in library.files() {
            let file = crate::root().join(library.sources).join(&source.path);
            let lines = fs::read_to_string(file).unwrap().lines().count();
            assert!(lines <= LONG, "{} has {lines} lines", source.path);
        }
    }
}

#[test]
fn sources_are_read_without_comments_and_tests() {
    assert_eq!(
        named_after("use crate::gate::X; crate::sso::y", "crate::"),
        ["gate", "sso"]
    );
    assert!(named_after("xcrate::gate", "crate::").is_empty());
    let file = "//! x\n#[cfg(test)]\nmod tests;\nuse a;\n#[cfg(test)]\nmod tests {\nuse b;\n}\n";
    assert_eq!(code_of(file), "#[cfg(test)]\nmod tests;\nuse a;");
    let ids = STORE
        .files()
        .into_iter()
        .find(|source| source.path == "ids.rs")
        .unwrap();
    assert_eq!(ids.module(), "ids");
    assert!(!ids.code.contains("//!"));
}
