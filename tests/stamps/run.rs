//! Runs a filter: with all of its input at once, or bit by bit with a look at what comes out.

use crate::support::{Installed, peer};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::pipe2;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Far more than anything here takes, even on a loaded machine.
const LIMIT: Duration = Duration::from_secs(60);

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
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// The reference, where it is installed, and ours.
pub fn both(installed: &Installed, name: &str) -> Vec<Program> {
    let reference = peer(name).map(|file| Program { side: Side::Reference, file });
    reference.into_iter().chain([ours(installed, name)]).collect()
}

pub fn ours(installed: &Installed, name: &str) -> Program {
    Program { side: Side::Ours, file: installed.applet(name) }
}

impl Program {
    /// A call in the zone `UTC0`, with nothing else in the environment.
    pub fn call<S: AsRef<std::ffi::OsStr>>(&self, words: &[S]) -> Command {
        let mut command = Command::new(&self.file);
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin").env("TZ", "UTC0");
        // SAFETY: a system call; where the reference crashes no file is to be left of it.
        unsafe {
            command.pre_exec(|| setrlimit(Resource::RLIMIT_CORE, 0, 0).map_err(std::io::Error::from));
        }
        command
    }

    /// What becomes of this input, without arguments.
    pub fn filtered(&self, input: &[u8]) -> Ended {
        fed(self.call::<&str>(&[]), input)
    }

    /// The same, in another zone, or in none. Asserts that it goes well.
    pub fn filtered_in(&self, zone: Option<&str>, input: &[u8]) -> Vec<u8> {
        let mut call = self.call::<&str>(&[]);
        match zone {
            Some(zone) => call.env("TZ", zone),
            None => call.env_remove("TZ"),
        };
        let ended = fed(call, input);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{self:?} in {zone:?}");
        ended.stdout
    }
}

/// Runs a call with this as standard input, in a file.
pub fn fed(mut command: Command, input: &[u8]) -> Ended {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(input).unwrap();
    file.rewind().unwrap();
    let output = command.stdin(file).output().unwrap();
    Ended {
        code: code(output.status),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

pub fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 1000 + status.signal().unwrap())
}

/// A running filter with a pipe on either side.
pub struct Filter {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
}

impl Filter {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Puts this into the pipe.
    pub fn write(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// The same, and returns when the filter has taken it.
    pub fn write_and_wait(&mut self, bytes: &[u8]) {
        self.write(bytes);
        let start = Instant::now();
        let input = self.input.as_ref().unwrap();
        loop {
            let mut left: libc::c_int = 0;
            // SAFETY: the kernel stores one number.
            Errno::result(unsafe { libc::ioctl(input.as_raw_fd(), libc::FIONREAD, &raw mut left) }).unwrap();
            if left == 0 {
                return;
            }
            // no event tells the writer of a pipe that it is empty
            assert!(start.elapsed() < LIMIT, "the filter does not read");
            std::thread::yield_now();
        }
    }

    /// Waits until this many bytes have come out, and gives them.
    pub fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            assert!(
                self.has_output(PollTimeout::try_from(LIMIT).unwrap()),
                "only {:?}",
                bytes.escape_ascii().to_string()
            );
            let mut room = vec![0; count - bytes.len()];
            let got = self.output.read(&mut room).unwrap();
            assert!(got > 0, "the end after {:?}", bytes.escape_ascii().to_string());
            bytes.extend_from_slice(&room[..got]);
        }
        bytes
    }

    /// Whether something has come out that was not read.
    pub fn has_output(&self, within: PollTimeout) -> bool {
        let mut watched = [PollFd::new(self.output.as_fd(), PollFlags::POLLIN)];
        loop {
            match poll(&mut watched, within) {
                Err(Errno::EINTR) => {}
                answer => return answer.unwrap() > 0,
            }
        }
    }

    /// Ends the input. Gives what is left to read, and the exit code.
    pub fn finish(mut self) -> (Vec<u8>, i32) {
        self.input = None;
        let mut rest = Vec::new();
        self.output.read_to_end(&mut rest).unwrap();
        (rest, code(self.child.wait().unwrap()))
    }
}

/// A pseudo-random sequence, the same in every run.
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }

    pub fn within(&mut self, range: std::ops::Range<i64>) -> i64 {
        range.start + (i128::from(self.number()) % (i128::from(range.end) - i128::from(range.start))) as i64
    }

    /// Puts them into another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(last + 1);
            all.swap(last, other);
        }
    }
}

/// A pipe that nobody reads any more.
pub fn unread() -> OwnedFd {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    drop(reader);
    // a program that another test is just starting has the other side, too, up to its exec
    let mut watched = [PollFd::new(writer.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut watched, PollTimeout::try_from(LIMIT).unwrap()) {
            Err(Errno::EINTR) => {}
            answer => break assert_eq!(answer, Ok(1)),
        }
    }
    writer
}

/// Writes to `/dev/full` fail, for want of room.
pub fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}
