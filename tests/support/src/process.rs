//! A process that lives as long as its test, also if that fails.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::timeout;

/// Starting takes well under a second; a busy machine gets more.
pub const START: Duration = Duration::from_secs(30);

pub struct Process {
    child: Child,
    /// Kept open: a process that cannot write any more may end.
    said: Lines<BufReader<ChildStdout>>,
    log: std::path::PathBuf,
}

impl Process {
    /// Starts it, with what it writes to stderr in a file of this directory.
    pub fn start(command: &mut Command, directory: &Path) -> std::io::Result<Self> {
        let program = Path::new(command.get_program());
        let log = program.file_name().unwrap_or_default();
        let log = directory.join(log).with_extension("log");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.stderr(File::create(&log)?).spawn()?;
        let stdout = child.stdout.take().expect("it is piped");
        let said = BufReader::new(ChildStdout::from_std(stdout)?).lines();
        Ok(Self { child, said, log })
    }

    /// Waits until it prints a line that begins so, and returns the rest of that line.
    pub async fn says(&mut self, beginning: &str) -> String {
        let line = async {
            while let Some(line) = self.said.next_line().await.unwrap() {
                if let Some(rest) = line.strip_prefix(beginning) {
                    return rest.trim().to_owned();
                }
            }
            panic!("a process ended before it said `{beginning}`");
        };
        let line = timeout(START, line).await;
        line.unwrap_or_else(|_| panic!("no line `{beginning}` within {START:?}"))
    }

    /// Its number at the system, for those who look at it from outside.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it with SIGKILL, unless it has ended already.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What it has written to stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- {}\n{}", self.log.display(), self.log());
        }
    }
}
