//! The start of an entry's supervises.

use super::entry::Entry;
use super::start::{Placement, Starter};
use super::watched::Watched;
use crate::files::pipe::Pipe;
use crate::service::scan_directory::SPEAKER;
use crate::time::clock::monotonic;
use nix::errno::Errno;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};

/// The name of the log's service directory in the service's.
const LOG: &CStr = c"log";

/// Whether so many descriptors cannot be had.
fn is_shortage(reason: Errno) -> bool {
    matches!(reason, Errno::EMFILE | Errno::ENFILE)
}

impl Entry {
    /// Starts what is due: the log first, which then waits for the service.
    pub fn start_due(&mut self, starter: &Starter<'_>, outlets: Option<[BorrowedFd<'_>; 2]>) {
        let now = monotonic();
        let is_due = |one: &Option<Watched>| one.as_ref().is_some_and(|one| one.runs.is_none() && now >= one.start_at);
        let is_wanted = self.is_main_wanted() && is_due(&self.main);
        let is_log_wanted = self.is_log_wanted() && is_due(&self.log);
        if !(is_wanted || is_log_wanted) {
            return;
        }
        let Some(place) = self.place() else {
            // first a look at what has become of it
            self.is_misplaced = true;
            return self.put_off();
        };
        if !self.is_ending && self.is_active && is_wanted && self.log.is_none() && self.has_log() {
            match Pipe::new() {
                Ok(pipe) => (self.pipe, self.log) = (Some(pipe), Some(Watched::default())),
                Err(reason) => return self.cannot_start(&self.name.clone(), reason),
            }
        }
        if self.is_log_wanted() && is_due(&self.log) {
            let within = self.main.is_some().then_some(place.as_c_str());
            let name = if within.is_some() { LOG } else { &self.name };
            let input = self.pipe.as_ref().map(|pipe| pipe.read.as_fd());
            let outcome = starter.start(&Placement { place: within, name, input, output: None, outlets });
            if let Some(log) = &mut self.log {
                match outcome {
                    Ok(begun) => log.begun(begun),
                    Err(reason) => {
                        log.failed();
                        let mut shown = self.name.clone().into_bytes();
                        if self.main.is_some() {
                            shown.extend_from_slice(b"/log");
                        }
                        self.cannot_start(&CString::new(shown).unwrap_or_default(), reason);
                    }
                }
            }
        }
        if is_wanted && is_due(&self.main) {
            // elsewhere by way of the directory itself
            let within = (place != self.name).then_some(place.as_c_str());
            let name = if within.is_some() { c"." } else { &self.name };
            let placement = Placement { place: within, name, input: None, output: self.outlet(), outlets: None };
            let outcome = starter.start(&placement);
            if let Some(main) = &mut self.main {
                match outcome {
                    Ok(begun) => main.begun(begun),
                    Err(reason) => {
                        main.failed();
                        self.cannot_start(&self.name.clone(), reason);
                    }
                }
            }
        }
    }

    /// Whether the supervise of the service is started again.
    pub(super) fn is_main_wanted(&self) -> bool {
        !self.is_ending && self.is_active || self.main.as_ref().is_some_and(|main| main.is_revived)
    }

    /// A log is started again as long as there may be something for it.
    pub(super) fn is_log_wanted(&self) -> bool {
        match self.is_ending {
            _ if self.log.as_ref().is_some_and(|log| log.is_revived) => true,
            false => self.is_active || self.runs_on || self.main.as_ref().is_some_and(|main| main.runs.is_some()),
            true => self.pipe.as_ref().is_some_and(|pipe| pipe.write.is_some() || pipe.unread() > 0),
        }
    }

    /// Says why.
    fn cannot_start(&mut self, name: &CStr, reason: Errno) {
        for one in [&mut self.main, &mut self.log].into_iter().flatten().filter(|one| one.runs.is_none()) {
            one.failed();
        }
        if is_shortage(reason) && std::mem::replace(&mut self.is_shortage_said, true) {
            return;
        }
        match is_shortage(reason) {
            true => SPEAKER.warn_unable_to_as("start", &[name.to_bytes()], b"running too many services"),
            false => SPEAKER.warn_unable_to("start", &[name.to_bytes()], reason),
        }
    }
}
