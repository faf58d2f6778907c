//! A child process that ends with its test, also if the test fails.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, thread};

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::ChildStdout;
use tokio::time::timeout;

/// A start takes well under a second; a busy machine gets more.
pub const START: Duration = Duration::from_secs(30);

pub struct Process {
    child: Child,
    /// Kept open, as a process may exit when it cannot write.
    said: Lines<BufReader<ChildStdout>>,
    log: std::path::PathBuf,
}

impl Process {
    /// Starts it, with stderr in a file of this directory.
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

    /// Waits until it prints a line with this beginning, and returns the rest of the line.
    pub async fn says(&mut self, beginning: &str) -> String {
        let line = self.says_or_exits(beginning).await;
        line.unwrap_or_else(|| panic!("a process exited before it printed `{beginning}`"))
    }

    /// The same; none if it exits without such a line.
    pub async fn says_or_exits(&mut self, beginning: &str) -> Option<String> {
        let line = async {
            while let Some(line) = self.said.next_line().await.unwrap() {
                if let Some(rest) = line.strip_prefix(beginning) {
                    return Some(rest.trim().to_owned());
                }
            }
            None
        };
        let line = timeout(START, line).await;
        line.unwrap_or_else(|_| panic!("no line `{beginning}` within {START:?}"))
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it with SIGKILL, unless it has exited.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// What each of its threads waits for in the kernel, for a process that does not respond. Empty where
    /// there is no `/proc`.
    fn threads(&self) -> String {
        let threads = fs::read_dir(format!("/proc/{}/task", self.id()));
        let threads = threads.into_iter().flatten().flatten();
        let lines = threads.map(|thread| {
            let read = |file| fs::read_to_string(thread.path().join(file)).unwrap_or_default();
            let (name, state, call) = (read("comm"), read("stat"), read("syscall"));
            let state = state.rsplit_once(") ").map_or("", |(_, rest)| rest);
            let state = state.get(..1).unwrap_or_default();
            format!(
                "{} {state} {} {}\n",
                name.trim(),
                read("wchan"),
                call.trim()
            )
        });
        lines.collect()
    }

    /// Its stderr so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let threads = thread::panicking().then(|| self.threads());
        self.kill();
        if let Some(threads) = threads {
            eprintln!("--- {}\n{threads}{}", self.log.display(), self.log());
        }
    }
}
