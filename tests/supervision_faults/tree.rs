//! A running tree: the keeper and what it has started, watched and ended from here.

use crate::keeper;
use crate::place::{Place, SCAN};
use crate::process::{self, Process};
use crate::status;
use crate::support::waiting::{PATIENCE, is_ready, look_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A program, and all that comes of it. Whatever is left of it goes when this is dropped.
pub struct Tree<'a> {
    pub place: &'a Place,
    keeper: Child,
    said: String,
    /// The program's pid, of its last start.
    program: Pid,
}

impl<'a> Tree<'a> {
    /// svscan, which is started again whenever it has been killed.
    pub fn svscan(place: &'a Place) -> Self {
        Self::start(place, &[keeper::AGAIN.as_ref(), place.suite.program("svscan").as_ref()], "", |_| ())
    }

    /// The supervise of one service.
    pub fn supervise(place: &'a Place, service: &str) -> Self {
        Self::start(place, &[keeper::ONCE.as_ref(), place.suite.program("supervise").as_ref()], service, |_| ())
    }

    /// A keeper with these words on a service directory, or on that of all where no service is named. `prepare` may change
    /// how it starts, which all inherit from.
    pub fn start(place: &'a Place, words: &[&OsStr], service: &str, prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(place.at(keeper::NAME));
        place.enter(&mut command);
        command.args(words).arg(place.at(SCAN).join(service));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(place.stderr());
        prepare(&mut command);
        let mut tree = Self { place, keeper: command.spawn().unwrap(), said: String::new(), program: Pid::from_raw(0) };
        tree.program = tree.next_pid();
        tree
    }

    /// Everything that runs, zombies included, but the keeper.
    pub fn processes(&self) -> Vec<Process> {
        process::descendants(self.keeper())
    }

    pub fn keeper(&self) -> Pid {
        Pid::from_raw(self.keeper.id().try_into().unwrap())
    }

    /// What the keeper has started.
    pub fn program(&self) -> Pid {
        self.program
    }

    /// Waits for the next start of the program.
    #[track_caller]
    pub fn next_pid(&mut self) -> Pid {
        let line = self.line().expect("nothing is started any more");
        let pid = line.strip_prefix("started ").unwrap_or_else(|| panic!("{line}, {}", self.place.said()));
        self.program = Pid::from_raw(pid.parse().unwrap());
        self.program
    }

    /// Kills the program, and waits until it is gone.
    #[track_caller]
    pub fn kill_program(&mut self) {
        kill(self.program, Signal::SIGKILL).unwrap();
        assert_eq!(self.line().as_deref(), Some("ended 1009"));
    }

    /// The next line of the keeper, or `None` when nothing is left.
    #[track_caller]
    fn line(&mut self) -> Option<String> {
        self.line_within(PATIENCE).unwrap_or_else(|| {
            let left: Vec<String> =
                self.processes().iter().map(|it| format!("{} {} {}", it.pid, it.name, it.state)).collect();
            panic!("still there after a minute: {left:?}; said: {}", self.place.said())
        })
    }

    /// The same, or `None` if it does not come in time.
    fn line_within(&mut self, time: Duration) -> Option<Option<String>> {
        loop {
            if let Some((line, rest)) = self.said.split_once('\n') {
                let line = line.to_owned();
                self.said = rest.to_owned();
                return Some(Some(line));
            }
            let mut room = [0; 1024];
            let output = self.keeper.stdout.as_mut().unwrap();
            if !is_ready(output.as_fd(), time) {
                return None;
            }
            let count = output.read(&mut room).unwrap();
            if count == 0 {
                return Some(None);
            }
            self.said += str::from_utf8(&room[..count]).unwrap();
        }
    }

    pub fn send(&self, signal: Signal) {
        kill(self.program, signal).unwrap();
    }

    /// Waits for the end of the program, and gives its exit code, or 1000 and the signal that killed it.
    #[track_caller]
    pub fn code(&mut self) -> i32 {
        let line = self.line().expect("it has ended before");
        line.strip_prefix("ended ").unwrap_or_else(|| panic!("{line}")).parse().unwrap()
    }

    /// The same, or `None` if it does not end in time.
    pub fn code_within(&mut self, time: Duration) -> Option<i32> {
        let line = self.line_within(time)?.expect("it has ended before");
        Some(line.strip_prefix("ended ").unwrap_or_else(|| panic!("{line}")).parse().unwrap())
    }

    /// Waits until nothing of it is left.
    #[track_caller]
    pub fn wait_until_gone(&mut self) {
        let line = self.line();
        assert_eq!(line, None, "{}", self.place.said());
    }

    /// Ends all as one would, and asserts that nothing is left of it. For the services of these names.
    #[track_caller]
    pub fn stop(&mut self, names: &[&str]) {
        self.send(Signal::SIGTERM);
        let code = self.code();
        if self.place.suite.is_ours() {
            assert_eq!(code, 0, "{}", self.place.said());
        } else {
            // it leaves its supervises behind, which end as they are told to: the logger's with its input
            for name in names {
                let service = self.place.service(name);
                status::control(&service, b"dxc").unwrap();
                if service.join("log").exists() {
                    status::control(&service.join("log"), b"x").unwrap();
                }
            }
        }
        self.wait_until_gone();
    }

    /// The supervises that have this directory.
    pub fn supervises(&self, service: &Path) -> Vec<Pid> {
        let all = self.processes();
        supervises_among(&all, service).map(|it| it.pid).collect()
    }

    /// Waits for the one supervise of this directory.
    #[track_caller]
    pub fn supervise_of(&self, service: &Path) -> Pid {
        let mut found = vec![];
        look_until(&format!("one supervise of {}", service.display()), || {
            found = self.supervises(service);
            found.len() == 1
        });
        found[0]
    }
}

impl Drop for Tree<'_> {
    fn drop(&mut self) {
        // it sees the end of its input
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// The supervises of this directory that are among these.
pub fn supervises_among<'p>(processes: &'p [Process], service: &Path) -> impl Iterator<Item = &'p Process> {
    let service = fs::metadata(service).ok().map(|about| (about.dev(), about.ino()));
    let all = processes.iter().filter(|it| it.name == "supervise" && !it.is_zombie());
    all.filter(move |it| service.is_some() && it.directory() == service)
}

/// How long something has taken, of which the slowest and the median are worth to be known.
pub struct Times(Mutex<Vec<Duration>>);

impl Times {
    pub const fn new() -> Self {
        Self(Mutex::new(vec![]))
    }

    pub fn add(&self, time: Duration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(time);
    }

    /// All, from the shortest to the longest.
    pub fn sorted(&self) -> Vec<Duration> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        times.sort_unstable();
        times
    }
}
