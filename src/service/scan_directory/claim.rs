//! One svscan for a directory: the lock that it holds as long as it lives, and what is looked at where there can be none.

use super::{SPEAKER, ScanDirectory, names};
use crate::files::file_id::FileId;
use crate::files::sight::{self, is_regular};
use crate::process::life;
use crate::process::life::Life;
use crate::process::start;
use crate::process::table;
use crate::process::table::{command, parent_of};
use crate::service::Home;
use crate::sys::descriptor;
use crate::sys::lock::{self, Kind};
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, fstat, lstat, stat};
use nix::unistd::{Pid, geteuid, getpid};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::Duration;

/// The file that is locked, in the directory. Its name begins with a dot, so nobody takes it for a service.
const LOCK: &[u8] = b".svscan.lock";

/// Claims the directory, which is to be the current one. What comes back is to be kept as long as svscan lives; `None` where
/// there can be no lock. A descriptor of the lock that is among the `inherited` ones, which svscanboot hands down, is taken
/// out of them.
///
/// # Errors
/// If another svscan lives on it, or if something is in the place of the lock.
pub fn claim(base: &ScanDirectory<'_>, inherited: &mut Vec<RawFd>) -> anyhow::Result<Option<OwnedFd>> {
    if let Some(lock) = handed_down(inherited) {
        return take(&lock, LOCK).map(|()| Some(lock));
    }
    let (mut file, mut outcome) = (LOCK.to_vec(), open_lock(LOCK, base));
    if outcome.is_err()
        && let Some(other) = beside_supervise(base)
    {
        outcome = open_lock(&other, base).or(outcome);
        file = if outcome.is_ok() { other } else { file };
    }
    match outcome {
        Ok((lock, is_new)) => {
            take(&lock, &file)?;
            // who had the directory before there was the file, or has lost it
            if is_new {
                look_for_another(base)?;
            }
            Ok(Some(lock))
        }
        // something is there that is no lock
        Err(Errno::ELOOP | Errno::EISDIR | Errno::ENXIO | Errno::EEXIST) => {
            Err(Failure::new([b"unable to use ", file.as_slice(), b": it is no lock of svscan's"].concat()).into())
        }
        Err(reason) => {
            // where nothing can be written there is nothing amiss
            if !matches!(reason, Errno::EROFS | Errno::EACCES | Errno::EPERM) {
                SPEAKER.warn_unable_to("open", &[&file], reason);
            }
            look_for_another(base).map(|()| None)
        }
    }
}

/// Where absolute `SUPERVISEDIR` has the supervise directories, a name beside them.
fn beside_supervise(base: &ScanDirectory<'_>) -> Option<Vec<u8>> {
    base.environ.get(b"SUPERVISEDIR").filter(|name| name.bytes().starts_with(b"/"))?;
    let home = Home::here(base.environ).ok()?;
    let (directory, name) = home.place();
    Some([directory, b"/.svscan:", name].concat())
}

/// Opens the lock, and says whether it has not been there before.
fn open_lock(name: &[u8], base: &ScanDirectory<'_>) -> nix::Result<(OwnedFd, bool)> {
    /// It may come and go; nobody does that for long.
    const ATTEMPTS: u8 = 5;
    const MODE: Mode = Mode::from_bits_truncate(0o600);
    let flags = OFlag::O_RDWR | sight::CAREFULLY;
    let mut reason = Errno::ENOENT;
    for _ in 0..ATTEMPTS {
        match open(name, flags | OFlag::O_CREAT | OFlag::O_EXCL, MODE) {
            Ok(lock) => return Ok((lock, true)),
            Err(Errno::EEXIST) => {}
            Err(reason) => return Err(reason),
        }
        match open(name, flags, Mode::empty()) {
            Ok(lock) => return if is_trusted(&fstat(&lock)?, base) { Ok((lock, false)) } else { Err(Errno::EEXIST) },
            Err(Errno::ENOENT) => {}
            Err(other) => {
                reason = other;
                break;
            }
        }
    }
    Err(reason)
}

