//! From `current` to an old file, one step after the other, so that whoever comes after a kill -9 between two of them can
//! tell what was done.

use super::directory::{COMPLETE, LogDirectory, OPEN, make};
use super::processor::{Files, Running};
use super::watch::{GaveUp, PAUSE, Watch};
use crate::failure::say_in_passing;
use crate::label::{Moment, encode};
use crate::sys::descriptor::rename_to_free_name;
use crate::sys::process::End;
use crate::sys::words::Word;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, renameat};
use nix::sys::stat::{Mode, fchmod};
use nix::unistd::{fsync, linkat};
use std::ffi::CString;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// What is being done about `previous`.
pub enum Work {
    /// A processor runs.
    Running(Running, Files),
    /// It has failed, and is run again then.
    Failed(Instant),
}

impl LogDirectory<'_> {
    /// Makes an old file of `current`, if it is not empty, and begins a new one.
    ///
    /// # Errors
    /// If that could not be done before the end.
    pub fn rotate(&mut self, watch: &mut Watch) -> Result<(), GaveUp> {
        if self.bytes == 0 {
            return Ok(());
        }
        self.finish_work(watch)?;
        self.insist(watch, ("write ", "/current", " to disk"), || fsync(&self.current))?;
        self.insist(watch, ("rename current to previous in directory ", "", ""), || {
            renameat(&self.directory, "current", &self.directory, "previous")
        })?;
        let new = self.insist(watch, ("create ", "/current", ""), || self.new_current())?;
        let full = std::mem::replace(&mut self.current, new);
        self.bytes = 0;
        self.begun = None;
        self.insist(watch, ("set mode of ", "/previous", ""), || fchmod(&full, COMPLETE))?;
        drop(full);
        match self.command {
            Some(command) => self.process(command, watch),
            None => {
                self.finish("previous", self.settings.code, watch)?;
                self.sync_names();
                Ok(())
            }
        }
    }

    /// Gives a complete file the name of an old one, unless it has one already, and takes its own name away. Then removes
    /// what has become too much.
    pub(super) fn finish(&self, name: &str, code: &[u8], watch: &mut Watch) -> Result<(), GaveUp> {
        let Some(seen) = self.look_at(name, watch)? else { return Ok(()) };
        let has_name = seen.st_nlink > 1 && self.insist(watch, ("read ", "", ""), || self.has_old_name(&seen))?;
        if has_name || !self.name_as_old(name, code, watch)? {
            self.remove(name, watch)?;
        }
        self.prune(watch)
    }

    /// Gives a file the name of an old one, of this moment. Gives true if its own name is gone with that.
    fn name_as_old(&self, name: &str, code: &[u8], watch: &mut Watch) -> Result<bool, GaveUp> {
        let own = CString::new(name).unwrap_or_default();
        loop {
            let old = [&encode(Moment::now())[..], b".", code].concat();
            let shown = format!("/{}", String::from_utf8_lossy(&old));
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
                Ok(is_gone) => return Ok(is_gone),
                // taken: another moment has another name
                Err(Errno::EEXIST | Errno::EINTR) => {}
                Err(reason) => self.before_next_attempt(watch, ("link to ", &shown, ""), reason)?,
            }
        }
    }

    /// Starts the processor on `previous`.
    fn process(&mut self, command: Word, watch: &mut Watch) -> Result<(), GaveUp> {
        let open = |name, flags, mode| make(&self.directory, name, flags, mode);
        let read = || (OFlag::O_RDONLY, Mode::empty());
        let write = || (OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC, OPEN);
        let mut file = |verb, name: &'static str, (flags, mode)| {
            self.insist(watch, (verb, &["/", name].concat(), ""), || open(name, flags, mode))
        };
        let files = Files {
            previous: file("read ", "previous", read())?,
            processed: file("write to ", "processed", write())?,
            state: file("read ", "state", (OFlag::O_RDONLY | OFlag::O_CREAT, OPEN))?,
            newstate: file("write to ", "newstate", write())?,
        };
        let running = loop {
            match Running::start(command, &files, self.directory.as_fd(), self.surroundings, watch) {
                Ok(running) => break running,
                Err(reason) => {
                    self.insist(watch, ("fork for processor in ", "", ""), once(reason))?;
                }
            }
        };
        self.work = Some(Work::Running(running, files));
        Ok(())
    }

    /// Sees to `previous`, if something is being done about it, as far as that goes without waiting.
    ///
    /// # Errors
    /// If it could not be done before the end.
    pub fn go_on_with_work(&mut self, watch: &mut Watch) -> Result<(), GaveUp> {
        self.see_to_work(watch, Duration::ZERO)
    }

    /// Sees to `previous` until there is none.
    pub(super) fn finish_work(&mut self, watch: &mut Watch) -> Result<(), GaveUp> {
        /// As long as it takes; a wait ends with the processor.
        const LONG: Duration = Duration::from_secs(3600);
        while self.work.is_some() {
            self.see_to_work(watch, LONG)?;
        }
        Ok(())
    }

    fn see_to_work(&mut self, watch: &mut Watch, patience: Duration) -> Result<(), GaveUp> {
        match self.work.take() {
            None => Ok(()),
            Some(Work::Failed(again)) => {
                if !patience.is_zero() {
                    watch.pause().inspect_err(|GaveUp| self.work = Some(Work::Failed(again)))?;
                } else if Instant::now() < again {
                    self.work = Some(Work::Failed(again));
                    return Ok(());
                }
                match self.command {
                    Some(command) => self.process(command, watch),
                    None => Ok(()),
                }
            }
            Some(Work::Running(running, files)) => {
                let cause = match running.ended(watch, patience) {
                    Ok(None) => {
                        self.work = Some(Work::Running(running, files));
                        return Ok(());
                    }
                    Ok(Some(End::Exited(0))) => return self.take_processed(&files, watch),
                    Ok(Some(End::Exited(_))) => "processor failed in ",
                    Ok(Some(End::Killed(_))) => "processor crashed in ",
                    Err(_) => "wait failed for processor in ",
                };
                say_in_passing(&[b"multilog: warning: ", cause.as_bytes(), self.settings.name, b", pausing\n"]);
                if self.is_short_of_room() {
                    self.make_room();
                }
                self.work = Some(Work::Failed(Instant::now() + PAUSE));
                Ok(())
            }
        }
    }

    /// Makes an old file of what a processor has made of `previous`.
    fn take_processed(&mut self, files: &Files, watch: &mut Watch) -> Result<(), GaveUp> {
        self.insist(watch, ("write ", "/processed", " to disk"), || fsync(&files.processed))?;
        self.insist(watch, ("write ", "/newstate", " to disk"), || fsync(&files.newstate))?;
        // from here on a kill -9 leaves a complete file
        self.insist(watch, ("set mode of ", "/processed", ""), || fchmod(&files.processed, COMPLETE))?;
        self.remove("previous", watch)?;
        self.insist(watch, ("rename newstate to state in directory ", "", ""), || {
            renameat(&self.directory, "newstate", &self.directory, "state")
        })?;
        self.finish("processed", self.settings.code, watch)?;
        self.sync_names();
        Ok(())
    }

    /// When it next has to be looked after, whatever comes in.
    pub fn due(&self) -> Option<Instant> {
        let again = match &self.work {
            Some(Work::Failed(again)) => Some(*again),
            _ => None,
        };
        [again, self.too_old()].into_iter().flatten().min()
    }

    /// When the age of `current` asks for a new one.
    fn too_old(&self) -> Option<Instant> {
        self.begun?.checked_add(self.settings.age?)
    }

    /// Sees to what was due.
    ///
    /// # Errors
    /// If it could not be done before the end.
    pub fn look_after(&mut self, watch: &mut Watch) -> Result<(), GaveUp> {
        self.go_on_with_work(watch)?;
        if self.too_old().is_some_and(|end| end <= Instant::now()) {
            self.rotate(watch)?;
        }
        Ok(())
    }
}

/// Fails for that reason, and then no more.
fn once(reason: Errno) -> impl FnMut() -> nix::Result<()> {
    let mut reason = Some(reason);
    move || reason.take().map_or(Ok(()), Err)
}
