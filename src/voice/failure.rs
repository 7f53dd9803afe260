//! What is said when something fails: `NAME: fatal: unable to VERB OBJECT: REASON`, one line, one write. What of it is
//! not ours is made fit to be shown, here and nowhere else ([`crate::voice::foreign`]).
//! Text that cannot be written is dropped; the exit code never depends on it.

use crate::process::deadly_writes;
use crate::sys::descriptor::{STDERR, write_together};
use crate::sys::signal;
use crate::voice::dialect::Dialect;
use crate::voice::foreign;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::borrow::Cow;
use std::fmt;
use std::os::fd::BorrowedFd;

/// Why a link stops the chain.
#[derive(Debug)]
pub struct Failure {
    text: Vec<u8>,
    reason: Option<Errno>,
    code: Option<u8>,
}

impl Failure {
    /// A failure that `text` explains, ending the chain with the applet's failure code.
    pub fn new(text: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), reason: None, code: None }
    }

    /// `unable to VERB OBJECT: REASON`.
    pub fn unable_to(verb: &str, object: &[u8], reason: Errno) -> Self {
        Self::new([b"unable to ", verb.as_bytes(), b" ", object].concat()).because(reason)
    }

    /// Ends the chain with `code` and without a word.
    pub fn silent(code: u8) -> Self {
        Self { text: Vec::new(), reason: None, code: Some(code) }
    }

    /// Ends the chain with the applet's failure code and without a word.
    pub fn unspoken() -> Self {
        Self::new("")
    }

    /// With the system's reason after the text.
    pub fn because(self, reason: Errno) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// Ending the chain with a code of its own.
    pub fn with_code(self, code: u8) -> Self {
        Self { code: Some(code), ..self }
    }

    /// The system's reason, if there is one.
    pub fn reason(&self) -> Option<Errno> {
        self.reason
    }

    /// Its exit code, if it has one of its own.
    pub fn code(&self) -> Option<u8> {
        self.code
    }

    /// The whole text in the words of `dialect`; empty if there is nothing to say.
    pub fn in_words_of(&self, dialect: Dialect) -> Vec<u8> {
        let mut text = self.text.clone();
        if let Some(reason) = self.reason {
            text.extend_from_slice(b": ");
            text.extend_from_slice(describe(reason, dialect).as_bytes());
        }
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&String::from_utf8_lossy(&self.in_words_of(Dialect::Gnu)))
    }
}

impl std::error::Error for Failure {}

/// Says what was tried, where it failed.
pub trait UnableTo<T> {
    /// Turns an error into `unable to VERB OBJECT: REASON`.
    ///
    /// # Errors
    /// The receiver's error, explained.
    fn unable_to(self, verb: &str, object: &[u8]) -> anyhow::Result<T>;
}

impl<T> UnableTo<T> for nix::Result<T> {
    fn unable_to(self, verb: &str, object: &[u8]) -> anyhow::Result<T> {
        self.map_err(|reason| Failure::unable_to(verb, object, reason).into())
    }
}

impl<T> UnableTo<T> for std::io::Result<T> {
    fn unable_to(self, verb: &str, object: &[u8]) -> anyhow::Result<T> {
        let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw);
        self.map_err(errno).unable_to(verb, object)
    }
}

/// An error in the words of `dialect`.
pub fn explained(error: &anyhow::Error, dialect: Dialect) -> Vec<u8> {
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.in_words_of(dialect),
        None => error.to_string().into_bytes(),
    }
}

/// Called wrongly in a way that options alone do not show: the usage text and code follow. What is wrong may be told before,
/// in the words of daemontools: by a [`Failure`] that is this error's context.
#[derive(Debug)]
pub struct WrongUsage;

impl fmt::Display for WrongUsage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("wrong usage")
    }
}

impl std::error::Error for WrongUsage {}

/// How many pieces a message may have.
pub const MOST_PIECES: usize = 10;

/// Writes the pieces, which are one line, to standard error, all in one write(2).
///
/// # Errors
/// As writev(2); ENOSPC if only a part was written. To be ignored but where the reference does not.
pub fn say(pieces: &[&[u8]]) -> nix::Result<()> {
    say_to(STDERR, pieces)
}

/// Whether standard error takes something now, or says at once that it does not.
pub fn is_heard() -> bool {
    let mut error = [PollFd::new(STDERR, PollFlags::POLLOUT)];
    poll(&mut error, PollTimeout::ZERO) != Ok(0)
}

/// Writes the pieces, which are one line, to standard error unless that would have to wait: whoever has other things to do must not be kept from
/// them by a reader that reads no more.
pub fn say_in_passing(pieces: &[&[u8]]) {
    if is_heard() {
        let _ = say(pieces);
    }
}

