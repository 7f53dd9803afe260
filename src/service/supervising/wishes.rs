//! What small files in the service directory ask for. They are read when they matter, so that a change needs no restart.

use crate::number::{decimal, decimal_in};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use std::ffi::CStr;
use std::os::fd::RawFd;
use std::time::Duration;

/// How large such a file may be: a number or a name, and a newline.
const LIMIT: usize = 32;

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

/// What is beyond counting is for ever.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Why a file is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It cannot be read.
    Unreadable(Errno),
    /// What it says makes no sense.
    Senseless,
}

/// The first word of a file; `None` if there is no such file, and empty if there is nothing in it.
fn word(name: &CStr, room: &mut [u8; LIMIT]) -> Result<Option<usize>, Ignored> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = match open(name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::ENOENT) => return Ok(None),
        Err(reason) => return Err(Ignored::Unreadable(reason)),
    };
    let length = nix::unistd::read(&file, room).map_err(Ignored::Unreadable)?;
    if length == LIMIT {
        return Err(Ignored::Senseless);
    }
    let text = &room[..length];
    let end = text.iter().position(|&byte| byte == b'\n').unwrap_or(length);
    Ok(Some(text[..end].trim_ascii_end().len()))
}

fn number(name: &CStr) -> Result<Option<Option<u64>>, Ignored> {
    let mut room = [0; LIMIT];
    let Some(length) = word(name, &mut room)? else { return Ok(None) };
    if length == 0 {
        return Ok(Some(None));
    }
    decimal(&room[..length]).map(|number| Some(Some(number))).ok_or(Ignored::Senseless)
}

/// `timeout-kill`: how long after it was told to end the service is killed. 0 and an empty file mean never.
pub fn timeout_kill() -> Result<Option<Duration>, Ignored> {
    Ok(number(c"timeout-kill")?.flatten().filter(|&limit| limit > 0).map(Duration::from_millis))
}

/// `notification-fd`: the descriptor at which the service says that it is ready; not one of the standard ones.
pub fn notification() -> Result<Option<RawFd>, Ignored> {
    match number(c"notification-fd")? {
        None => Ok(None),
        Some(number) => match number.and_then(|number| RawFd::try_from(number).ok()) {
            Some(number) if number > 2 => Ok(Some(number)),
            _ => Err(Ignored::Senseless),
        },
    }
}

/// `backoff`: the longest distance between two starts, if they are to grow apart.
pub fn backoff() -> Result<Option<Duration>, Ignored> {
    /// Where the file is empty.
    const LONGEST: u64 = 60;
    Ok(number(c"backoff")?.map(|longest| Duration::from_secs(longest.unwrap_or(LONGEST))))
}

/// `down-signal`: the signal that tells the service to end.
pub fn down_signal() -> Result<i32, Ignored> {
    signal(c"down-signal", libc::SIGTERM)
}

fn signal(name: &CStr, without: i32) -> Result<i32, Ignored> {
    let mut room = [0; LIMIT];
    let Some(length) = word(name, &mut room)? else { return Ok(without) };
    if length == 0 { Ok(without) } else { signal_named(&room[..length]).ok_or(Ignored::Senseless) }
}

/// The signal of that name, with or without SIG, or of that number.
pub fn signal_named(text: &[u8]) -> Option<i32> {
    if decimal(text).is_some() {
        return decimal_in(text).filter(|number| (1..=64).contains(number));
    }
    let name = text.strip_prefix(b"SIG").unwrap_or(text);
    nix::sys::signal::Signal::iterator()
        .find(|signal| &signal.as_str().as_bytes()[3..] == name)
        .map(|signal| signal as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_go_by_name_or_number() {
        for (text, number) in [("TERM", 15), ("SIGTERM", 15), ("15", 15), ("INT", 2), ("WINCH", 28), ("64", 64)] {
            assert_eq!(signal_named(text.as_bytes()), Some(number), "{text}");
        }
        for bad in ["", "0", "65", "term", "SIG", "SIGSIGTERM", "TERM ", "-1", "99999999999999999999"] {
            assert_eq!(signal_named(bad.as_bytes()), None, "{bad}");
        }
    }
}
