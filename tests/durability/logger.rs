//! A running multilog: its input, what it says, its end.

use crate::program::Program;
use crate::support::waiting::{PATIENCE, end_of, is_ready, look_until};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pipe2};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// A pipe, to be read from and to be written to.
pub fn pipe() -> (File, File) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).unwrap();
    (read.into(), write.into())
}

/// How many bytes are there to be read in a pipe or a socket.
pub fn waiting(input: &impl AsRawFd) -> usize {
    crate::support::waiting::unread(input)
}

/// Whether the file is to wait for what is not there yet.
pub fn set_blocking(file: &impl AsFd, is_blocking: bool) {
    let flags = if is_blocking { OFlag::empty() } else { OFlag::O_NONBLOCK };
    fcntl(file, FcntlArg::F_SETFL(flags)).unwrap();
}

/// All that can be read from the pipe without waiting.
pub fn rest_of(mut pipe: &File) -> Vec<u8> {
    set_blocking(&pipe, false);
    let mut rest = Vec::new();
    match pipe.read_to_end(&mut rest) {
        Err(error) if error.kind() != ErrorKind::WouldBlock => panic!("{error}"),
        _ => {}
    }
    set_blocking(&pipe, true);
    rest
}

/// A started multilog.
pub struct Logger {
    child: Child,
    ended: Option<i32>,
    error: File,
    said: Vec<u8>,
    /// How far `line` has come.
    heard: usize,
}

impl Logger {
    /// Starts it with this as standard input.
    pub fn start<W: AsRef<OsStr>>(program: &Program, place: &Path, actions: &[W], input: impl Into<Stdio>) -> Self {
        Self::spawn(program.command(place, actions), input)
    }

    /// The same; `enter` runs in the child right before the exec, with system calls only.
    pub fn prepared<W: AsRef<OsStr>>(
        program: &Program,
        place: &Path,
        actions: &[W],
        input: impl Into<Stdio>,
        enter: impl FnMut() -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let mut command = program.command(place, actions);
        // SAFETY: see above.
        unsafe { command.pre_exec(enter) };
        Self::spawn(command, input)
    }

    pub fn spawn(mut command: Command, input: impl Into<Stdio>) -> Self {
        let (error, says) = pipe();
        command.stdin(input).stdout(Stdio::null()).stderr(says);
        let child = command.spawn().unwrap();
        Self { child, ended: None, error, said: vec![], heard: 0 }
    }

    /// Runs it to its end and gives its exit code and what it and its processors have said.
    pub fn run<W: AsRef<OsStr>>(
        program: &Program,
        place: &Path,
        actions: &[W],
        input: impl Into<Stdio>,
    ) -> (i32, String) {
        let mut logger = Self::start(program, place, actions, input);
        (logger.code(), logger.rest())
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    pub fn send(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Sends it, and waits until the process has taken note of it and waits for something again.
    #[track_caller]
    pub fn tell(&self, signal: Signal) {
        self.send(signal);
        look_until("the signal is seen", || {
            let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
            let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
            let is_pending = |name| u64::from_str_radix(field(name), 16).unwrap() >> (signal as u64 - 1) & 1 == 1;
            !is_pending("ShdPnd:") && !is_pending("SigPnd:") && field("State:").starts_with(['S', 'Z'])
        });
    }

    /// Whether it waits for something.
    pub fn is_asleep(&self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        stat.rsplit(')').next().unwrap().trim_start().starts_with('S')
    }

    /// Kills it and waits for the end of it, but not of its processors.
    pub fn kill(&mut self) -> i32 {
        self.send(Signal::SIGKILL);
        self.code()
    }

    /// Waits for its end. Gives its exit code, or 1000 and the signal that killed it.
    #[track_caller]
    pub fn code(&mut self) -> i32 {
        if let Some(code) = self.ended {
            return code;
        }
        let is_ended = is_ready(end_of(self.pid()).as_fd(), PATIENCE);
        assert!(is_ended, "still running after a minute");
        *self.ended.insert(code_of(self.child.wait().unwrap()))
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap().map(code_of);
        }
        self.ended.is_none()
    }

    /// Waits for the next line that it or a processor says.
    #[track_caller]
    pub fn line(&mut self) -> String {
        loop {
            if let Some(length) = self.said[self.heard..].iter().position(|&byte| byte == b'\n') {
                let line = String::from_utf8_lossy(&self.said[self.heard..][..length]).into_owned();
                self.heard += length + 1;
                return line;
            }
            let heard = String::from_utf8_lossy(&self.said).into_owned();
            assert!(self.listen(), "it has ended without another line: {heard:?}");
        }
    }

    /// Waits until it and all of its processors have ended, and gives what they have said that `line` has not given.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        while self.listen() {}
        String::from_utf8_lossy(&self.said[std::mem::replace(&mut self.heard, self.said.len())..]).into_owned()
    }

    /// Takes in more of what is said. Gives false at its end.
    #[track_caller]
    fn listen(&mut self) -> bool {
        let start = Instant::now();
        let is_heard = is_ready(self.error.as_fd(), PATIENCE);
        assert!(is_heard, "no word for {:?}, after {:?}", start.elapsed(), String::from_utf8_lossy(&self.said));
        let mut room = [0; 4096];
        let count = self.error.read(&mut room).unwrap();
        self.said.extend_from_slice(&room[..count]);
        count > 0
    }
}

fn code_of(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 1000 + status.signal().unwrap())
}

/// A test that fails leaves no logger behind.
impl Drop for Logger {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
