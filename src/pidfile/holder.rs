//! Who holds a pid file.

use super::text;
use crate::files::file_id;
use crate::process::life::is_running;
use crate::process::table;
use crate::process::table::command;
use crate::sys::lock;
use nix::sys::stat::{FileStat, stat};
use nix::unistd::{Pid, geteuid};
use std::ffi::OsStr;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// Whoever keeps another from a pid file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// The process that holds the record lock.
    Process(Pid),
    /// A process with a read lock: it runs no service, it is in the way.
    Reader(Pid),
    /// A process with a read lock that may be a service's: how it has the file open cannot be seen.
    Doubtful(Pid),
    /// A process that the kernel cannot name here: of another pid namespace, or another machine; or the lock is not a
    /// process's but an open file's.
    Unseen,
    /// The process that the file names, which has the file open still but has lost its lock: by opening and closing
    /// the file, as a program does that writes its own pid file.
    Careless(Pid),
    /// The process that the file names, which runs but has never locked it.
    Unlocked(Pid),
    /// Whoever has a flock(2) on the file, whose holder is not to be learnt. With the pid that the file names.
    Flock(Option<Pid>),
}

impl Holder {
    /// Who holds a record lock on the file, if anybody does.
    ///
    /// # Errors
    /// As fcntl(2), F_GETLK.
    pub fn of(file: BorrowedFd<'_>) -> nix::Result<Option<Self>> {
        Ok(lock::obstacle(file)?.map(|obstacle| match (obstacle.holder, obstacle.shared) {
            (Some(pid), false) => Self::Process(pid),
            (Some(pid), true) => Self::Reader(pid),
            (None, _) => Self::Unseen,
        }))
    }

    /// Who keeps this process from a record lock on a pid file that says `text`. A read lock counts for a process that has the
    /// file open as no mere reader can; who else has one is [`Holder::Reader`], and only in the way.
    ///
    /// # Errors
    /// As [`Holder::of`].
    pub fn in_the_way(file: BorrowedFd<'_>, text: &[u8], seen: &FileStat) -> nix::Result<Option<Self>> {
        let holder = Self::of(file)?;
        let Some(Self::Reader(reader)) = holder else { return Ok(holder) };
        let named = text::pid(text);
        // the kernel names one of several; all are in its list, and where that cannot be read, the one that is named may be
        let listed = lock_holders(seen).unwrap_or_else(|| named.filter(|&pid| is_running(pid)).into_iter().collect());
        let own = nix::unistd::getpid();
        // the one that is named first
        let first = named.filter(|pid| listed.contains(pid));
        let mut all: Vec<Pid> = first.into_iter().chain([reader]).chain(listed).filter(|&pid| pid != own).collect();
        all.dedup();
        let mut doubtful = None;
        for pid in all {
            match open_in(pid, seen) {
                Open::ByHolder => return Ok(Some(Self::Process(pid))),
                Open::ByReader => {}
                Open::Unknown if !may_be_a_service(pid, named, seen) => {}
                Open::Unknown if named == Some(pid) => return Ok(Some(Self::Process(pid))),
                Open::Unknown => doubtful = doubtful.or(Some(pid)),
            }
        }
        Ok(Some(doubtful.map_or(Self::Reader(reader), Self::Doubtful)))
    }

    /// The process that `text` names, if it has `file` open as a program has it that has held the lock and lost it.
    pub fn careless(text: &[u8], file: &FileStat) -> Option<Self> {
        let pid = text::pid(text).filter(|&pid| pid != nix::unistd::getpid())?;
        (open_in(pid, file) == Open::ByHolder).then_some(Self::Careless(pid))
    }

    /// Which process that is, where it is known.
    pub fn pid(self) -> Option<Pid> {
        match self {
            Self::Process(pid)
            | Self::Reader(pid)
            | Self::Doubtful(pid)
            | Self::Careless(pid)
            | Self::Unlocked(pid) => Some(pid),
            Self::Flock(pid) => pid,
            Self::Unseen => None,
        }
    }

