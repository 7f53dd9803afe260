//! A running readproctitle, with a pipe to feed it and a look at its arguments.

use crate::support::waiting::{look_until, unread};
use crate::support::{Installed, peer};
use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Whose program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Reference,
    Ours,
}

/// The reference, where it is installed, and ours.
pub fn both(installed: &Installed) -> Vec<(Side, PathBuf)> {
    let reference = peer("readproctitle").map(|file| (Side::Reference, file));
    reference.into_iter().chain([(Side::Ours, installed.applet("readproctitle"))]).collect()
}

/// A process that shows what it reads.
pub struct Title {
    child: Child,
    input: Option<File>,
    /// So that it can be seen when all that was written has been read.
    other_side: File,
}

impl Title {
    /// Starts a call, with this in its standard input already.
    pub fn start(mut command: Command, first: &[u8]) -> Self {
        let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let mut input = File::from(writer);
        input.write_all(first).unwrap();
        let other_side = File::from(reader.try_clone().unwrap());
        command.stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let title = Self { child, input: Some(input), other_side };
        title.rest();
        title
    }

    /// Its end of the pipe, whose flags it shares.
    pub fn standard_input(&self) -> BorrowedFd<'_> {
        self.other_side.as_fd()
    }

    /// A file of /proc about it.
    pub fn proc(&self, name: &str) -> std::io::Result<Vec<u8>> {
        std::fs::read(format!("/proc/{}/{name}", self.child.id()))
    }

    /// Feeds it, and waits until it waits for more.
    pub fn write(&mut self, bytes: &[u8]) {
        self.feed(bytes);
        self.rest();
    }

    /// Feeds it, without waiting for anything.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Waits until it ends though its input has not. Gives its exit code.
    pub fn wait(mut self) -> i32 {
        code(self.child.wait().unwrap())
    }

    /// Waits until it has read all and sleeps: what it has done with one part is done before it waits for the next.
    fn rest(&self) {
        look_until("it has read all and sleeps", || unread(&self.other_side) == 0 && self.sleeps());
    }

    /// In a read of standard input; before that, its first step, it might sleep in its start-up.
    fn sleeps(&self) -> bool {
        let status = self.proc("stat").unwrap();
        let end = status.iter().rposition(|&byte| byte == b')').unwrap();
        status[end..].starts_with(b") S") && self.awaits_input() != Some(false)
    }

    /// Whether it is in a system call for descriptor 0 or for a poll of it; `None` where the kernel does not tell.
    fn awaits_input(&self) -> Option<bool> {
        let call = String::from_utf8(self.proc("syscall").ok()?).ok()?;
        let mut words = call.split(' ');
        let number: libc::c_long = words.next()?.parse().ok()?;
        let poll = [Some(libc::SYS_ppoll), poll_number()].contains(&Some(number));
        Some(poll || (number == libc::SYS_read && words.next() == Some("0x0")))
    }

    /// Its arguments, as ps finds them, without the NUL that ends the last.
    pub fn shown(&self) -> Vec<u8> {
        let mut line = self.proc("cmdline").unwrap();
        assert_eq!(line.pop(), Some(0));
        line
    }

    /// Ends its input. Gives its exit code.
    pub fn finish(mut self) -> i32 {
        self.input = None;
        code(self.child.wait().unwrap())
    }
}

impl Drop for Title {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// poll(2), where it is a system call.
fn poll_number() -> Option<libc::c_long> {
    #[cfg(target_arch = "x86_64")]
    return Some(libc::SYS_poll);
    #[cfg(not(target_arch = "x86_64"))]
    None
}

/// An exit code, or 1000 and the signal that killed it.
pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 1000 + status.signal().unwrap())
}
