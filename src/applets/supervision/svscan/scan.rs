//! Which service directories there are: looked at when inotify tells of a change, and once a minute in any case.

use super::entry::{Entry, is_directory};
use crate::files::file_id::FileId;
use crate::service::scan_directory::{SPEAKER, ScanDirectory, names};
use crate::time::clock::{SECOND, monotonic};
use crate::voice::once_a_minute::OnceAMinute;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::stat::{FileStat, fstatat};
use nix::unistd::geteuid;
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd};

/// How often the directory is looked at where nobody tells of changes.
const UNTOLD: u64 = 5 * SECOND;

/// How often it is looked at in any case.
const TOLD: u64 = 60 * SECOND;

/// How long changes are gathered.
const GATHER: u64 = SECOND / 20;

/// When to look, and what was seen.
pub struct Scanner {
    inotify: Option<Inotify>,
    scan_at: u64,
    /// Whether what is no longer there is to end.
    prunes: bool,
    /// What failed, with what and why.
    said: OnceAMinute<(&'static str, Vec<u8>, Errno)>,
}

impl Scanner {
    /// One that looks at the current directory, at once.
    pub fn new() -> Self {
        Self { inotify: watch(), scan_at: 0, prunes: false, said: OnceAMinute::default() }
    }

    /// What becomes readable when something has changed.
    pub fn watched(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Takes the news of changes.
    pub fn take_news(&mut self) {
        let Some(inotify) = &self.inotify else { return };
        let mut has_changed = false;
        loop {
            match inotify.read_events() {
                Ok(events) if !events.is_empty() => has_changed = true,
                Err(Errno::EINTR) => {}
                _ => break,
            }
        }
        if has_changed {
            self.scan_at = self.scan_at.min(monotonic() + GATHER);
        }
    }

    /// Whether it has looked at all.
    pub fn has_looked(&self) -> bool {
        self.scan_at > 0
    }

    /// Looks at once.
    pub fn scan_now(&mut self) {
        self.scan_at = self.scan_at.min(1);
    }

    /// Looks at once, and ends what is no longer there.
    pub fn prune_now(&mut self) {
        self.scan_at = self.scan_at.min(1);
        self.prunes = true;
    }

    /// When to look next.
    pub fn next_time(&self) -> u64 {
        self.scan_at
    }

    /// Whether it is time to look.
    pub fn is_due(&self) -> bool {
        monotonic() >= self.scan_at
    }

    /// Looks, and notes what is new, what is there again and what is no longer there. `own` is svscan's log.
    pub fn scan(&mut self, entries: &mut Vec<Entry>, base: &ScanDirectory<'_>, own: Option<FileId>) {
        let is_told = self.inotify.is_some();
        self.scan_at = monotonic() + if is_told { TOLD } else { UNTOLD };
        let names = match base.come_back().and_then(|()| names()) {
            Ok(names) => names,
            Err(reason) => {
                self.scan_at = monotonic() + UNTOLD;
                return self.complain("read", b"directory", reason);
            }
        };
        for entry in entries.iter_mut() {
            entry.is_active = false;
        }
        for name in names {
            let seen = match fstatat(nix::fcntl::AT_FDCWD, name.as_c_str(), AtFlags::empty()) {
                Ok(seen) => seen,
                // renamed or removed since it was listed, and not a link to what is not there
                Err(Errno::ENOENT) if has_gone(&name) => continue,
                Err(reason) => {
                    self.complain("stat", name.as_bytes(), reason);
                    if !matches!(reason, Errno::ENOENT | Errno::ENOTDIR) {
                        // it may be there
                        let known = entries.iter_mut().filter(|entry| entry.name == name);
                        known.for_each(|entry| entry.is_active = true);
                        self.scan_at = self.scan_at.min(monotonic() + UNTOLD);
                    }
                    continue;
                }
            };
            let known = FileId::of(&seen);
            if !is_directory(&seen) || own == Some(known) {
                continue;
            }
            match entries.iter_mut().find(|entry| entry.identity == known) {
                Some(entry) => {
                    entry.is_active = true;
                    let is_same = |file: FileStat| FileId::of(&file) == known;
                    let look = |name: &CString| fstatat(nix::fcntl::AT_FDCWD, name.as_c_str(), AtFlags::empty());
                    // two names may lead to it; but it may also have another one by now
                    if entry.name != name && !look(&entry.name).is_ok_and(is_same) {
                        entry.name = name;
                    }
                }
                None => {
                    warn_of_others(&name, &seen);
                    let mut entry = Entry::new(name, known);
                    entry.take_over(base);
                    entries.push(entry);
                }
            }
        }
        entries.iter_mut().for_each(Entry::hold);
        if std::mem::take(&mut self.prunes) {
            for entry in entries.iter_mut().filter(|entry| !entry.is_active) {
                entry.is_ending = true;
            }
        }
    }

    /// Says what failed, once a minute.
    fn complain(&mut self, verb: &'static str, object: &[u8], reason: Errno) {
        if self.said.is_due((verb, object.to_vec(), reason), monotonic()) {
            SPEAKER.warn_unable_to(verb, &[object], reason);
        }
    }
}

fn watch() -> Option<Inotify> {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).ok()?;
    let what = AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_MOVED_TO
        | AddWatchFlags::IN_MOVED_FROM
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_ATTRIB
        | AddWatchFlags::IN_ONLYDIR;
    inotify.add_watch(c".", what).ok()?;
    Some(inotify)
}

/// Whoever may write to a service directory is whoever supervises it.
fn warn_of_others(name: &CString, seen: &FileStat) {
    const OTHERS_WRITE: u32 = 0o022;
    if !geteuid().is_root() {
        return;
    }
    let why: &[u8] = match (seen.st_uid, seen.st_mode & OTHERS_WRITE) {
        (0, 0) => return,
        (0, _) => b" can be written to by others, who become root by that",
        _ => b" belongs to another account, which becomes root by that",
    };
    SPEAKER.warn(&[name.as_bytes(), why]);
}

/// Whether there is nothing of this name, not even a link.
fn has_gone(name: &CString) -> bool {
    fstatat(nix::fcntl::AT_FDCWD, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) == Err(Errno::ENOENT)
}
