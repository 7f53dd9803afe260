//! A service and the supervise that runs it.

use crate::kept::Kept;
use crate::recorder::{Order, order, state};
use crate::service::{Service, open_fifo};
use crate::status::Status;
use crate::support::waiting::{PATIENCE, look_until};
use crate::support::waiting::{Watch, unread};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::c_int;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a recorder has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The program's name.
    pub who: String,
    pub pid: Pid,
    pub what: String,
}

impl Event {
    #[track_caller]
    fn new(line: &str) -> Self {
        let mut words = line.splitn(3, ' ');
        let [who, pid, what] = std::array::from_fn(|_| words.next().unwrap_or_else(|| panic!("{line:?}")));
        Self { who: who.to_owned(), pid: Pid::from_raw(pid.parse().unwrap()), what: what.to_owned() }
    }

    /// Who and what: `run TERM`.
    pub fn shown(&self) -> String {
        format!("{} {}", self.who, self.what)
    }
}

/// A running supervise.
pub struct Supervised<'a> {
    pub service: &'a Service,
    pub kept: Kept,
    /// Where supervise keeps its files.
    files: std::path::PathBuf,
}

impl<'a> Supervised<'a> {
    /// What has been started; waits until it can be controlled.
    #[track_caller]
    pub fn new(service: &'a Service, kept: Kept) -> Self {
        let files = service.at("supervise");
        Self::elsewhere(service, kept, &files)
    }

    /// The same with the files somewhere else.
    #[track_caller]
    pub fn elsewhere(service: &'a Service, mut kept: Kept, files: &Path) -> Self {
        look_until("supervise is there", || {
            if !kept.is_running() {
                panic!("it has ended with {}: {}", kept.code(), kept.error.rest());
            }
            open_fifo(&files.join("ok")).is_ok()
        });
        Self { service, kept, files: files.to_owned() }
    }

    pub fn pid(&self) -> Pid {
        self.kept.pid()
    }

    /// Writes this to the control FIFO.
    #[track_caller]
    pub fn write(&self, commands: impl AsRef<[u8]>) {
        let commands = commands.as_ref();
        let control = open_fifo(&self.files.join("control")).unwrap();
        assert_eq!(nix::unistd::write(control, commands), Ok(commands.len()));
    }

    /// Sends supervise itself a signal.
    pub fn send(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    /// Waits until supervise has read what it was told and waits for more, or has ended.
    #[track_caller]
    pub fn settle(&mut self) {
        look_until("supervise has read all and waits", || {
            if !self.kept.is_running() {
                return true;
            }
            let Ok(control) = open_fifo(&self.files.join("control")) else { return false };
            unread(&control) == 0 && state(self.pid()).is_none_or(|state| state == 'S' || state == 'Z')
        });
    }

    /// Writes it and waits until it has been read.
    #[track_caller]
    pub fn tell(&mut self, commands: impl AsRef<[u8]>) {
        self.write(commands);
        self.settle();
    }

    #[track_caller]
    pub fn status(&self) -> Status {
        Status(std::fs::read(self.files.join("status")).unwrap())
    }

    /// Waits until the status is so. Gives it.
    #[track_caller]
    pub fn until(&self, what: &str, is_so: impl Fn(&Status) -> bool) -> Status {
        let watch = Watch::new(&self.files);
        let start = Instant::now();
        loop {
            let status = self.status();
            if is_so(&status) {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "not after a minute: {what}, but {} {status:?}", status.shown());
            watch.await_change();
        }
    }

    /// Waits until the status is as `Status::shown` shows it.
    #[track_caller]
    pub fn until_shown(&self, shown: &str) -> Status {
        self.until(shown, |status| status.shown() == shown)
    }

    /// The next that a recorder says.
    #[track_caller]
    pub fn event(&mut self) -> Event {
        match self.kept.voice.next() {
            Some(line) => Event::new(&line),
            None => panic!("all have ended without another word; on standard error: {}", self.kept.error.rest()),
        }
    }

    /// Waits for the next, which must be this. Gives who has said it.
    #[track_caller]
    pub fn expect(&mut self, shown: &str) -> Pid {
        let event = self.event();
        assert_eq!(event.shown(), shown);
        event.pid
    }

    /// Asserts that this recorder says nothing more of what has come to it so far.
    #[track_caller]
    pub fn expect_silence_of(&mut self, pid: Pid) {
        order(pid, Order::Ping, 7);
        let event = self.event();
        assert_eq!((event.pid, event.what.as_str()), (pid, "ping 7"), "not what was expected next");
    }

    /// Asserts that nothing is said within this time.
    #[track_caller]
    pub fn expect_silence_for(&mut self, time: Duration) {
        if let Some(line) = self.kept.voice.next_within(time) {
            panic!("{line:?} where nothing should be said");
        }
    }

    /// Ends a recorder with this code.
    pub fn end(&self, pid: Pid, code: c_int) {
        order(pid, Order::Exit, code);
    }

    /// Waits for the end of supervise and of all that came of it. Gives its exit code and what has been said since.
    #[track_caller]
    pub fn rest(&mut self) -> (i32, String) {
        let code = self.kept.code();
        self.kept.wait_for_all();
        (code, self.kept.voice.rest())
    }

    /// Tells it to end with its service, and asserts that it does.
    #[track_caller]
    pub fn finish(&mut self) {
        if self.kept.is_running() {
            self.write("dxk");
        }
        assert_eq!(self.rest().0, 0, "{}", self.kept.error.rest());
    }
}
