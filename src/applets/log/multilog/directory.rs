//! A log directory: its files as another multilog may have left them, and lines appended to `current`.
//!
//! | file | mode | is |
//! |---|---|---|
//! | `lock` | 0600 | locked as long as a multilog writes here |
//! | `current` | 0644 | being written, or left by one that was killed |
//! | `current` | 0744 | closed cleanly |
//! | `previous` | 0744 | full, on its way to be an old file |
//! | `processed` | 0644, 0744 | what a processor makes of it; 0744 when complete and on disk |
//! | `state`, `newstate` | 0644 | what a processor has left, and is leaving |
//! | `@LABEL.s` | 0744 | complete, processed and on disk |
//! | `@LABEL.u` | as it was | was `current` or `previous` when multilog was killed |

use super::SPEAKER;
use super::actions::Settings;
use super::events::{Events, GaveUp};
use super::files;
use super::processor::Surroundings;
use super::rotation::Work;
use crate::files::sight;
use crate::sys::descriptor::uninterrupted;
use crate::sys::words::Word;
use crate::time::tai64n::Moment;
use crate::voice::failure::{Failure, UnableTo};
use memchr::memchr;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, fchmod, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// While it is written; the owner's x says that it is complete.
pub const OPEN: Mode = Mode::from_bits_truncate(0o644);
/// When it is complete.
pub const COMPLETE: Mode = Mode::from_bits_truncate(0o744);

/// How far before the limit a file may end with a line.
const SLACK: u64 = 2000;

/// A log directory that is written to.
pub struct LogDirectory<'a> {
    pub(super) settings: Settings<'a>,
    pub(super) surroundings: &'a Surroundings,
    /// Its processor as a word.
    pub(super) command: Option<Word>,
    pub(super) directory: OwnedFd,
    pub(super) lock: OwnedFd,
    pub(super) current: OwnedFd,
    /// Bytes in `current`.
    pub(super) bytes: u64,
    /// When its first byte was written.
    pub(super) begun: Option<Instant>,
    /// What is being done about `previous`.
    pub(super) work: Option<Work>,
    /// Whether `previous` or what is made of it may be there, on its way to be an old file.
    pub(super) is_rotating: bool,
    /// Whether what was written last may not be the end of a line: then `current` does not count as closed cleanly.
    is_torn: bool,
    /// What keeps it from being opened.
    failure: Cell<Option<Failure>>,
    /// Whether something failed because the directory, or a file in it, is not there any more.
    pub(super) is_lost: Cell<bool>,
    /// Whether the file system tells how many names `current` has.
    pub(super) counts_links: bool,
    /// When it was last made anew.
    pub(super) renewed: Option<Instant>,
    /// Whether it has been said that the processor is not there.
    pub(super) is_told: bool,
}

impl<'a> LogDirectory<'a> {
    /// Opens a directory, which is made if it does not exist, and puts its files in order.
    ///
    /// # Errors
    /// With a message, if that cannot be done, or if another multilog has it.
    pub fn open(settings: Settings<'a>, surroundings: &'a Surroundings, events: &mut Events) -> anyhow::Result<Self> {
        Self::open_holding(None, settings, surroundings, events)
    }

