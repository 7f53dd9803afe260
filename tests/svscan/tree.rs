//! A tree that has been started: a warden (warden.rs), the programs below it, and what the test holds of them.
#![allow(dead_code, reason = "what is here is shared by several modules")]

use crate::ground::{Ground, LIFE, VOICE};
use crate::processes::{self, Process};
use crate::support::waiting::{PATIENCE, look_for};
use crate::voice::{Voice, is_ready};
use crate::warden::{self, CONTROL, Report};
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::{Pid, pipe2};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub struct Tree<'a> {
    pub ground: &'a Ground,
    pub voice: Voice,
    /// The svscan that was started last.
    pub svscan: i32,
    warden: Child,
    control: Option<OwnedFd>,
    life: Option<OwnedFd>,
    ended: BTreeMap<i32, i32>,
    is_empty: bool,
}

impl<'a> Tree<'a> {
    /// A tree of nothing yet. All that is started in it has these variables and a plain PATH.
    pub fn new(ground: &'a Ground, variables: &[(&str, &str)]) -> Self {
        let name = ground.at(warden::NAME);
        if !name.exists() {
            symlink(std::fs::read_link("/proc/self/exe").unwrap(), &name).unwrap();
        }
        let (voice, speaks) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let (lives, life) = pipe2(OFlag::O_CLOEXEC).unwrap();
        let (control, controlled) =
            socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC).unwrap();
        let messages = File::options().append(true).open(ground.at("messages")).unwrap();
        let mut command = Command::new(name);
        command.env_clear().env("PATH", "/usr/bin:/bin").envs(ground.way.variables()).envs(variables.iter().copied());
        command.current_dir(ground.at("service"));
        command.stdin(Stdio::null()).stdout(messages.try_clone().unwrap()).stderr(messages);
        let given = [(&controlled, CONTROL), (&speaks, VOICE), (&lives, LIFE)];
        let given = given.map(|(descriptor, number)| (descriptor.as_raw_fd(), number));
        // SAFETY: system calls only.
        unsafe {
            command.pre_exec(move || give(given).map_err(std::io::Error::from));
        }
        let warden = command.spawn().unwrap();
        let (control, life) = (Some(control), Some(life));
        Self {
            ground,
            voice: Voice::new(voice),
            svscan: 0,
            warden,
            control,
            life,
            ended: BTreeMap::new(),
            is_empty: true,
        }
    }

    /// Starts svscan on the directory of services.
    pub fn start_svscan(&mut self) -> i32 {
        let program = self.ground.program("svscan");
        let directory = self.ground.at("service");
        self.svscan = self.run(&[program.to_str().unwrap(), directory.to_str().unwrap()]);
        self.svscan
    }

    /// Starts svscan by lines of a shell's, in which `"$@"` is its command.
    pub fn start_svscan_by(&mut self, lines: &str) -> i32 {
        let program = self.ground.program("svscan");
        let directory = self.ground.at("service");
        self.svscan = self.run(&["/bin/sh", "-c", lines, "sh", program.to_str().unwrap(), directory.to_str().unwrap()]);
        self.svscan
    }

    /// Starts a program. Gives its process id.
    #[track_caller]
    pub fn run(&mut self, words: &[&str]) -> i32 {
        let request: String = words.iter().map(|word| format!("{word}\0")).collect();
        let control = self.control.as_ref().unwrap();
        send(control.as_raw_fd(), request.as_bytes(), MsgFlags::empty()).unwrap();
        loop {
            match self.report(PATIENCE).expect("the warden answers") {
                Report::Started(pid) => {
                    self.is_empty = false;
                    let pid =
                        pid.unwrap_or_else(|reason| panic!("{words:?}: {}", std::io::Error::from_raw_os_error(reason)));
                    // an earlier one may have had the number
                    self.ended.remove(&pid);
                    return pid;
                }
                other => self.keep(other),
            }
        }
    }

    /// Waits for the end of what [`Self::run`] has started. Gives its exit code, or 1000 and the signal that killed it.
    #[track_caller]
    pub fn code(&mut self, pid: i32) -> i32 {
        let start = Instant::now();
        loop {
            if let Some(&code) = self.ended.get(&pid) {
                return code;
            }
            let report = self.report(PATIENCE.saturating_sub(start.elapsed()));
            self.keep(report.unwrap_or_else(|| panic!("{:?} does not end: {:#?}", processes::argv(pid), self.shown())));
        }
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self, pid: i32) -> bool {
        while let Some(report) = self.report(Duration::ZERO) {
            self.keep(report);
        }
        self.ended.contains_key(&pid)
    }

    /// Waits until no process is left of all that was started.
    #[track_caller]
    pub fn is_gone(&mut self) {
        let start = Instant::now();
        while !self.is_empty {
            let report = self.report(PATIENCE.saturating_sub(start.elapsed()));
            self.keep(report.unwrap_or_else(|| panic!("not all has ended: {:#?}", self.shown())));
        }
    }

    /// Sends a signal to svscan.
    pub fn signal(&self, signal: Signal) {
        signal_to(self.svscan, signal);
    }

    /// Asks for the end of all, as an init does, and waits for it: exit code 0, and nothing left.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        assert_eq!(self.code(self.svscan), 0, "{}", self.ground.messages());
        self.is_gone();
    }

    /// Waits until the service has said `NAME WORD PID` for the `nth` time, counted from 1. Gives the process id.
    #[track_caller]
    pub fn hears(&mut self, said: &str, nth: usize) -> i32 {
        self.voice.until(&format!("{said}, {nth} times"), |lines| {
            let mut found = lines.iter().filter_map(|line| line.strip_prefix(said)?.strip_prefix(' ')?.parse().ok());
            found.nth(nth - 1)
        })
    }

    /// Waits until all these have said that they are up.
    #[track_caller]
    pub fn all_up<T: AsRef<str>>(&mut self, names: &[T]) {
        for name in names {
            self.hears(&format!("{} up", name.as_ref()), 1);
        }
    }

    /// Whether a service says within this time that it is up.
    pub fn is_up_within(&mut self, name: &str, within: Duration) -> bool {
        let said = format!("{name} up ");
        self.voice.hears_within(within, |line| line.starts_with(&said))
    }

    /// Lets go of the life that services read from.
    pub fn let_go(&mut self) {
        self.life = None;
    }

    /// All processes of the tree but the warden.
    pub fn processes(&self) -> Vec<Process> {
        processes::descendants(self.warden.id() as i32)
    }

    /// All processes that look like a supervise.
    pub fn supervises(&self) -> Vec<Process> {
        let mut all = self.processes();
        all.retain(|process| processes::argv(process.pid).first().is_some_and(|word| word == "supervise"));
        all
    }

    /// The supervise of a service, `NAME` or `NAME/log`, if there is one.
    pub fn supervise(&self, name: &str) -> Option<i32> {
        self.supervise_in(self.ground.identity(name))
    }

    /// The supervise that works in this directory.
    pub fn supervise_in(&self, identity: (u64, u64)) -> Option<i32> {
        let mut all = self.supervises().into_iter().map(|process| process.pid);
        all.find(|&pid| processes::directory(pid) == Some(identity))
    }

    /// Waits for the supervise of a service.
    #[track_caller]
    pub fn wait_for_supervise(&self, name: &str) -> i32 {
        look_for(&format!("supervise {name}"), || self.supervise(name))
    }

    /// Waits for a supervise of a service that is not this one.
    #[track_caller]
    pub fn wait_for_successor(&self, name: &str, former: i32) -> i32 {
        look_for(&format!("another supervise {name}"), || self.supervise(name).filter(|&pid| pid != former))
    }

    /// What runs, for a message.
    pub fn shown(&self) -> Vec<String> {
        let all = self.processes().into_iter();
        all.map(|it| format!("{} {} below {}: {}", it.pid, it.state, it.parent, processes::argv(it.pid).join(" ")))
            .collect()
    }

    fn keep(&mut self, report: Report) {
        match report {
            Report::Ended(pid, code) => drop(self.ended.insert(pid, code)),
            Report::Empty => self.is_empty = true,
            Report::Started(_) => panic!("{report:?} without a request"),
        }
    }

    fn report(&self, within: Duration) -> Option<Report> {
        let control = self.control.as_ref().unwrap();
        let mut packet = [0; 100];
        let length =
            is_ready(control.as_fd(), within).then(|| recv(control.as_raw_fd(), &mut packet, MsgFlags::empty()));
        let length = length?.unwrap();
        assert!(length > 0, "the warden has gone");
        Some(Report::read(std::str::from_utf8(&packet[..length]).unwrap()))
    }
}

