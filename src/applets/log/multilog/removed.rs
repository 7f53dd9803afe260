//! A log directory that is taken away while multilog writes to it, or whose files are. No wait brings back what has no name any
//! more: what was logged there is gone, as whoever removed it wanted; what comes then goes into a directory that is made anew.

use super::SPEAKER;
use super::directory::LogDirectory;
use super::events::{Events, GaveUp, PAUSE};
use super::files;
use super::rotation::Work;
use crate::files::file_id;
use crate::voice::dialect::Dialect;
use crate::voice::failure::{Failure, explained};
use nix::errno::Errno;
use nix::sys::stat::fstat;
use std::time::{Duration, Instant};

/// How long somebody who removes one file after the other is given to come to the directory itself.
const REMOVAL: Duration = Duration::from_millis(200);

/// Whether a wait may help against this: the others say that there is no way to the directory, or that it is another one's.
fn may_pass(reason: Option<Errno>) -> bool {
    use Errno::{EDQUOT, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC};
    matches!(reason, Some(EDQUOT | EIO | EMFILE | ENFILE | ENOMEM | ENOSPC))
}

impl LogDirectory<'_> {
    /// Whether `current` has lost its name, so that nobody will ever read what is written to it.
    pub(super) fn has_lost_current(&self) -> bool {
        let Ok(own) = fstat(&self.current) else { return false };
        // the number of links alone may be an invention of the file system
        let is_at_its_place = || match files::sight(&self.directory, "current") {
            Ok(Some(named)) => file_id::is_same(&named, &own),
            Ok(None) => false,
            Err(_) => true,
        };
        self.counts_links && own.st_nlink == 0 && !is_at_its_place()
    }

    /// Whether the directory has been removed.
    pub(super) fn is_removed(&self) -> bool {
        fstat(&self.directory).is_ok_and(|seen| seen.st_nlink == 0)
    }

    /// After `is_lost` with nothing to be written: there is time to put things in order until there is.
    pub(super) fn put_in_order(&mut self, events: &mut Events) -> Result<(), GaveUp> {
        if !self.is_removed() {
            return self.make_anew(events).map(drop);
        }
        // what was to become of the files that are gone
        self.forsake_work();
        (self.bytes, self.begun, self.is_rotating) = (0, None, false);
        Ok(())
    }

    /// Opens the directory once more, which is made if need be, as the next multilog would. Gives true if it is another one
    /// than before.
    ///
    /// # Errors
    /// If that cannot be done, which is then said, or not before the end.
    pub(super) fn make_anew(&mut self, events: &mut Events) -> Result<bool, GaveUp> {
        let name = self.settings.name;
        let is_removed = self.is_removed();
        let (before, after): (&[u8], &[u8]) = match is_removed {
            true => (b"directory ", b" has been removed, making it anew"),
            false => (b"files in directory ", b" have been removed, putting it in order"),
        };
        SPEAKER.warn(&[before, name, after]);
        if self.renewed.is_some_and(|at| at.elapsed() < PAUSE) {
            events.pause()?;
        } else if !is_removed {
            events.rest(REMOVAL);
        }
        let is_removed = is_removed || self.is_removed();
        loop {
            let was_started = std::mem::replace(&mut events.is_started, false);
            let outcome = Self::open_holding(Some(&self.lock), self.settings.clone(), self.surroundings, events);
            events.is_started = was_started;
            let error = match outcome {
                Ok(new) => {
                    self.forsake_work();
                    let work = self.work.take();
                    let is_told = self.is_told;
                    *self = new;
                    (self.work, self.is_told, self.renewed) = (work, is_told, Some(Instant::now()));
                    return Ok(is_removed);
                }
                Err(error) => error,
            };
            let is_passing = may_pass(error.downcast_ref::<Failure>().and_then(Failure::reason));
            let after: &[u8] = if is_passing { b", pausing" } else { b"" };
            SPEAKER.warn(&[&explained(&error, Dialect::Bernstein), after]);
            if !is_passing {
                // whoever started this one knows better what to do
                events.end();
                return Err(GaveUp);
            }
            events.pause()?;
        }
    }

    /// What a processor makes of a file that is gone, or has got another name, is nobody's.
    fn forsake_work(&mut self) {
        self.work = match self.work.take() {
            Some(Work::Running(running, _)) => Some(Work::Running(running, None)),
            _ => None,
        };
    }
}