    /// Likewise, with a lock that may be this directory's.
    pub(super) fn open_holding(
        held: Option<&OwnedFd>,
        settings: Settings<'a>,
        surroundings: &'a Surroundings,
        events: &mut Events,
    ) -> anyhow::Result<Self> {
        let name = settings.name;
        let made = mkdirat(nix::fcntl::AT_FDCWD, name, Mode::S_IRWXU);
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let directory = match (uninterrupted(|| open(name, flags, Mode::empty())), made) {
            (Err(Errno::ENOENT), Err(reason)) if reason != Errno::ENOENT => {
                return Err(Failure::unable_to("create directory", name, reason).into());
            }
            (directory, _) => directory.unable_to("open directory", name)?,
        };
        let object = |file: &str| [name, b"/", file.as_bytes()].concat();
        let stat = |file| files::sight(&directory, file).unable_to("stat", &object(file));
        // a device may do something when it is opened
        if stat("lock")?.is_some_and(|seen| files::is_special(&seen)) {
            return Err(not_regular("lock directory", name, "lock"));
        }
        let lock = uninterrupted(|| files::lock(&directory, held)).unable_to("lock directory", name)?;
        let clean = stat("current")?.filter(|seen| seen.st_mode & 0o100 != 0);
        if clean.is_some_and(|seen| files::is_special(&seen)) {
            return Err(not_regular("append to", &object("current"), "it"));
        }
        // what has other names, too, may be somebody else's file, or a copy that is to stay as it is
        let goes_on = clean.is_some_and(|seen| !sight::is_regular(seen.st_mode) || seen.st_nlink == 1);
        let command = settings.processor.map(|command| Word::leak(command.to_vec()));
        // replaced below; until then nothing is written
        let current = directory.try_clone().unable_to("open directory", name)?;
        let mut this = Self {
            settings,
            surroundings,
            command,
            directory,
            lock,
            current,
            bytes: 0,
            begun: None,
            work: None,
            is_rotating: false,
            is_torn: false,
            failure: Cell::new(None),
            is_lost: Cell::new(false),
            counts_links: false,
            renewed: None,
            is_told: false,
        };
        if this.recover(clean.is_some(), goes_on, events).is_err() {
            return Err(this.failure.take().unwrap_or_else(Failure::unspoken).into());
        }
        if clean.is_none() {
            uninterrupted(|| files::create(&this.directory, "state", OFlag::empty(), OPEN))
                .unable_to("write to", &object("state"))?;
        }
        // the reference's words
        let verb = if goes_on { "append to" } else { "write to" };
        let open = || if goes_on { this.open_current() } else { this.new_current() };
        let current = uninterrupted(open).unable_to(verb, &object("current"))?;
        let seen = fstat(&current).unable_to("stat", &object("current"))?;
        this.counts_links = seen.st_nlink > 0;
        this.current = current;
        this.bytes = u64::try_from(seen.st_size).unwrap_or(0);
        this.begun = (this.bytes > 0).then(|| begun(&this.current)).flatten();
        Ok(this)
    }

    /// Opens `current`, which is there, to append to it.
    fn open_current(&self) -> nix::Result<OwnedFd> {
        let file = files::open(&self.directory, "current", OFlag::O_WRONLY | OFlag::O_APPEND, Mode::empty())?;
        fchmod(&file, OPEN)?;
        Ok(file)
    }

    /// Makes `current`.
    pub(super) fn new_current(&self) -> nix::Result<OwnedFd> {
        let file = files::create(&self.directory, "current", OFlag::O_APPEND, Mode::S_IRUSR | Mode::S_IWUSR)?;
        fchmod(&file, OPEN)?;
        Ok(file)
    }

    /// Makes old files of what one who was killed has left, and of a `current` that cannot be gone on with.
    fn recover(&mut self, is_clean: bool, goes_on: bool, events: &mut Events) -> Result<(), GaveUp> {
        if !is_clean {
            self.remove("state", events)?;
        }
        self.remove("newstate", events)?;
        let is_complete = |seen: FileStat| sight::is_regular(seen.st_mode) && seen.st_mode & 0o100 != 0;
        if self.look_at("processed", events)?.is_some_and(is_complete) {
            self.remove("previous", events)?;
            self.finish("processed", self.settings.code, events)?;
        } else {
            self.remove("processed", events)?;
        }
        self.finish("previous", b"u", events)?;
        if !goes_on {
            // one that was only just begun is not worth the place of an old file
            match self.look_at("current", events)? {
                Some(seen) if seen.st_size == 0 => self.remove("current", events)?,
                _ => self.finish("current", b"u", events)?,
            }
        }
        self.sync_names();
        Ok(())
    }

    /// Appends lines, or parts of lines. Ends files where lines end, if it can.
    ///
    /// # Errors
    /// If they cannot be written before the end.
    pub fn append(&mut self, bytes: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        let mut left = bytes;
        loop {
            match self.append_here(&mut left, events) {
                Err(GaveUp) if self.is_lost.take() => {
                    // whole lines, though a part of one may have been written there
                    if self.make_anew(events)? {
                        left = bytes;
                    }
                }
                outcome => return outcome,
            }
        }
    }

