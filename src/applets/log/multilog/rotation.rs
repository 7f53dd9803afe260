//! From `current` to an old file, one step after the other, so that whoever comes after a kill -9 between two of them can
//! tell what was done.

use super::SPEAKER;
use super::directory::{COMPLETE, LogDirectory, OPEN};
use super::events::{Events, GaveUp, PAUSE};
use super::files;
use super::processor::{ProcessorFiles, Running};
use super::retention;
use crate::files::renaming::rename_to_free_name;
use crate::sys::process::End;
use crate::sys::words::Word;
use crate::time::tai64n::{Moment, encode};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::fchmod;
use nix::unistd::{fsync, linkat};
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// Longer than anything lasts that this is added to.
const NEVER: Duration = Duration::from_secs(3600);

/// What is being done about `previous`.
pub enum Work {
    /// A processor runs; without files if what it makes is nobody's any more.
    Running(Running, Option<ProcessorFiles>),
    /// It has failed, and is run again then.
    Failed(Instant),
}

impl LogDirectory<'_> {
    /// Makes an old file of `current`, if it is not empty, and begins a new one. After TERM, that is put off where a processor
    /// has not done with the last one: it is not worth a wait that may lose what is to be written.
    ///
    /// # Errors
    /// If that could not be done before the end.
    pub fn rotate(&mut self, events: &mut Events) -> Result<(), GaveUp> {
        if self.bytes == 0 {
            return Ok(());
        }
        self.wait_for_work(events)?;
        if self.work.is_some() {
            // the next multilog will see how old it is
            self.begun = None;
            return Ok(());
        }
        self.insist(events, ("write", "/current", " to disk"), || fsync(&self.current))?;
        self.take_aside(events)?;
        self.is_rotating = true;
        let new = self.insist(events, ("create", "/current", ""), || self.new_current())?;
        let full = std::mem::replace(&mut self.current, new);
        self.bytes = 0;
        self.begun = None;
        self.insist(events, ("set mode of", "/previous", ""), || fchmod(&full, COMPLETE))?;
        drop(full);
        match self.command {
            Some(command) => self.process(command, events),
            None => {
                self.finish("previous", self.settings.code, events)?;
                self.is_rotating = false;
                self.sync_names();
                Ok(())
            }
        }
    }

    /// Renames `current` to `previous`. There is none; what somebody has put there since the start is kept.
    fn take_aside(&self, events: &mut Events) -> Result<(), GaveUp> {
        loop {
            match rename_to_free_name(self.directory.as_fd(), c"current", c"previous") {
                Ok(()) => return Ok(()),
                Err(Errno::EEXIST) => self.finish("previous", b"u", events)?,
                Err(reason) => {
                    self.before_next_attempt(events, ("rename current to previous in directory", "", ""), reason)?;
                }
            }
        }
    }

    /// Gives a complete file the name of an old one, unless it has one already, and takes its own name away. Then removes
    /// what has become too much.
    pub(super) fn finish(&self, name: &str, code: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        let Some(seen) = self.look_at(name, events)? else { return Ok(()) };
        let mut names = self.insist(events, ("read", "", ""), || self.old_files())?;
        let has_name = seen.st_nlink > 1 && self.is_among(&names, &seen);
        if has_name || !self.name_as_old(name, code, &mut names, events)? {
            self.remove(name, events)?;
        }
        self.prune(&names, events)
    }

    /// Gives a file the name of an old one, of this moment, behind the `names` that there are: where the clock was set back, of a
    /// moment later than the last of them, as the first is what is removed first. Gives true if its own name is gone with that.
    fn name_as_old(
        &self,
        name: &str,
        code: &[u8],
        names: &mut Vec<String>,
        events: &mut Events,
    ) -> Result<bool, GaveUp> {
        let own = CString::new(name).unwrap_or_default();
        let mut last = retention::newest(names);
        loop {
            let moment = last.map_or_else(Moment::now, |last| Moment::now().max(last.next()));
            let old = [&encode(moment)[..], b".", code].concat();
            let shown = String::from_utf8_lossy(&old).into_owned();
            let old = CString::new(old).unwrap_or_default();
            let is_gone =
                match linkat(&self.directory, own.as_c_str(), &self.directory, old.as_c_str(), AtFlags::empty()) {
                    // no hard links here
                    Err(Errno::EPERM | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EMLINK) => {
                        rename_to_free_name(self.directory.as_fd(), &own, &old).map(|()| true)
                    }
                    outcome => outcome.map(|()| false),
                };
            match is_gone {
                Ok(is_gone) => {
                    names.push(shown);
                    return Ok(is_gone);
                }
                // taken: another moment has another name
                Err(Errno::EEXIST) => last = Some(moment),
                Err(Errno::EINTR) => {}
                Err(reason) => self.before_next_attempt(events, ("link to", &["/", &shown].concat(), ""), reason)?,
            }
        }
    }

    /// Starts the processor on `previous`.
    fn process(&mut self, command: Word, events: &mut Events) -> Result<(), GaveUp> {
        let read = |name: &str| files::read(&self.directory, name);
        let create = |name: &str| files::create(&self.directory, name, OFlag::empty(), OPEN);
        let state = |name: &str| match read(name) {
            // none is an empty one
            Err(Errno::ENOENT | Errno::ESTALE) => create(name).and_then(|_| read(name)),
            outcome => outcome,
        };
        let mut file = |verb, name: &'static str, open: &dyn Fn(&str) -> nix::Result<OwnedFd>| {
            self.insist(events, (verb, &["/", name].concat(), ""), || open(name))
        };
        let files = ProcessorFiles {
            previous: file("read", "previous", &read)?,
            processed: file("write to", "processed", &create)?,
            state: file("read", "state", &state)?,
            newstate: file("write to", "newstate", &create)?,
        };
        let running = loop {
            match Running::start(command, &files, self.directory.as_fd(), self.surroundings, events) {
                Ok(running) => break running,
                Err(reason) => {
                    self.insist(events, ("fork for processor in", "", ""), once(reason))?;
                }
            }
        };
        self.work = Some(Work::Running(running, Some(files)));
        Ok(())
    }

    /// Sees to `previous` until there is none, or TERM has come.
    fn wait_for_work(&mut self, events: &mut Events) -> Result<(), GaveUp> {
        /// How long a processor may keep others waiting without a word.
        const LONG: Duration = Duration::from_secs(30);
        let mut is_said = false;
        let start = Instant::now();
        while self.work.is_some() && events.ended.is_none() {
            if let Some(Work::Running(running, _)) = &self.work
                && !is_said
                && start.elapsed() >= LONG
            {
                let after = format!(", pid {}, nothing is read meanwhile", running.pid());
                SPEAKER.warn(&[b"waiting for processor in ", self.settings.name, after.as_bytes()]);
                is_said = true;
            }
            let left = LONG.saturating_sub(start.elapsed());
            self.see_to_work(events, if is_said { LONG } else { left.max(Duration::from_millis(1)) })?;
        }
        Ok(())
    }

    /// Sees to `previous` until there is none. After TERM only so long, and then a processor is told to end.
    ///
    /// # Errors
    /// If something failed before the end.
    pub fn await_work(&mut self, events: &mut Events) -> Result<(), GaveUp> {
        if self.work.is_none() {
            return Ok(());
        }
        self.wait_for_work(events)?;
        while let (Some(Work::Running(running, _)), Some(end)) = (&self.work, events.last_moment()) {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if running.tell() {
                    let after = format!(" does not end, pid {}, ending it", running.pid());
                    SPEAKER.warn(&[b"processor in ", self.settings.name, after.as_bytes()]);
                }
                break;
            }
            self.see_to_work(events, left)?;
        }
        Ok(())
    }

    /// Likewise, but then it is not there any more. What it has not done is left to the next multilog, and one that has failed
    /// after TERM is not run again.
    pub(super) fn finish_work(&mut self, events: &mut Events) -> Result<(), GaveUp> {
        self.await_work(events)?;
        match self.work.take() {
            None => Ok(()),
            Some(Work::Failed(_)) => Err(GaveUp),
            Some(Work::Running(running, files)) => {
                running.stop(events);
                if files.is_some() { Err(GaveUp) } else { Ok(()) }
            }
        }
    }

    /// Sees to `previous` for so long at most. A processor that has failed is run again in time, but not after TERM.
    fn see_to_work(&mut self, events: &mut Events, patience: Duration) -> Result<(), GaveUp> {
        match self.work.take() {
            None => Ok(()),
            Some(Work::Failed(again)) => {
                if !patience.is_zero() {
                    events.pause().inspect_err(|GaveUp| self.work = Some(Work::Failed(again)))?;
                }
                let again = if events.ended.is_some() { again + NEVER } else { again };
                if events.ended.is_some() || patience.is_zero() && Instant::now() < again {
                    self.work = Some(Work::Failed(again));
                    return Ok(());
                }
                match self.command {
                    Some(command) => self.process(command, events),
                    None => Ok(()),
                }
            }
            Some(Work::Running(running, files)) => {
                let (cause, code) = match (running.ended(events, patience), files) {
                    (Ok(None), files) => {
                        self.work = Some(Work::Running(running, files));
                        return Ok(());
                    }
                    (_, None) => return Ok(()),
                    (Ok(Some(End::Exited(0))), Some(files)) => return self.take_processed(&files, events),
                    (Ok(Some(End::Exited(code))), _) => ("processor failed in ", Some(code)),
                    (Ok(Some(End::Killed(_))), _) => ("processor crashed in ", None),
                    (Err(_), _) => ("wait failed for processor in ", None),
                };
                self.tell_if_missing(code);
                SPEAKER.warn(&[cause.as_bytes(), self.settings.name, b", pausing"]);
                if self.is_short_of_room() {
                    self.make_room();
                }
                self.work = Some(Work::Failed(Instant::now() + PAUSE));
                Ok(())
            }
        }
    }

    /// Makes an old file of what a processor has made of `previous`.
    fn take_processed(&mut self, files: &ProcessorFiles, events: &mut Events) -> Result<(), GaveUp> {
        self.insist(events, ("write", "/processed", " to disk"), || fsync(&files.processed))?;
        self.insist(events, ("write", "/newstate", " to disk"), || fsync(&files.newstate))?;
        self.is_told = false;
        // from here on a kill -9 leaves a complete file
        self.insist(events, ("set mode of", "/processed", ""), || fchmod(&files.processed, COMPLETE))?;
        self.remove("previous", events)?;
        self.insist(events, ("rename newstate to state in directory", "", ""), || {
            renameat(&self.directory, "newstate", &self.directory, "state")
        })?;
        self.finish("processed", self.settings.code, events)?;
        self.is_rotating = false;
        self.sync_names();
        Ok(())
    }

    /// When it next has to be looked after, whatever comes in.
    pub fn due(&self) -> Option<Instant> {
        let work = match &self.work {
            Some(Work::Failed(again)) => Some(*again),
            Some(Work::Running(running, _)) => running.look(),
            None => None,
        };
        [work, self.too_old()].into_iter().flatten().min()
    }

    /// When the age of `current` asks for a new one.
    fn too_old(&self) -> Option<Instant> {
        self.begun?.checked_add(self.settings.age?)
    }

    /// Sees to what was due, as far as that goes without waiting, and makes an old file of `current` if it is too old or ALRM
    /// has come.
    ///
    /// # Errors
    /// If it could not be done before the end.
    pub fn look_after(&mut self, is_alarmed: bool, events: &mut Events) -> Result<(), GaveUp> {
        let mut see = || {
            self.see_to_work(events, Duration::ZERO)?;
            let is_due = is_alarmed || self.too_old().is_some_and(|end| end <= Instant::now());
            if is_due { self.rotate(events) } else { Ok(()) }
        };
        match see() {
            Err(GaveUp) if self.is_lost.take() => self.put_in_order(events),
            outcome => outcome,
        }
    }
}

/// Fails for that reason, and then no more.
fn once(reason: Errno) -> impl FnMut() -> nix::Result<()> {
    let mut reason = Some(reason);
    move || reason.take().map_or(Ok(()), Err)
}
