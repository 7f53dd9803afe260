//! Runs a program to its end, or lets it run while a test looks at it. None gets more than a minute.

use crate::support::is_root;
use crate::support::waiting::{self, PATIENCE, look_until};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// Whose program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Reference,
    Ours,
}

/// A program under test.
#[derive(Clone, Debug)]
pub struct Program {
    pub side: Side,
    pub file: PathBuf,
}

/// What became of a program: its exit code, or 1000 and the signal that killed it, and all it wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// With this code and these two texts.
    pub fn with(code: i32, stdout: &str, stderr: &str) -> Self {
        Self { code, stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }

    /// Without a word.
    pub fn silent(code: i32) -> Self {
        Self::with(code, "", "")
    }
}

pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 1000 + status.signal().unwrap())
}

/// A program that runs. It is killed when the test is over.
pub struct Running {
    pub child: Child,
    stdout: File,
    stderr: File,
}

/// Starts it; what it writes goes into files.
pub fn start(command: &mut Command) -> Running {
    let [stdout, stderr] = [tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap()];
    command.stdin(Stdio::null()).stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    Running { child: command.spawn().unwrap(), stdout, stderr }
}

/// Runs it to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    start(command).finish()
}

/// Has the program run without the rights of root.
pub fn unprivileged(command: &mut Command) -> &mut Command {
    const NOBODY: u32 = 65534;
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

impl Running {
    /// Waits for its end.
    #[track_caller]
    pub fn finish(mut self) -> Ended {
        wait_for_end(&self.child);
        let code = code(self.child.wait().unwrap());
        Ended { code, stdout: content(&mut self.stdout), stderr: content(&mut self.stderr) }
    }

    /// Whether it still runs.
    pub fn is_running(&self) -> bool {
        !has_ended_within(&self.child, Duration::ZERO)
    }

    /// What it has written so far.
    pub fn output(&self) -> String {
        so_far(&self.stdout)
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        so_far(&self.stderr)
    }

    /// Waits until it sleeps in poll(2), or has ended.
    #[track_caller]
    pub fn wait_for_sleep(&self) {
        wait_for_sleep(&self.child);
    }

    /// How often it has given the processor away of its own accord.
    pub fn sleeps(&self) -> u64 {
        sleeps(&self.child)
    }

    /// Waits for its end and gives how often it has slept until then.
    #[track_caller]
    pub fn sleeps_at_end(&self) -> u64 {
        wait_for_end(&self.child);
        self.sleeps()
    }
}

/// Waits until a program sleeps in poll(2), or has ended.
#[track_caller]
pub fn wait_for_sleep(child: &Child) {
    /// poll and ppoll on x86-64, ppoll on aarch64.
    const POLLS: [&str; 3] = ["7", "271", "73"];
    let read = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap_or_default();
    look_until("the program sleeps", || {
        let call = read("syscall");
        // in a page fault the number is another one, that of the fault; but what waits there is not to be woken by a signal
        let sleeps = || read("stat").rsplit_once(") ").is_some_and(|(_, fields)| fields.starts_with('S'));
        let is_poll = call.split(' ').next().is_some_and(|number| POLLS.contains(&number));
        is_poll && sleeps() || has_ended_within(child, Duration::ZERO)
    });
}

/// How often a program has given the processor away of its own accord: how often it has been woken, and once more.
pub fn sleeps(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    line.trim().parse().unwrap()
}

/// What is in a file that a program goes on writing: it shares the place with this side, which is left alone.
fn so_far(file: &File) -> String {
    let mut bytes = vec![0; usize::try_from(file.metadata().unwrap().len()).unwrap()];
    let count = file.read_at(&mut bytes, 0).unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

fn content(file: &mut File) -> String {
    file.rewind().unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until it has ended, and leaves it to be waited for.
#[track_caller]
fn wait_for_end(child: &Child) {
    assert!(has_ended_within(child, PATIENCE), "still running after a minute");
}

/// Whether it ends within so long. It is left to be waited for.
pub fn has_ended_within(child: &Child, limit: Duration) -> bool {
    waiting::has_ended_within(Pid::from_raw(child.id().try_into().unwrap()), limit)
}
