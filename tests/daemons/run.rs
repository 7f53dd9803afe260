//! A started command: its exit code, what it says, and the voice and the life that all processes of it have (ground.rs).
#![allow(dead_code, reason = "what is here is shared by several modules")]

use crate::ground::{LIFE, VOICE};
use crate::support::waiting::{PATIENCE, has_ended_within, is_ready};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, pipe2};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// A started command.
pub struct Run {
    child: Child,
    ended: Option<i32>,
    output: File,
    error: File,
    said: [Vec<u8>; 2],
    voice: File,
    heard: Vec<u8>,
    life: Option<OwnedFd>,
}

impl Run {
    /// Starts it with pipes as standard output and error, and a pipe for voice and one for life.
    pub fn new(command: Command) -> Self {
        Self::with(command, || Ok(()))
    }

    /// The same; `enter` runs in the child right before the exec, with system calls only.
    pub fn with(mut command: Command, enter: impl Fn() -> nix::Result<()> + Send + Sync + 'static) -> Self {
        let [(output, says), (error, complains), (voice, speaks), (lives, life)] =
            std::array::from_fn(|_| pipe2(OFlag::O_CLOEXEC).unwrap());
        for pipe in [&output, &error] {
            fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
        }
        command.stdin(Stdio::null()).stdout(says).stderr(complains);
        let given = [speaks.as_raw_fd(), lives.as_raw_fd()];
        // SAFETY: system calls only.
        unsafe {
            command.pre_exec(move || give(given).and_then(|()| enter()).map_err(std::io::Error::from));
        }
        let child = command.spawn().unwrap();
        // it holds the ends that the child has
        drop((command, speaks, lives));
        let [output, error, voice] = [output, error, voice].map(File::from);
        Self { child, ended: None, output, error, said: [vec![], vec![]], voice, heard: vec![], life: Some(life) }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Waits for the foreground's end. Gives its exit code, or 1000 and the signal that killed it.
    pub fn code(&mut self) -> i32 {
        if let Some(code) = self.ended {
            return code;
        }
        let has_ended = has_ended_within(self.pid(), PATIENCE);
        assert!(has_ended, "still waiting after a minute; it has said {:?}", self.stderr());
        let status = self.child.wait().unwrap();
        let code = status.code().unwrap_or_else(|| 1000 + status.signal().unwrap());
        self.ended = Some(code);
        code
    }

    /// Whether the foreground has returned.
    pub fn has_returned(&mut self) -> bool {
        self.ended.is_some() || self.child.try_wait().unwrap().is_some()
    }

    /// What has been said so far on standard error.
    pub fn stderr(&mut self) -> String {
        take(&mut self.error, &mut self.said[1])
    }

    /// What has been said so far on standard output.
    pub fn stdout(&mut self) -> String {
        take(&mut self.output, &mut self.said[0])
    }

    /// Waits for the next line that the daemon reports.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.heard.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                return String::from_utf8_lossy(&line[..end]).into_owned();
            }
            assert!(self.listen(), "all has ended without another line; it has said {:?}", self.stderr());
        }
    }

    /// The process id that `serve` says.
    pub fn serving(&mut self) -> Pid {
        let line = self.line();
        Pid::from_raw(line.strip_prefix("serving ").unwrap_or_else(|| panic!("{line:?}")).parse().unwrap())
    }

    /// Lets the daemon go.
    pub fn let_go(&mut self) {
        self.life = None;
    }

    /// Waits until all processes of the chain have ended. Gives what they have reported besides.
    pub fn rest(&mut self) -> String {
        while self.listen() {}
        String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned()
    }

    /// Lets the daemon go and waits for the end of all.
    pub fn finish(&mut self) -> String {
        self.let_go();
        self.rest()
    }

    /// Asserts that the foreground has ended with this, and that it has left no process.
    #[track_caller]
    pub fn assert_failed(&mut self, context: &str, code: i32, says: &str) {
        let seen = self.code();
        assert_eq!((seen, self.stderr().as_str()), (code, says), "{context}");
        assert_eq!(self.rest(), "", "{context}: nothing is left, and nothing has run");
        assert_eq!(self.stderr(), says, "{context}: afterwards");
    }

    /// Writes to who reads from the life.
    pub fn tell(&self, line: &str) {
        nix::unistd::write(self.life.as_ref().unwrap(), format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits until this is on standard output.
    pub fn wait_for_output(&mut self, text: &str) {
        let start = Instant::now();
        while !self.stdout().contains(text) {
            assert!(start.elapsed() < PATIENCE, "not on standard output: {text}");
            // ready, or at its end: then the next look at the clock tells
            is_ready(self.output.as_fd(), PATIENCE);
        }
    }

    /// Takes in more of the voice. Gives false at its end.
    fn listen(&mut self) -> bool {
        assert!(
            is_ready(self.voice.as_fd(), PATIENCE),
            "no word and no end for a minute; it has said {:?}",
            self.stderr()
        );
        let mut room = [0; 4096];
        let count = self.voice.read(&mut room).unwrap();
        self.heard.extend_from_slice(&room[..count]);
        count > 0
    }
}

/// Whoever still has the voice is killed, so that a test leaves nobody behind however it ends.
impl Drop for Run {
    fn drop(&mut self) {
        self.life = None;
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let pipe = fs::read_link(format!("/proc/self/fd/{}", self.voice.as_raw_fd())).unwrap_or_default();
        for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
            let path = entry.path();
            let is_ours = fs::read_link(path.join(format!("fd/{VOICE}"))).is_ok_and(|file| file == pipe);
            // what has begun as a program of its own: while another test forks, its child has what this process has
            let is_program = fs::read_link(path.join("exe")).ok() != fs::read_link("/proc/self/exe").ok();
            // only what may write
            let info = fs::read_to_string(path.join(format!("fdinfo/{VOICE}"))).unwrap_or_default();
            let writes = info.lines().any(|line| line.starts_with("flags:") && line.ends_with('1'));
            if let (true, true, true, Ok(pid)) =
                (is_ours, writes, is_program, entry.file_name().to_string_lossy().parse())
            {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
        }
    }
}

fn take(pipe: &mut File, said: &mut Vec<u8>) -> String {
    // up to where nothing is there
    let _ = pipe.read_to_end(said);
    String::from_utf8_lossy(said).into_owned()
}

/// In the child: voice and life under their numbers, nothing else that the exec would leave open, and no signal ignored, as
/// those from a keyboard are where a shell has started the tests in the background.
fn give(given: [RawFd; 2]) -> nix::Result<()> {
    const ABOVE: RawFd = 100;
    let mut aside = given;
    // SAFETY: numbers of descriptors, in a process that is about to exec.
    unsafe {
        for number in &mut aside {
            *number = Errno::result(libc::fcntl(*number, libc::F_DUPFD_CLOEXEC, ABOVE))?;
        }
        // a kernel before 5.11 does not know it: then the tests have to be started without further descriptors
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        for signal in 1..=64 {
            // refused for those that cannot be ignored
            libc::signal(signal, libc::SIG_DFL);
        }
        for (from, to) in aside.into_iter().zip([VOICE, LIFE]) {
            Errno::result(libc::dup2(from, to))?;
        }
    }
    Ok(())
}
