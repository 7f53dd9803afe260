//! A command in a state, and what comes of it: what the service hears, what the status shows afterwards.

use crate::recorder::{made_at, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::time::Duration;

/// What a service is in when the command comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Never started, because of a `down` file.
    Down,
    /// Ended within a second, and not started again yet.
    Waiting,
    /// Running.
    Running,
    /// Running and stopped by `p`.
    Paused,
}

/// How commands get to supervise.
#[derive(Clone, Copy)]
pub enum Driver<'a> {
    /// Written to the control FIFO by the test itself.
    Fifo,
    /// By the svc of this suite, as options.
    Svc(&'a Suite),
}

impl Driver<'_> {
    pub fn name(self) -> &'static str {
        match self {
            Self::Fifo => "a write",
            Self::Svc(suite) => suite.name,
        }
    }

    /// Gives the commands and waits until they have been read.
    #[track_caller]
    pub fn give(self, supervised: &mut Supervised<'_>, commands: &[u8]) {
        match self {
            Self::Fifo => supervised.write(commands),
            Self::Svc(suite) => {
                let options = format!("-{}", std::str::from_utf8(commands).unwrap());
                let start = crate::kept::Start::of(suite, "svc").word(options).word(supervised.service.path());
                let mut svc = start.go();
                assert_eq!((svc.code(), svc.error.rest()), (0, String::new()));
            }
        }
        supervised.settle();
    }
}

/// Commands in a state, and the outcome as `HEARD; SHOWN`: what is heard from `run`, and the status as
/// `Status::shown` shows it, or its beginning and `*`, or `gone` for a supervise that ends with 0.
#[derive(Debug)]
pub struct Case {
    pub state: State,
    pub commands: &'static [u8],
    pub outcome: &'static str,
}

impl Case {
    fn name(&self, suite: &Suite, driver: Driver<'_>) -> String {
        format!("{}, {:?}, {} by {}", suite.name, self.state, self.commands.escape_ascii(), driver.name())
    }

    /// Does it, and asserts that its outcome is this.
    pub fn check(&self, suite: &Suite, driver: Driver<'_>) {
        let name = self.name(suite, driver);
        // a panic's message does not say which case it is
        let failed = std::panic::catch_unwind(|| {
            assert!((0..20).any(|_| self.is_in_time(suite, driver)), "this machine is too slow for it");
        });
        assert!(failed.is_ok(), "in the case {name}: {}", self.outcome);
    }

    /// Gives false, without having looked at the outcome, if the state may have been over before the command came.
    fn is_in_time(&self, suite: &Suite, driver: Driver<'_>) -> bool {
        let service = Service::new().with("stubborn", "");
        if self.state == State::Down {
            service.put("down", "");
        }
        let mut supervised = service.supervise(suite);
        let first = (self.state != State::Down).then(|| supervised.expect("run started"));
        match (self.state, first) {
            (State::Paused, Some(pid)) => {
                supervised.tell("p");
                look_until("it is stopped", || state(pid) == Some('T'));
            }
            (State::Waiting, Some(pid)) => {
                let made = made_at(pid).unwrap();
                supervised.until("its start is shown", |status| status.pid() == pid);
                supervised.end(pid, 0);
                supervised.until("its end is shown", |status| status.pid() != pid);
                driver.give(&mut supervised, self.commands);
                if hundredths() > made + 90 {
                    return false;
                }
                self.judge(supervised, None);
                return true;
            }
            _ => supervised.settle(),
        }
        driver.give(&mut supervised, self.commands);
        self.judge(supervised, first);
        true
    }

    fn judge(&self, mut supervised: Supervised<'_>, mut pid: Option<Pid>) {
        let (heard, shown) = self.outcome.split_once("; ").unwrap();
        if shown == "gone" {
            assert_eq!(supervised.rest(), (0, String::new()), "exit code and what was heard");
            return;
        }
        let stays = !heard.contains("started");
        let is_paused = stays && shown.ends_with(" paused");
        if let Some(pid) = pid.filter(|_| is_paused) {
            look_until("the process is stopped", || state(pid) == Some('T'));
            assert_eq!(supervised.status().shown(), shown);
            kill(pid, Signal::SIGCONT).unwrap();
        }
        assert!(is_paused || pid.is_none_or(|pid| state(pid) != Some('T')), "the process is stopped");
        let mut expected: Vec<&str> = heard.split_whitespace().collect();
        let mut heard = vec![];
        // the last is what the test has sent, but it is heard before signals with higher numbers
        expected.extend(is_paused.then_some("CONT"));
        for _ in &expected {
            let event = supervised.event();
            if event.what == "started" {
                assert_ne!(pid.replace(event.pid), Some(event.pid), "another process");
            }
            assert_eq!(Some(event.pid), pid);
            heard.push(event.what);
        }
        if is_paused {
            expected.sort_unstable();
            heard.sort_unstable();
        }
        assert_eq!(heard, expected);
        let status = match shown.strip_suffix('*') {
            Some(beginning) => supervised.until(shown, |status| status.shown().starts_with(beginning)),
            None => supervised.until_shown(shown),
        };
        match pid {
            Some(pid) => {
                assert_eq!(status.pid(), pid);
                supervised.expect_silence_of(pid);
                // it is not asked to end, but killed, so that nothing has to be said about it
                supervised.write("dxk");
                let code = supervised.kept.code();
                assert_eq!(code, 0);
            }
            None => {
                assert!(!status.is_up());
                // as long as a start could have been put off
                let is_put_off = self.state == State::Waiting;
                supervised.expect_silence_for(Duration::from_millis(if is_put_off { 1500 } else { 0 }));
                supervised.write("x");
                assert_eq!(supervised.rest(), (0, String::new()), "exit code and what was heard");
            }
        }
    }
}

/// The time as `made_at` gives it.
pub fn hundredths() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap();
    u64::try_from(time.tv_sec() * 100 + time.tv_nsec() / 10_000_000).unwrap()
}

/// Checks them all at the same time.
pub fn check_all(cases: &[Case], suite: &Suite, driver: Driver<'_>) {
    together(cases, |case| case.check(suite, driver));
}
