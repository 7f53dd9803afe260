//! What small files in the service directory ask for. They are read when they matter, so that a change needs no restart.

use crate::number::decimal;
use crate::process::signal_names;
use crate::service::request_file::{LIMIT, Unusable, word};
use crate::time::clock::SECOND;
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, SFlag, fstatat};
use std::ffi::CStr;
use std::os::fd::RawFd;

fn stat(name: &CStr) -> nix::Result<FileStat> {
    fstatat(nix::fcntl::AT_FDCWD, name, AtFlags::empty())
}

/// Whether there is a file of that name.
pub fn is_there(name: &CStr) -> bool {
    stat(name).is_ok()
}

/// Whether it is surely not there; in doubt it may be.
pub fn is_missing(name: &CStr) -> bool {
    stat(name).is_err_and(|reason| reason == Errno::ENOENT)
}

/// Whether it can be run: a file that somebody may execute.
pub fn is_script(name: &CStr) -> bool {
    stat(name).is_ok_and(|file| {
        let mode = SFlag::from_bits_truncate(file.st_mode);
        mode & SFlag::S_IFMT == SFlag::S_IFREG && file.st_mode & 0o111 != 0
    })
}

fn number(name: &CStr) -> Result<Option<Option<u64>>, Unusable> {
    match word(name, &mut [0; LIMIT])? {
        None => Ok(None),
        Some(b"") => Ok(Some(None)),
        Some(word) => decimal(word).map(|number| Some(Some(number))).ok_or(Unusable::Senseless),
    }
}

/// `timeout-kill`: how many nanoseconds after it was told to end the service is killed. 0 and an empty file mean never. What
/// is beyond counting is for ever.
pub fn timeout_kill() -> Result<Option<u64>, Unusable> {
    const MILLISECOND: u64 = SECOND / 1000;
    Ok(number(c"timeout-kill")?.flatten().filter(|&limit| limit > 0).map(|limit| limit.saturating_mul(MILLISECOND)))
}

/// `notification-fd`: the descriptor at which the service says that it is ready; not one of the standard ones.
pub fn notification() -> Result<Option<RawFd>, Unusable> {
    match number(c"notification-fd")? {
        None => Ok(None),
        Some(number) => match number.and_then(|number| RawFd::try_from(number).ok()) {
            Some(number) if number > 2 => Ok(Some(number)),
            _ => Err(Unusable::Senseless),
        },
    }
}

/// `backoff`: the longest distance between two starts in nanoseconds, if they are to grow apart.
pub fn backoff() -> Result<Option<u64>, Unusable> {
    /// Seconds, where the file is empty.
    const LONGEST: u64 = 60;
    Ok(number(c"backoff")?.map(|longest| longest.unwrap_or(LONGEST).saturating_mul(SECOND)))
}

/// `down-signal`: the signal that tells the service to end.
pub fn down_signal() -> Result<i32, Unusable> {
    match word(c"down-signal", &mut [0; LIMIT])? {
        None | Some(b"") => Ok(libc::SIGTERM),
        Some(word) => signal_names::number(word).ok_or(Unusable::Senseless),
    }
}