/// Writes the pieces, which are one line, to `output`, all in one write(2).
///
/// # Errors
/// As [`say`].
pub fn say_to(output: BorrowedFd<'_>, line: &[&[u8]]) -> nix::Result<()> {
    say_with(output, line, b"")
}

/// Likewise, and in the same write `own` after it, which has nothing in it that is not ours and may be several lines. Where
/// there is nothing to make fit, and in any case if memory is short, nothing is allocated.
fn say_with(output: BorrowedFd<'_>, line: &[&[u8]], own: &[u8]) -> nix::Result<()> {
    // a character that two pieces have parts of is unfit in its second part, as it stands alone, if it is as a whole
    let is_fit = match line.split_last() {
        Some((last, rest)) => {
            rest.iter().all(|piece| foreign::is_fit(piece)) && foreign::is_fit(last.strip_suffix(b"\n").unwrap_or(last))
        }
        None => true,
    };
    if !is_fit {
        return say_filtered(output, line, own);
    }
    let mut pieces: [&[u8]; MOST_PIECES + 1] = [&[]; _];
    debug_assert!(line.len() <= MOST_PIECES, "{} pieces", line.len());
    let count = line.len().min(MOST_PIECES);
    pieces[..count].copy_from_slice(&line[..count]);
    pieces[count] = own;
    write_together(output, &pieces[..=count])
}

#[cold]
fn say_filtered(output: BorrowedFd<'_>, line: &[&[u8]], own: &[u8]) -> nix::Result<()> {
    let length: usize = line.iter().map(|piece| piece.len()).sum();
    let mut text = Vec::new();
    if text.try_reserve_exact(length).is_err() {
        return say_in_parts(output, line, own);
    }
    line.iter().for_each(|piece| text.extend_from_slice(piece));
    let end = text.pop_if(|last| *last == b'\n');
    let length = foreign::make_fit(&mut text);
    text.truncate(length);
    // there is room for it
    text.extend(end);
    write_together(output, &[&text, own])
}

/// Likewise, where no memory is to be had: a part at a time.
#[cold]
fn say_in_parts(output: BorrowedFd<'_>, line: &[&[u8]], own: &[u8]) -> nix::Result<()> {
    const PART: usize = 256;
    let mut part = [0; PART];
    let mut held = 0;
    let mut bytes = line.iter().copied().flatten().copied().peekable();
    while let Some(byte) = bytes.next() {
        let is_end = bytes.peek().is_none();
        if is_end && byte == b'\n' {
            break;
        }
        part[held] = byte;
        held += 1;
        if held == PART || is_end {
            let complete = if is_end { held } else { foreign::complete(&part[..held]) };
            let fit = foreign::make_fit(&mut part[..complete]);
            write_together(output, &[&part[..fit]])?;
            part.copy_within(complete..held, 0);
            held -= complete;
        }
    }
    let fit = foreign::make_fit(&mut part[..held]);
    let ends = line.last().is_some_and(|last| last.ends_with(b"\n"));
    write_together(output, &[&part[..fit], if ends { b"\n" } else { b"" }, own])
}

/// Writes the pieces, which are one line, to `output`; neither a broken pipe nor a limit on file sizes kills, and dispositions stay as they are.
///
/// # Errors
/// As [`say`].
pub fn say_unharmed(output: BorrowedFd<'_>, pieces: &[&[u8]]) -> nix::Result<()> {
    deadly_writes::without(libc::SIGPIPE, || deadly_writes::without(libc::SIGXFSZ, || say_to(output, pieces)))
}

/// Writes what a process says before it exits: the exit code must not depend on it, so neither a broken pipe nor a
/// limit on file sizes may kill.
///
/// # Errors
/// As [`say`].
pub fn say_last(output: BorrowedFd<'_>, line: &[&[u8]]) -> nix::Result<()> {
    say_last_with(output, line, b"")
}

/// Likewise, and in the same write `own` after it, how an applet is called: that is ours alone and may be several lines.
///
/// # Errors
/// As [`say`].
pub fn say_last_with(output: BorrowedFd<'_>, line: &[&[u8]], own: &[u8]) -> nix::Result<()> {
    for deadly in [libc::SIGPIPE, libc::SIGXFSZ] {
        let _ = signal::ignore(deadly);
    }
    say_with(output, line, own)
}

/// The system's reason: in daemontools' words for its dialect, in glibc's for the others, whatever C library this is; an
/// error that the table does not have as the C library at hand spells it.
pub fn describe(reason: Errno, dialect: Dialect) -> Cow<'static, str> {
    let known = WORDS.iter().find(|&&(known, ..)| known == reason);
    match (known, dialect) {
        (Some(&(_, words, _)), Dialect::Bernstein) => return Cow::Borrowed(words),
        (Some(&(_, _, words)), _) => return Cow::Borrowed(words),
        (None, _) => {}
    }
    let mut text = std::io::Error::from_raw_os_error(reason as i32).to_string();
    if let Some(end) = text.rfind(" (os error") {
        text.truncate(end);
    }
    Cow::Owned(text)
}