/// Whether it is what an svscan has made: one of this account, of root, or of whoever owns the directory, and so all that is
/// run here.
fn is_trusted(file: &FileStat, base: &ScanDirectory<'_>) -> bool {
    let owner = fstat(base.directory).map_or(0, |directory| directory.st_uid);
    let is_owner = [0, geteuid().as_raw(), owner].contains(&file.st_uid);
    is_regular(file.st_mode) && file.st_nlink == 1 && is_owner
}

/// The lock that was held before this process became svscan. It must not be opened a second time: to close one descriptor of
/// it is to lose it.
fn handed_down(inherited: &mut Vec<RawFd>) -> Option<OwnedFd> {
    let file = lstat(LOCK).ok()?;
    let place = inherited.iter().position(|&number| {
        let path = format!("/proc/self/fd/{number}");
        stat(path.as_str()).is_ok_and(|seen| FileId::of(&seen) == FileId::of(&file))
    })?;
    let lock = descriptor::adopt(inherited[place], |lock| {
        // not if it is open for reading only, say
        !matches!(lock::acquire(lock, Kind::Record, false, false), Err(Errno::EBADF))
    })?;
    inherited.remove(place);
    Some(lock)
}

/// Takes the lock. One whose owner is just dying is waited for: whoever has killed it need not.
fn take(lock: &OwnedFd, file: &[u8]) -> anyhow::Result<()> {
    const MOMENT: Duration = Duration::from_millis(10);
    const MOMENTS_OF_WORK: u16 = 100;
    const MOMENTS: u16 = 500;
    for moment in 0.. {
        match lock::acquire(lock.as_fd(), Kind::Record, false, false) {
            Ok(()) => break,
            Err(Errno::EAGAIN | Errno::EACCES) => {}
            Err(reason) => {
                // a file system without locks
                SPEAKER.warn_unable_to("lock", &[file], reason);
                break;
            }
        }
        let obstacle = lock::obstacle(lock.as_fd()).unable_to("lock", file)?;
        let holder = obstacle.and_then(|obstacle| obstacle.holder);
        let patience = match (obstacle, holder) {
            (Some(_), Some(pid)) if table::is_proc_ours() => match life::life_of(pid) {
                Life::Goes => 0,
                Life::Moves => MOMENTS_OF_WORK,
                Life::Ends => MOMENTS,
            },
            (Some(_), _) => 0,
            (None, _) => MOMENTS,
        };
        if moment >= patience {
            return Err(another(holder));
        }
        std::thread::sleep(MOMENT);
    }
    Ok(())
}

fn another(pid: Option<Pid>) -> anyhow::Error {
    let who = pid.map_or_else(String::new, |pid| format!(" (pid {pid})"));
    Failure::new(format!("another svscan runs here{who}")).into()
}

/// Looks for an svscan that holds no lock: one that a supervise of this directory is the child of.
fn look_for_another(base: &ScanDirectory<'_>) -> anyhow::Result<()> {
    let Ok(here) = fstat(base.directory) else { return Ok(()) };
    let is_one = |pid: Pid| {
        let place = format!("/proc/{pid}/cwd");
        pid != getpid()
            && command(pid).is_some_and(|name| name == "svscan")
            && stat(place.as_str()).is_ok_and(|place| FileId::of(&place) == FileId::of(&here))
            && life::life_of(pid) != Life::Ends
    };
    let boot = start::boot();
    for name in names().unwrap_or_default() {
        let info = base.info(&name).filter(|info| info.boot == boot && info.supervise.is_alive());
        let parent = info.and_then(|info| parent_of(info.supervise.number()?));
        if let Some(parent) = parent.filter(|&parent| is_one(parent)) {
            return Err(another(Some(parent)));
        }
    }
    Ok(())
}