    fn append_here(&mut self, bytes: &mut &[u8], events: &mut Events) -> Result<(), GaveUp> {
        while !bytes.is_empty() {
            let mut size = self.settings.size;
            if self.bytes >= size {
                self.rotate(events)?;
                // put off until the processor has done with the last one
                if self.bytes >= size {
                    size = u64::MAX;
                }
            }
            let place = |total: u64| usize::try_from(total.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
            let most = bytes.len().min(place(size));
            let first_end = place(size - SLACK).max(1);
            let line = match bytes.get(first_end - 1..most) {
                Some(rest) => memchr(b'\n', rest).map(|found| first_end + found),
                None => None,
            };
            let (part, rest) = bytes.split_at(line.unwrap_or(most));
            self.write(part, events)?;
            *bytes = rest;
            if line.is_some() {
                self.rotate(events)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, mut bytes: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        if self.bytes == 0 {
            self.begun = Some(Instant::now());
        }
        let ends_inside = bytes.last() != Some(&b'\n');
        while !bytes.is_empty() {
            // a line may be written in part from here on
            self.is_torn = true;
            let count =
                self.insist(events, ("write to", "/current", ""), || nix::unistd::write(&self.current, bytes))?;
            if self.has_lost_current() {
                self.is_lost.set(true);
                return Err(GaveUp);
            }
            self.bytes += count as u64;
            bytes = &bytes[count..];
        }
        self.is_torn = ends_inside;
        Ok(())
    }

    /// What the file of that name is; `None` if there is none.
    pub(super) fn look_at(&self, name: &str, events: &mut Events) -> Result<Option<FileStat>, GaveUp> {
        self.insist(events, ("stat", &["/", name].concat(), ""), || files::sight(&self.directory, name))
    }

    /// Removes the file of that name if there is one.
    pub(super) fn remove(&self, name: &str, events: &mut Events) -> Result<(), GaveUp> {
        self.insist(events, ("remove", &["/", name].concat(), ""), || {
            match unlinkat(&self.directory, name, UnlinkatFlags::NoRemoveDir) {
                Err(Errno::ENOENT) => Ok(()),
                outcome => outcome,
            }
        })
    }

    /// Tries until it succeeds.
    pub(super) fn insist<T>(
        &self,
        events: &mut Events,
        what: (&str, &str, &str),
        mut attempt: impl FnMut() -> nix::Result<T>,
    ) -> Result<T, GaveUp> {
        loop {
            match uninterrupted(&mut attempt) {
                Ok(done) => return Ok(done),
                Err(reason) => self.before_next_attempt(events, what, reason)?,
            }
        }
    }

    /// After a failure: makes room if that may help, or says `unable to VERB DIRECTORY/FILE PURPOSE, pausing: REASON` and
    /// waits. At the start the first failure is the end.
    pub(super) fn before_next_attempt(
        &self,
        events: &mut Events,
        (verb, file, purpose): (&str, &str, &str),
        reason: Errno,
    ) -> Result<(), GaveUp> {
        if !events.is_started {
            let object = [self.settings.name, file.as_bytes(), purpose.as_bytes()].concat();
            self.failure.set(Some(Failure::unable_to(verb, &object, reason)));
            return Err(GaveUp);
        }
        if matches!(reason, Errno::ENOENT | Errno::ESTALE) {
            self.is_lost.set(true);
            return Err(GaveUp);
        }
        if matches!(reason, Errno::ENOSPC | Errno::EDQUOT) && self.make_room() {
            return Ok(());
        }
        self.warn(verb, file, purpose, reason);
        events.pause()
    }

    fn warn(&self, verb: &str, file: &str, purpose: &str, reason: Errno) {
        let after = [file, purpose, ", pausing"].concat();
        SPEAKER.warn_unable_to(verb, &[self.settings.name, after.as_bytes()], reason);
    }

    /// Brings the names of the directory to disk, as far as its file system does such a thing.
    pub(super) fn sync_names(&self) {
        let _ = nix::unistd::fsync(&self.directory);
    }

    /// Closes `current`, after what is being done about `previous`; cleanly, if that has come to its end, too: the reference
    /// would write over a `previous` beside a clean `current`.
    ///
    /// # Errors
    /// If that could not be done before the end; then the next multilog treats it as if this one had been killed.
    pub fn close(&mut self, events: &mut Events) -> Result<(), GaveUp> {
        let mut finished = self.finish_work(events);
        if self.is_lost.take() && self.is_removed() {
            self.is_rotating = false;
            finished = Ok(());
        }
        self.insist(events, ("write", "/current", " to disk"), || nix::unistd::fsync(&self.current))?;
        finished?;
        if self.is_torn || self.is_rotating {
            return Err(GaveUp);
        }
        self.insist(events, ("set mode of", "/current", ""), || fchmod(&self.current, COMPLETE))
    }

    /// Its name.
    pub fn name(&self) -> &'a [u8] {
        self.settings.name
    }
}

/// The words where something else stands in the place of a file.
fn not_regular(verb: &str, object: &[u8], what: &str) -> anyhow::Error {
    let after = format!(": {what} is not a regular file");
    Failure::new([b"unable to ", verb.as_bytes(), b" ", object, after.as_bytes()].concat()).into()
}

/// When a file that is there was begun, by a clock that is never set.
fn begun(file: &OwnedFd) -> Option<Instant> {
    let now = Moment::now();
    let age = now.seconds.saturating_sub(sight::birth(file.as_fd()).ok()?);
    Instant::now().checked_sub(Duration::from_secs(u64::try_from(age).unwrap_or(0)))
}