/// The warden ends all that is left when the socket is closed. A test that has failed shows what there is first.
impl Drop for Tree<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{:#?}\nheard: {:?}\nmessages:\n{}", self.shown(), self.voice.lines(), self.ground.messages());
        }
        self.control = None;
        self.life = None;
        let code = self.warden.wait();
        if !std::thread::panicking() {
            assert!(code.unwrap().success());
        }
    }
}

/// Sends a signal to a process.
#[track_caller]
pub fn signal_to(pid: i32, signal: Signal) {
    assert!(pid > 1);
    kill(Pid::from_raw(pid), signal).unwrap();
}

/// In the child: the descriptors under their numbers. First all go further up, as one could be another's number.
fn give(given: [(RawFd, RawFd); 3]) -> nix::Result<()> {
    const ABOVE: RawFd = 100;
    let mut moved = given;
    for (descriptor, _) in &mut moved {
        // SAFETY: numbers only.
        *descriptor = nix::errno::Errno::result(unsafe { libc::fcntl(*descriptor, libc::F_DUPFD_CLOEXEC, ABOVE) })?;
    }
    for (descriptor, number) in moved {
        // SAFETY: numbers only.
        nix::errno::Errno::result(unsafe { libc::dup2(descriptor, number) })?;
    }
    Ok(())
}
