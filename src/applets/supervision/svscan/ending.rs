//! The end of an entry: first the service, then its log, which reads all there is to read.

use super::entry::Entry;
use crate::files::pipe::Pipe;
use crate::service::info::Info;
use crate::service::scan_directory::{SPEAKER, ScanDirectory};
use crate::time::clock::{SECOND, monotonic};
use std::ffi::CString;

impl Entry {
    /// Ends it.
    pub fn see_off(&mut self, base: &ScanDirectory<'_>) {
        if !self.is_ending {
            return;
        }
        self.runs_on = false;
        if let Some(runs) = self.main.as_ref().and_then(|main| main.runs.as_ref()) {
            if let Some(why) = self.farewell.take(base, runs) {
                SPEAKER.warn(&[b"waiting for ", self.name.as_bytes(), b": ", why.as_bytes()]);
            }
            return;
        }
        self.farewell.is_over();
        if self.revive(base, false) {
            return;
        }
        if self.log.as_ref().is_some_and(|log| log.runs.is_none()) && self.revive(base, true) {
            return self.drain.restart();
        }
        if self.log.is_some() {
            self.see_off_log(base);
        }
    }

    fn see_off_log(&mut self, base: &ScanDirectory<'_>) {
        let left = self.unread();
        let is_first = self.drain.watch(left);
        let Some(runs) = self.log.as_ref().and_then(|log| log.runs.as_ref()) else {
            return self.see_off_absent_log(left, is_first);
        };
        if left > 0 && !self.drain.is_late() && base.waits_to_start(runs.pid) {
            // told to exit now, it would do so without reading
            return self.drain.put_off();
        }
        self.drain.tell(base, runs);
        // not before: a logger that has come to the end would be started once more
        if self.drain.has_told(runs.pid) || self.drain.is_deaf() {
            self.close_pipe();
        }
        let is_held = self.pipe.as_ref().is_some_and(Pipe::is_held);
        if let Some((what, why)) = self.drain.word(left, is_held) {
            SPEAKER.warn(&[what.as_bytes(), b" ", &self.shown_log(), b": ", why.as_bytes()]);
        }
    }

    /// Nothing more is to come.
    fn close_pipe(&mut self) {
        if let Some(pipe) = &mut self.pipe {
            pipe.write = None;
        }
    }

    /// A log that is to end and does not run: one that does not start, or not read, keeps nobody for ever.
    fn see_off_absent_log(&mut self, left: usize, is_first: bool) {
        self.close_pipe();
        self.drain.is_absent();
        if let Some(log) = self.log.as_mut().filter(|_| is_first) {
            log.start_at = log.start_at.min(monotonic() + SECOND);
        }
        if left > 0 && self.drain.is_late() && !std::mem::replace(&mut self.is_log_given_up, true) {
            let bytes = format!("{left} bytes of ");
            let object = [b"the last ", bytes.as_bytes(), self.name.as_bytes()];
            SPEAKER.warn_unable_to_as("log", &object, b"its log does not read them");
        }
    }

    /// Its log, for a message.
    fn shown_log(&self) -> Vec<u8> {
        let whose: &[u8] = if self.main.is_some() { b"the log of " } else { b"svscan's own log " };
        [whose, self.name.as_bytes()].concat()
    }

    /// What the supervise of the service, or of its log, has said last.
    fn info(&self, base: &ScanDirectory<'_>, is_log: bool) -> Option<Info> {
        let mut place = self.place()?.into_bytes();
        if is_log && self.main.is_some() {
            place.extend_from_slice(b"/log");
        }
        base.info(&CString::new(place).ok()?)
    }

    /// A killed supervise may have left its service running, which nobody would end: it needs a supervise once more.
    fn revive(&mut self, base: &ScanDirectory<'_>, is_log: bool) -> bool {
        /// How often that is tried.
        const MOST: u8 = 5;
        let info = self.info(base, is_log);
        let one = if is_log { &mut self.log } else { &mut self.main };
        let Some(one) = one.as_mut() else { return false };
        if one.is_revived {
            return true;
        }
        if info.is_some_and(is_left) && self.revivals <= MOST {
            self.revivals += 1;
            if self.revivals > MOST {
                let shown = if is_log { self.shown_log() } else { self.name.as_bytes().to_vec() };
                let why = b" running: its supervise has been killed again and again";
                SPEAKER.warn(&[b"leaving ", &shown, why]);
                return false;
            }
            one.is_revived = true;
            if self.revivals == 1 {
                one.start_at = 0;
            }
        }
        one.is_revived
    }

    /// Whether it has vanished and its service has ended, which will not be started again: then nothing more comes to its
    /// log, and that ends, too.
    pub fn is_forsaken(&mut self, base: &ScanDirectory<'_>) -> bool {
        let ended = self.main.as_ref().filter(|main| main.runs.is_none());
        let Some(main) = ended.filter(|_| !self.is_active && !self.is_ending && self.log.is_some()) else {
            self.runs_on = false;
            return false;
        };
        // one of another make does not say what it has left running; then all is left as it is
        let may_run_on = |main: bool, info: Option<Info>| info.map_or(main, is_left);
        self.runs_on = main.is_doubtful && may_run_on(!main.tells, self.info(base, false));
        !self.runs_on
    }
}

/// Whether a supervise is gone that has left its service running.
fn is_left(info: Info) -> bool {
    !info.supervise.is_alive() && info.process.is_alive()
}
