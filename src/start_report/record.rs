//! What is written into a status pipe, and how it is read.

use crate::sys::descriptor::STDERR;
use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::Pid;
use std::os::fd::BorrowedFd;

/// Which file a descriptor is, for a comparison; all zero if it is closed.
type File = [u8; 16];

/// A link's failure, as its process told it.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// The exit code.
    pub code: u8,
    /// The message with its newline; empty if there was none.
    pub text: Vec<u8>,
    /// Where the failed process wrote it.
    output: File,
}

impl Told {
    /// Whether the message was written to what is descriptor 2 here.
    pub fn was_said_here(&self) -> bool {
        self.output == file_of(STDERR)
    }
}

/// One thing that a parent hears.
#[derive(Debug, PartialEq, Eq)]
pub enum Record {
    /// A program of this name, which is no link, is about to be exec'ed.
    Exec(Vec<u8>),
    /// The chain has ended.
    Failure(Told),
    /// Who goes on.
    Pid(Pid),
}

/// Letter, code, file and length of the text.
pub const FAILURE_HEAD: usize = 2 + size_of::<File>() + 2;
/// How much is read at a time: what a write puts in as one piece at most (pipe(7), PIPE_BUF).
pub const PIECE: usize = 4096;
/// The longest record. All that comes before it fits into the same piece, so that even the smallest pipe holds all of what
/// nobody reads before the end.
pub const LARGEST: usize = PIECE - 512;

fn file_of(descriptor: BorrowedFd<'_>) -> File {
    let mut file = File::default();
    if let Ok(seen) = fstat(descriptor) {
        file[..8].copy_from_slice(&seen.st_dev.to_ne_bytes());
        file[8..].copy_from_slice(&seen.st_ino.to_ne_bytes());
    }
    file
}

/// What comes before the text of a failure: its letter, the code, where the text was written, and its length.
pub fn failure_head(code: u8, output: BorrowedFd<'_>, length: usize) -> [u8; FAILURE_HEAD] {
    let mut head = [0; FAILURE_HEAD];
    head[0] = b'E';
    head[1] = code;
    head[2..18].copy_from_slice(&file_of(output));
    head[18..].copy_from_slice(&(length as u16).to_ne_bytes());
    head
}

/// Puts the pieces of a message into `kept`, without their middle if they do not fit into `room` bytes: how it begins and how
/// it ends, with the reason, tells most. Gives the length.
pub fn shortened<'a>(message: &[&'a [u8]], room: usize, kept: &mut [&'a [u8]]) -> usize {
    const GAP: &[u8] = b"...";
    const END: usize = 256;
    let all: usize = message.iter().map(|piece| piece.len()).sum();
    let (first_gone, last_gone) = if all <= room { (all, all) } else { (room - GAP.len() - END, all - END) };
    let mut places = kept.iter_mut();
    let mut keep = |piece: &'a [u8]| {
        if let Some(place) = places.next() {
            *place = piece;
        }
    };
    let mut at = 0;
    for piece in message {
        let part =
            |from: usize, to: usize| &piece[from.clamp(at, at + piece.len()) - at..to.clamp(at, at + piece.len()) - at];
        keep(part(0, first_gone));
        if first_gone < all && (at..at + piece.len()).contains(&first_gone) {
            keep(GAP);
        }
        keep(part(last_gone, all));
        at += piece.len();
    }
    kept.iter().map(|piece| piece.len()).sum()
}

/// The first record in these bytes and its length, if it is there as a whole.
///
/// # Errors
/// EPROTO for what is no record.
pub fn first_in(bytes: &[u8]) -> nix::Result<Option<(Record, usize)>> {
    Ok(match bytes {
        [b'E', code, rest @ ..] => failure_in(rest).map(|(told, length)| {
            let told = Told { code: *code, ..told };
            (Record::Failure(told), 2 + length)
        }),
        [b'P', a, b, c, d, ..] => Some((Record::Pid(Pid::from_raw(i32::from_ne_bytes([*a, *b, *c, *d]))), 5)),
        [b'X', length, rest @ ..] => {
            let length = usize::from(*length);
            rest.get(..length).map(|name| (Record::Exec(name.to_vec()), 2 + length))
        }
        [] | [b'E' | b'P' | b'X', ..] => None,
        _ => return Err(Errno::EPROTO),
    })
}

/// What follows the code of a failure, and its length.
fn failure_in(rest: &[u8]) -> Option<(Told, usize)> {
    let (output, rest) = rest.split_first_chunk::<{ size_of::<File>() }>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_ne_bytes(*length));
    let text = rest.get(..length)?.to_vec();
    Some((Told { code: 0, text, output: *output }, size_of::<File>() + 2 + length))
}