    /// `FILE is held by pid 77 (nginx)`.
    pub fn describe(self, file: &[u8]) -> Vec<u8> {
        let how = match self {
            Self::Process(pid) => format!("is held by pid {pid}{}", in_parentheses(pid)),
            Self::Reader(pid) | Self::Doubtful(pid) => {
                format!("is blocked by a read lock of pid {pid}{}", in_parentheses(pid))
            }
            Self::Unseen => "is held by a process that cannot be seen from here".to_owned(),
            Self::Careless(pid) => format!(
                "is held by pid {pid}{}, which has it open but has dropped its lock, by opening and closing the file",
                in_parentheses(pid)
            ),
            Self::Unlocked(pid) => {
                format!("is held by pid {pid}{}, which has not locked it", in_parentheses(pid))
            }
            Self::Flock(Some(pid)) if is_running(pid) => format!("is locked (pid {pid} in the file, running)"),
            Self::Flock(Some(pid)) => format!("is locked (pid {pid} in the file, not running)"),
            Self::Flock(None) => "is locked (no pid in the file)".to_owned(),
        };
        [file, b" ", how.as_bytes()].concat()
    }
}

fn in_parentheses(pid: Pid) -> String {
    command(pid).map_or(String::new(), |name| format!(" ({name})"))
}

/// How a process has a pid file open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    /// Not at all, or that cannot be learnt.
    Unknown,
    /// As anybody can who may read it.
    ByReader,
    /// As only its owner, root, or whom they have given the descriptor can: for writing, or with O_NOATIME.
    ByHolder,
}

fn open_in(pid: Pid, seen: &FileStat) -> Open {
    let Ok(descriptors) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Open::Unknown };
    let is_file = |path: &Path| stat(path).is_ok_and(|open| file_id::is_same(&open, seen));
    let mut open = Open::Unknown;
    for entry in descriptors.filter_map(Result::ok).filter(|entry| is_file(&entry.path())) {
        // who may write a file can open it in any way
        let is_guarded = seen.st_mode & 0o022 == 0;
        let flags = if is_guarded { flags_of(pid, &entry.file_name()) } else { None };
        match flags {
            Some(flags) if flags & (libc::O_ACCMODE | libc::O_NOATIME) == libc::O_RDONLY => open = Open::ByReader,
            _ => return Open::ByHolder,
        }
    }
    open
}

/// The flags of a process's descriptor, from proc(5): `flags:` and octal digits.
fn flags_of(pid: Pid, number: &OsStr) -> Option<i32> {
    let about = std::fs::read(Path::new("/proc").join(pid.to_string()).join("fdinfo").join(number)).ok()?;
    let flags = about.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"flags:"))?;
    i32::from_str_radix(std::str::from_utf8(flags).ok()?.trim(), 8).ok()
}

/// Whether a process with a lock, whose descriptors cannot be seen, may be what the file is about. Where that cannot be told, it
/// is. Root's may have become any account, but then it is the one that the file names; another user's has no way to.
fn may_be_a_service(pid: Pid, named: Option<Pid>, file: &FileStat) -> bool {
    let own = geteuid();
    let Some(users) = table::users_of(pid) else { return true };
    [0, own.as_raw(), file.st_uid].iter().any(|user| users.contains(user)) || own.is_root() && named == Some(pid)
}

/// The processes with a record lock on the file in the kernel's list; by the number of its inode, since the list names the
/// device of some file systems otherwise than stat(2). `None` if there is no list.
fn lock_holders(file: &FileStat) -> Option<Vec<Pid>> {
    let list = std::fs::read("/proc/locks").ok()?;
    let inode = format!(":{}", file.st_ino);
    // 1: POSIX  ADVISORY  READ 77 00:1a:4711 0 EOF; with `->` behind the number for who waits
    let holder = |line: &[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
        words.next().filter(|&kind| kind == b"POSIX")?;
        let pid = crate::number::decimal_in(words.nth(2)?).map(Pid::from_raw)?;
        words.next()?.ends_with(inode.as_bytes()).then_some(pid)
    };
    Some(list.split(|&byte| byte == b'\n').filter_map(holder).filter(|pid| pid.as_raw() > 0).collect())
}
