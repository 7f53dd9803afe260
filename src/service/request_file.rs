//! Small files of a service directory that ask for something by their first line: a word or a number.

use crate::sys::descriptor::uninterrupted;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::ffi::CStr;

/// Bytes that a first line has to have less than: it is a number or a name, and a newline.
pub const LIMIT: usize = 32;

/// Why a file cannot be taken for what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It cannot be read.
    Unreadable(Errno),
    /// What it says makes no sense.
    Senseless,
}

/// What a file of the current directory asks for: its first line, without white space at the end. `None` if there is no such file; empty
/// if there is nothing in it. `room` is where it is kept, so that nothing is allocated.
///
/// # Errors
/// If it cannot be read, or if its first line is too long: what is behind that might say something else.
pub fn word<'a>(name: &CStr, room: &'a mut [u8; LIMIT]) -> Result<Option<&'a [u8]>, Unusable> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = match open(name, flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::ENOENT) => return Ok(None),
        Err(reason) => return Err(Unusable::Unreadable(reason)),
    };
    let length = uninterrupted(|| nix::unistd::read(&file, room)).map_err(Unusable::Unreadable)?;
    first_line(&room[..length]).map(Some)
}

/// The first line of what a file begins with.
fn first_line(text: &[u8]) -> Result<&[u8], Unusable> {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    if line.len() == LIMIT { Err(Unusable::Senseless) } else { Ok(line.trim_ascii_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_if_it_is_there_as_a_whole() {
        for (text, line) in [
            ("", Ok("")),
            ("\n", Ok("")),
            ("  \nTERM", Ok("")),
            ("TERM", Ok("TERM")),
            ("TERM \t\r\nfor what it is worth, and so on", Ok("TERM")),
            (" TERM", Ok(" TERM")),
            ("1234567890123456789012345678901", Ok("1234567890123456789012345678901")),
            ("12345678901234567890123456789012", Err(Unusable::Senseless)),
            ("TERM                            ", Err(Unusable::Senseless)),
        ] {
            let text = &text.as_bytes()[..text.len().min(LIMIT)];
            assert_eq!(first_line(text), line.map(str::as_bytes), "{text:?}");
        }
    }
}
