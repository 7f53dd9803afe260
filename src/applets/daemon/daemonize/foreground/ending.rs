//! The end of a daemon that did not come up: waiting for it, bringing it about, and the words about it.

use super::super::APPLET;
use super::super::descent::ENDING;
use super::{Foreground, GRACE};
use crate::files::lock_wait;
use crate::process::life::{self, is_running};
use crate::process::signal_names;
use crate::sys::process::{self, End};
use crate::voice::failure::{Failure, describe};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

impl Foreground<'_> {
    /// Waits for the daemon's end. `None` if it has not come by then.
    pub(super) fn wait_for_end(&self, limit: Duration) -> Option<()> {
        let deadline = Instant::now().checked_add(limit);
        match &self.watch {
            Some(watch) => self.is_heard(watch.as_fd(), deadline).then_some(()),
            None => lock_wait::poll(Some(limit), || (!is_running(self.daemon)).then_some(())),
        }
    }

    /// How the daemon has ended, if it is known. It may be this process's child only once the one between them has ended.
    pub(super) fn end(&self) -> Option<End> {
        let end = || process::next_ended(Some(self.daemon)).ok().map(|(_, end)| end);
        end().or_else(|| lock_wait::poll(Some(ENDING), end))
    }

    /// The daemon has ended when it should not have. What it has left running goes, too.
    pub(super) fn gone(&self, when: &str) -> Failure {
        let is_cleared = !self.wanted.keeps_late && self.wanted.has_session;
        if is_cleared {
            // first, as the daemon's pid is the group's as long as it has not been waited for
            let _ = nix::sys::signal::killpg(self.child, Signal::SIGTERM);
        }
        let end = self.end();
        if is_cleared {
            self.end_group();
        }
        self.ended(end, when)
    }

    pub(super) fn ended(&self, end: Option<End>, when: &str) -> Failure {
        let how = match end {
            Some(End::Exited(code)) => format!("exited with {code}"),
            Some(End::Killed(signal)) => format!("was killed by signal {signal}{}", name_of(signal)),
            None => "ended".to_owned(),
        };
        self.about(&format!("{how} {when}"))
    }

    /// A sentence about the daemon.
    pub(super) fn about(&self, what: &str) -> Failure {
        Failure::new([self.subject.as_slice(), b" ", what.as_bytes()].concat())
    }

    /// The time is over.
    pub(super) fn late(&mut self, what: &str) -> Failure {
        let limit = self.wanted.timeout.unwrap_or_default().as_secs_f64();
        let fate = self.stop();
        self.about(&format!("was not {what} within {limit} s; {fate}"))
    }

    /// Nothing more can be learnt.
    pub(super) fn deaf(&mut self, reason: Errno) -> Failure {
        let fate = self.stop();
        self.about(&format!("cannot be heard of: {}; {fate}", describe(reason, APPLET.dialect)))
    }

    /// The readiness pipe has come to its end without a newline.
    pub(super) fn silent(&mut self) -> Failure {
        if self.wait_for_end(ENDING).is_some() {
            return self.gone("before it was ready");
        }
        let fate = self.stop();
        self.about(&format!("closed its pipe without saying that it is ready; {fate}"))
    }

    /// Stops a daemon that has failed but still runs, unless it is to be kept. Gives what has become of it.
    pub(super) fn stop(&mut self) -> String {
        let daemon = self.daemon;
        if self.wanted.keeps_late {
            return format!("it goes on as pid {daemon}");
        }
        self.watch();
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            self.signal(signal);
            if self.wait_for_end(GRACE).is_some() {
                self.end_group();
                return "it has been stopped".to_owned();
            }
        }
        format!("pid {daemon} cannot be stopped")
    }

    /// Ends what is left of the daemon's process group, if that was made for it.
    pub(super) fn end_group(&self) {
        let is_empty = || {
            // zombies are members, too, and orphans come to this process
            while process::next_ended(None).is_ok() {}
            (nix::sys::signal::killpg(self.child, None) == Err(Errno::ESRCH)).then_some(())
        };
        if self.wanted.has_session && is_empty().or_else(|| lock_wait::poll(Some(GRACE), is_empty)).is_none() {
            let _ = nix::sys::signal::killpg(self.child, Signal::SIGKILL);
        }
    }

    /// To the daemon, and to its process group if that was made for it.
    pub(super) fn signal(&self, signal: Signal) {
        let is_ours = self.wanted.has_session && nix::unistd::getpgid(Some(self.daemon)) == Ok(self.child);
        let _ = match is_ours {
            true => nix::sys::signal::killpg(self.child, signal),
            // by the descriptor: the pid may be another's by now
            false => life::send_to(self.daemon, self.watch.as_ref().map(AsFd::as_fd), signal as i32),
        };
    }
}

fn name_of(signal: u8) -> String {
    signal_names::name(signal.into()).map_or(String::new(), |name| format!(" ({name})"))
}
