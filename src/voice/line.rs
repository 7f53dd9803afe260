//! What is said is one line and one write. What of it is not ours is made fit to be shown, here and nowhere else
//! ([`super::foreign`]). Text that cannot be written is dropped; the exit code never depends on it.

use super::foreign;
use crate::process::deadly_writes;
use crate::sys::descriptor::{STDERR, write_together};
use crate::sys::signal;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::BorrowedFd;

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

#[cfg(test)]
mod tests {
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
