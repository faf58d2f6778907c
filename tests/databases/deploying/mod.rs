//! Runs the commands of DEPLOYING.md in order, as a reader would.

mod role;

use std::process::Command;

use heroku_sso_store::Store;
use support::ids::AddOnExt as _;
use tempfile::TempDir;
use tower_heroku_sso::store::{EncryptionKey, EncryptionKeys, SqliteStore};

use crate::fleet::Fleet;
use crate::place::{Place, Postgres, Sqlite};

/// The blocks of the page that are marked as shell commands, without the indentation of a list.
fn commands() -> Vec<String> {
    let page = support::root().join("DEPLOYING.md");
    let page = std::fs::read_to_string(page).unwrap();
    let mut blocks = Vec::new();
    let mut block: Option<Vec<&str>> = None;
    for line in page.lines().map(str::trim_start) {
        match (&mut block, line) {
            (None, "```sh") => block = Some(Vec::new()),
            (Some(lines), "```") => {
                blocks.push(lines.join("\n"));
                block = None;
            }
            (Some(lines), line) => lines.push(line),
            (None, _) => {}
        }
    }
    blocks
}

#[tokio::test]
async fn commands_of_deploying_md_run_in_order() {
    let commands = commands();
    assert!(commands.len() >= 7, "{commands:#?}");
    let all = commands.join("\n");
    for part in [
        "head -c 32",
        "psql",
        "reencrypt",
        "pg_dump",
        ".backup",
        ".restore",
    ] {
        assert!(all.contains(part), "{part}");
    }

    // A used database of an add-on, with the fleet's key.
    let fleet = Fleet::on_postgres(1).await;
    let addon = fleet.addon().await;
    fleet.signed_in(0, &addon, "ann@example.com").await;
    let sqlite = Sqlite::new().await;
    drop(sqlite.open().await);

    let folder = TempDir::new().unwrap();
    let restored = Postgres::new().await;
    let restored_file = folder.path().join("restored.db");
    // The key of the first block is for a new database; this one exists.
    let known = format!("TOKEN_ENCRYPTION_KEY={}", crate::fleet::KEY);
    let reencrypt = support::example::built("reencrypt");
    let mut script = String::from("set -euo pipefail\n");
    for (index, block) in commands.iter().enumerate() {
        // Already built: cargo inside cargo would wait for its lock.
        let run = block.replace(
            "cargo run --quiet --example reencrypt --features postgres,sqlite",
            &reencrypt.display().to_string(),
        );
        script.push_str(&run);
        script.push('\n');
        if index == 0 {
            script.push_str("[ ${#TOKEN_ENCRYPTION_KEY} = 44 ]\n");
            script.push_str(&known);
            script.push('\n');
        }
    }
    script.push_str("printf %s \"$TOKEN_ENCRYPTION_KEY\" >key\n");
    let output = Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .env("DATABASE_URL", &fleet.database)
        .env("SQLITE_FILE", sqlite.file())
        .env("RESTORED_DATABASE_URL", &restored.url)
        .env("RESTORED_SQLITE_FILE", &restored_file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{complained}");
    // One resource is active with a list; one was reencrypted, the second run reencrypts none.
    assert!(said.contains("active"), "{said}");
    assert!(said.contains("reencrypted 1\n"), "{said}");
    assert!(said.contains("reencrypted 0\n"), "{said}");
    let dump = std::fs::read_to_string(folder.path().join("sso.sql")).unwrap();
    assert!(dump.contains(&addon.resource_id().to_string()));
    assert!(!dump.contains("HRKU-"), "tokens are encrypted");
    let backup = std::fs::read(folder.path().join("sso-backup.db")).unwrap();
    assert!(backup.starts_with(b"SQLite format 3"));
    // The restored database has the same content, under the last key.
    let key = String::from_utf8(std::fs::read(folder.path().join("key")).unwrap()).unwrap();
    let keys = || EncryptionKeys::new(EncryptionKey::from_base64(key.trim()).unwrap());
    let there = restored.open_with(keys()).await.unwrap();
    let resource = there.get(&addon.resource_id()).await.unwrap().unwrap();
    assert!(resource.tokens.is_some());
    drop(SqliteStore::open(&restored_file, keys()).await.unwrap());
}
