//! What ends a command and everything it started, however this program ends.
//!
//! A signal to the group of a command reaches nobody who has left the group, and this program cannot send any when it
//! is killed itself. So a shell stands beside each command, in a group of its own. Its input is a pipe that only this
//! program has open for writing: when that ends, it kills the group, and those who have left it. They are known by a
//! mark in their environment, on systems whose `/proc` shows that.

use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The mark of a command and of everything that it started, in their environment.
const MARK: &str = "PORTSIM_AGENT";

/// Reads the number of the group, waits for the end of its input, and ends everybody.
const SCRIPT: &str = r#"
read -r group
while read -r _; do :; done
test -n "$group" && kill -s KILL -- "-$group"
for signal in TERM KILL KILL; do
    strays=$(grep -lsxz -- "PORTSIM_AGENT=$1" /proc/[0-9]*/environ)
    test -n "$strays" || exit 0
    for stray in $strays; do
        stray=${stray#/proc/}
        kill -s "$signal" "${stray%/environ}"
    done
    sleep 0.1
done
"#;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often is looked whether it is done.
const LOOK: Duration = Duration::from_millis(1);

/// The shell that stands beside a command.
pub struct Guard {
    shell: Child,
    input: Option<ChildStdin>,
}

impl Guard {
    /// Starts one for a command that is to be started: in a group of its own, and marked.
    pub fn start(command: &mut Command) -> io::Result<Guard> {
        let mark = mark();
        command.process_group(0).env(MARK, &mark);
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", SCRIPT, "portsim-guard", &mark]);
        shell.process_group(0).env_remove(MARK);
        shell.stdin(Stdio::piped());
        shell.stdout(Stdio::null()).stderr(Stdio::null());
        let mut shell = shell.spawn().map_err(|why| {
            io::Error::new(why.kind(), format!("the shell beside it, /bin/sh: {why}"))
        })?;
        let input = shell.stdin.take();
        Ok(Guard { shell, input })
    }

    /// Tells it the number of the command, which leads its group.
    pub fn watch(&mut self, group: u32) {
        if let Some(input) = &mut self.input {
            // Where it is gone already, the group is killed without it.
            let _ = writeln!(input, "{group}");
        }
    }

    /// Has it end everybody, and waits until it has.
    pub fn end(&mut self) {
        if self.input.take().is_none() {
            return;
        }
        let end = Instant::now() + PATIENCE;
        while matches!(self.shell.try_wait(), Ok(None)) {
            if Instant::now() >= end {
                let _ = self.shell.kill();
                let _ = self.shell.wait();
            }
            thread::sleep(LOOK);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// A mark that no other command has, of this program or of one that had its number before.
fn mark() -> String {
    static MARKS: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    let n = MARKS.fetch_add(1, Ordering::Relaxed);
    format!("{}-{n}-{}", std::process::id(), now.as_nanos())
}
