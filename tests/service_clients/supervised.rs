//! A service that a real supervise runs, and that says what it gets.

use crate::service::Service;
use crate::support::waiting::look_until;
use crate::support::write_script;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{Signal, killpg};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use std::cell::RefCell;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What `run` is unless it is there: it says `up` and every signal that it gets into a FIFO, and goes on. TERM ends it.
const RUN: &str = "#!/bin/sh
say() { echo \"$1\" > heard; }
for signal in HUP ALRM INT QUIT USR1 USR2 WINCH; do trap \"say $signal\" $signal; done
trap 'say TERM; exit 3' TERM
say up
while :; do sleep 1000 & wait $!; done
";

/// A supervise and its service. Both are killed when the test is over: they share a process group, if the service has no
/// session of its own.
pub struct Supervised {
    child: Child,
    heard: OwnedFd,
    text: RefCell<String>,
}

impl Supervised {
    /// Has `supervise`, whosever it is, run this service.
    pub fn start(supervise: &Path, service: &Service) -> Self {
        let heard = service.file("heard");
        mkfifo(&heard, Mode::from_bits_truncate(0o600)).unwrap();
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let heard = open(&heard, flags, Mode::empty()).unwrap();
        if !service.file("run").exists() {
            write_script(&service.file("run"), RUN);
        }
        let mut command = Command::new(supervise);
        command.arg(service.path()).env_clear().env("PATH", "/usr/bin:/bin").process_group(0);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let supervised = Self { child, heard, text: RefCell::default() };
        let ok = service.file("supervise/ok");
        look_until("supervise is there", || {
            open(&ok, OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty()).is_ok()
        });
        supervised
    }

    /// Waits until the service has said this.
    #[track_caller]
    pub fn hear(&self, word: &str) {
        let line = format!("{word}\n");
        let mut text = self.text.borrow_mut();
        look_until(&format!("the service says {word}"), || {
            let mut room = [0; 512];
            match nix::unistd::read(&self.heard, &mut room) {
                Ok(count) => text.push_str(std::str::from_utf8(&room[..count]).unwrap()),
                Err(Errno::EAGAIN) => {}
                Err(reason) => panic!("{reason}"),
            }
            text.contains(&line)
        });
        let place = text.find(&line).unwrap();
        text.drain(..place + line.len());
    }

    /// Kills supervise, but not its service.
    #[track_caller]
    pub fn kill_alone(&mut self) {
        self.child.kill().unwrap();
        // it is left to be waited for, so that its group goes by the same number
        look_until("supervise is dead", || crate::run::has_ended_within(&self.child, std::time::Duration::ZERO));
    }

    /// Waits until supervise itself has ended.
    #[track_caller]
    pub fn wait_for_end(&mut self) {
        look_until("supervise has ended", || self.child.try_wait().unwrap().is_some());
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        let group = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        // the group may be there still when supervise is not
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Waits until the status file is so. Gives pid, paused and want.
#[track_caller]
pub fn until(service: &Service, what: &str, is_so: impl Fn(u32, u8, u8) -> bool) -> u32 {
    let mut pid = 0;
    look_until(what, || {
        let Ok(bytes) = fs::read(service.file("supervise/status")) else { return false };
        if bytes.len() < 18 {
            return false;
        }
        pid = u32::from_le_bytes(bytes[12..16].try_into().unwrap());
        is_so(pid, bytes[16], bytes[17])
    });
    pid
}
