//! Runs a filter: with all of its input at once, or bit by bit with a look at what comes out.

use crate::support::waiting::{self, PATIENCE, look_until};
use crate::support::{Installed, peer};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, setrlimit};
use nix::unistd::pipe2;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

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
        let input = self.input.as_ref().unwrap();
        look_until("the filter has read it", || waiting::unread(input) == 0);
    }

    /// Waits until this many bytes have come out, and gives them.
    pub fn read(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < count {
            assert!(
                self.has_output(PollTimeout::try_from(PATIENCE).unwrap()),
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

/// A pipe that nobody reads any more.
pub fn unread() -> OwnedFd {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC).unwrap();
    drop(reader);
    // a program that another test is just starting has the other side, too, up to its exec
    let mut watched = [PollFd::new(writer.as_fd(), PollFlags::empty())];
    loop {
        match poll(&mut watched, PollTimeout::try_from(PATIENCE).unwrap()) {
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