/// How daemontools 0.76 and glibc spell the errors that a wrapper can meet (seen in the messages of either).
const WORDS: &[(Errno, &str, &str)] = &[
    (Errno::ENOENT, "file does not exist", "No such file or directory"),
    (Errno::EACCES, "access denied", "Permission denied"),
    (Errno::EPERM, "permission denied", "Operation not permitted"),
    (Errno::ENOTDIR, "not a directory", "Not a directory"),
    (Errno::EISDIR, "is a directory", "Is a directory"),
    (Errno::ENOEXEC, "exec format error", "Exec format error"),
    (Errno::E2BIG, "argument list too long", "Argument list too long"),
    (Errno::EAGAIN, "temporary failure", "Resource temporarily unavailable"),
    (Errno::ENOMEM, "out of memory", "Cannot allocate memory"),
    (Errno::ELOOP, "symbolic link loop", "Too many levels of symbolic links"),
    (Errno::ENAMETOOLONG, "file name too long", "File name too long"),
    (Errno::ETXTBSY, "text busy", "Text file busy"),
    (Errno::EIO, "input/output error", "Input/output error"),
    (Errno::EEXIST, "file already exists", "File exists"),
    (Errno::ETIMEDOUT, "timed out", "Connection timed out"),
    (Errno::EINTR, "interrupted system call", "Interrupted system call"),
    (Errno::EPIPE, "broken pipe", "Broken pipe"),
    (Errno::ENXIO, "device not configured", "No such device or address"),
    (Errno::EPROTO, "protocol error", "Protocol error"),
    (Errno::ESRCH, "no such process", "No such process"),
    (Errno::EBADF, "file descriptor not open", "Bad file descriptor"),
    (Errno::ECHILD, "no child processes", "No child processes"),
    (Errno::EFAULT, "bad address", "Bad address"),
    (Errno::ENOTBLK, "not a block device", "Block device required"),
    (Errno::EBUSY, "device busy", "Device or resource busy"),
    (Errno::EXDEV, "cross-device link", "Invalid cross-device link"),
    (Errno::EINVAL, "invalid argument", "Invalid argument"),
    (Errno::EMFILE, "process cannot open more files", "Too many open files"),
    (Errno::ENODEV, "device does not support operation", "No such device"),
    (Errno::EDQUOT, "disk quota exceeded", "Disk quota exceeded"),
    (Errno::ESTALE, "stale NFS file handle", "Stale file handle"),
    (Errno::ENFILE, "system cannot open more files", "Too many open files in system"),
    (Errno::ENOTTY, "not a tty", "Inappropriate ioctl for device"),
    (Errno::EFBIG, "file too big", "File too large"),
    (Errno::ENOSPC, "out of disk space", "No space left on device"),
    (Errno::ESPIPE, "unseekable descriptor", "Illegal seek"),
    (Errno::EROFS, "read-only file system", "Read-only file system"),
    (Errno::EMLINK, "too many links", "Too many links"),
];

#[cfg(test)]
mod saying {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use std::io::Read;
    use std::os::fd::AsFd;

    /// What arrives of what is written.
    fn written(say: impl Fn(BorrowedFd<'_>) -> nix::Result<()>) -> Vec<u8> {
        let (mut reader, writer) = std::io::pipe().unwrap();
        say(writer.as_fd()).unwrap();
        drop(writer);
        let mut text = Vec::new();
        reader.read_to_end(&mut text).unwrap();
        text
    }

    proptest! {
        /// However it is cut, and whether or not there is memory.
        #[test]
        fn a_line_is_one_line_and_fit_to_be_shown(
            text in vec(prop_oneof![Just(b'\n'), Just(0xe2), Just(0xc2), 0x80_u8..0xb0, b' '..=b'~', any::<u8>()], 0..700),
            cuts in vec(0_usize..700, MOST_PIECES - 2),
            ends: bool,
        ) {
            let mut places: Vec<usize> = cuts.iter().map(|&cut| cut.min(text.len())).collect();
            places.extend([0, text.len()]);
            places.sort_unstable();
            let mut line: Vec<&[u8]> = places.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect();
            let end: &[u8] = if ends { b"\n" } else { b"." };
            line.push(end);
            let expected = [&*foreign::shown(&text), end, b"our\nown\n"].concat();
            let own = b"our\nown\n";
            prop_assert_eq!(written(|output| say_with(output, &line, own)), expected.clone());
            prop_assert_eq!(written(|output| say_in_parts(output, &line, own)), expected);
        }
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn the_table_spells_as_glibc_does() {
        for &(reason, _, words) in WORDS {
            let text = std::io::Error::from_raw_os_error(reason as i32).to_string();
            assert_eq!(text, format!("{words} (os error {})", reason as i32));
        }
    }
}
