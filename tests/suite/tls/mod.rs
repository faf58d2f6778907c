//! Heroku over TLS, on loopback. The environment determines the trusted authority, so each test runs itself
//! again in a process with its own environment.

mod front;
#[cfg(feature = "http2")]
mod goaway;
mod trust;

use std::process::Command;

const AUTHORITY: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/suite/tls/certificates/authority.pem"
);

/// Runs the body of the named test in a process that trusts only the tests' authority.
fn where_the_authority_is_trusted(test: &str, body: impl Future<Output = ()>) {
    if std::env::var("SSL_CERT_FILE").is_ok_and(|file| file == AUTHORITY) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        return runtime.enable_all().build().unwrap().block_on(body);
    }
    let itself = std::env::current_exe().unwrap();
    let mut command = Command::new(itself);
    let command = command.args(["--exact", test, "--nocapture"]);
    let output = command
        .env("SSL_CERT_FILE", AUTHORITY)
        .env_remove("SSL_CERT_DIR");
    let output = output.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
