//! Standard input, which is looked at before it is consumed: what has been written to the logs is consumed only then, so
//! that whoever is killed in between leaves it to the next one to read.
//!
//! | input | look | consume |
//! |---|---|---|
//! | pipe | tee(2) into a private pipe, and read that | read |
//! | stream socket | receive with MSG_PEEK | receive |
//! | file that never waits | pread from its offset | move the offset |
//! | anything else | – | read, a kilobyte at a time |

use super::events::Events;
use super::feed::{Feed, ROOM, SMALL, fill, is_now, pipe_size, read_what_is_there};
use crate::sys::descriptor::{self, STDIN, uninterrupted};
use nix::errno::Errno;
use nix::fcntl::{SpliceFFlags, tee};
use nix::poll::PollFlags;
use nix::sys::socket::{MsgFlags, recv};
use nix::sys::uio::pread;
use nix::unistd::{Whence, lseek, read};
use std::os::fd::AsRawFd;
use std::time::Duration;

/// Bytes that are consumed without being done with, at most: the beginning of a line, and what may be read behind it.
const MOST_HELD: usize = 2048;

/// Eighths of a pipe that are looked at at a time.
const PART: usize = 6;

/// How often to let others run, and look again, before the first wait for the rest of a line.
const LOOKS: u32 = 16;

/// How often to wait then, each time twice as long as before, from a millisecond on, before the beginning is taken into
/// memory: about a second in all. A pipe into which a writer puts pages (splice(2), vmsplice(2)) could be full of it.
const WAITS: u32 = 10;

/// A pipe that holds less could be full sooner.
const SMALL_PIPE: usize = 16 * 1024;

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Bytes that were not there before.
    More,
    /// Nothing new.
    Nothing,
    /// Nothing new, and nothing to come.
    End,
}

/// How to wait, while the beginning of a line is left where it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing is left: for as long as it takes.
    None,
    /// Not at all, but let others run.
    Yield,
    /// So long.
    Wait(Duration),
    /// After it has been taken into memory.
    Hold,
}

/// Standard input.
pub struct Input {
    kind: Feed,
    /// First what is held, then what was seen.
    buffer: Vec<u8>,
    /// Bytes that are consumed, but not done with.
    held: usize,
    /// Bytes that are still the kernel's.
    seen: usize,
    /// How many of them have been handed out before.
    left: usize,
    /// What is consumed goes here, to be compared.
    scratch: Vec<u8>,
    /// Whether what is held has to be handed out again.
    again: bool,
    is_watched: bool,
    /// Bytes looked at at a time.
    room: usize,
    /// Bytes behind which there may be others that a look does not show.
    full: usize,
    /// Whether the pipe has kept writes apart (pipe2(2), O_DIRECT): what is not read of one is gone.
    is_packets: bool,
    /// Whether a read of the pipe can be told not to wait.
    reads_at_once: bool,
    /// How often there was nothing new since there was something.
    looks: u32,
    /// After how many the beginning of a line is taken into memory.
    most_looks: u32,
}

impl Input {
    /// Finds out what standard input is. Reads nothing.
    ///
    /// # Errors
    /// EBADF if it is closed.
    pub fn new(events: &Events) -> nix::Result<Self> {
        let (kind, is_watched) = Feed::of_standard_input(events)?;
        let (room, capacity) = match &kind {
            // not all: while the one part is logged, the writer has room to go on in the other
            Feed::Pipe(_, to) => (pipe_size(to)? / 8 * PART, pipe_size(STDIN)?),
            _ => (ROOM, ROOM),
        };
        let scratch = if matches!(kind, Feed::Pipe(..) | Feed::Socket) { vec![0; room] } else { Vec::new() };
        Ok(Self {
            is_packets: false,
            kind,
            buffer: vec![0; MOST_HELD + room],
            held: 0,
            seen: 0,
            left: 0,
            scratch,
            again: false,
            is_watched,
            room,
            // of a pipe's pages, the first and the last may be used in part
            full: room.min(capacity / 8 * PART) / 8 * 7,
            reads_at_once: true,
            looks: 0,
            most_looks: if capacity < SMALL_PIPE { 0 } else { LOOKS + WAITS },
        })
    }

    /// All bytes that are not done with.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[..self.held + self.seen]
    }

    /// How to wait after a look that has shown nothing new.
    ///
    /// A write that fills a pipe, and waits for room with more to come, tells nobody if there was something in the pipe
    /// before (pipe_write in the kernel's fs/pipe.c; a write that ends does tell). So beginnings of lines that are left in a
    /// pipe need another look from time to time.
    pub fn rest(&mut self) -> Rest {
        if self.left == 0 {
            return Rest::None;
        }
        self.looks += 1;
        match self.looks {
            looks if looks > self.most_looks => Rest::Hold,
            looks if looks <= LOOKS => Rest::Yield,
            looks => Rest::Wait(Duration::from_millis(1 << (looks - LOOKS - 1))),
        }
    }

    /// Whether there may be no more to see before something is consumed.
    pub fn is_full(&self) -> bool {
        self.seen >= self.full
    }

    /// Looks for more bytes. What cannot be looked at is read, with `byte` one byte, and that may wait.
    ///
    /// # Errors
    /// As read(2); EAGAIN is nothing new.
    pub fn look(&mut self, events: &mut Events, byte: bool) -> nix::Result<Look> {
        events.is_ready = false;
        if std::mem::take(&mut self.again) {
            return Ok(Look::More);
        }
        // before the look, which then shows all there will be; a socket can be shut in one direction
        events.is_hung_up =
            events.is_hung_up && is_now(PollFlags::POLLHUP | PollFlags::from_bits_retain(libc::POLLRDHUP));
        let (most, held, left) = (self.room, self.held, self.left);
        if self.is_compared() {
            self.scratch[..left].copy_from_slice(&self.buffer[held..held + left]);
        }
        if self.buffer.len() < held + left + most {
            self.buffer.resize(held + left + most, 0);
        }
        let buffer = &mut self.buffer[held..];
        let mut is_apart = false;
        let outcome = uninterrupted(|| match &self.kind {
            Feed::Pipe(from, to) => {
                let count = tee(STDIN, to, most, SpliceFFlags::SPLICE_F_NONBLOCK)?;
                is_apart = !fill(from, &mut buffer[..count], self.is_packets)?;
                Ok(count)
            }
            Feed::Socket => recv(STDIN.as_raw_fd(), &mut buffer[..most], MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT),
            Feed::File(offset) => pread(STDIN, &mut buffer[..most], *offset),
            // a datagram comes whole or not at all
            Feed::Other(size) => read(STDIN, &mut buffer[..if byte && *size == SMALL { 1 } else { *size }]),
        });
        let count = match outcome {
            Ok(count) => count,
            Err(Errno::EAGAIN) => {
                self.hold_if_gone(0);
                return Ok(Look::Nothing);
            }
            Err(Errno::ENOSYS | Errno::EPERM | Errno::EINVAL) if matches!(self.kind, Feed::Pipe(..)) => {
                // forbidden, or a kernel that has no tee(2)
                self.hold()?;
                self.kind = Feed::Other(SMALL);
                return Ok(Look::Nothing);
            }
            Err(reason) => return Err(reason),
        };
        if is_apart {
            // as much as there are pages for, so that no write is seen in part; nothing has been consumed yet
            self.is_packets = true;
            if let Feed::Pipe(_, to) = &self.kind {
                self.room = pipe_size(to)?;
                self.scratch.resize(self.room, 0);
            }
            self.seen = self.left;
            return self.look(events, byte);
        }
        if let Feed::Other(_) = self.kind {
            self.held += count;
            return Ok(if count > 0 { Look::More } else { Look::End });
        }
        self.hold_if_gone(count);
        let is_more = count > self.left || self.is_full();
        if is_more {
            self.looks = 0;
            return Ok(Look::More);
        }
        // a look may stop short: of a file system's own accord, behind 16 pieces of a pipe, before a message with descriptors
        let is_all = match &self.kind {
            // tee(2) gives 0 also where another process empties the pipe at that moment
            Feed::Pipe(..) if count == 0 => is_now(PollFlags::POLLHUP) && descriptor::unread(STDIN)? == 0,
            _ if count == 0 => true,
            Feed::File(offset) if pread(STDIN, &mut [0], offset + count as i64)? == 0 => true,
            Feed::Pipe(..) => events.is_hung_up && descriptor::unread(STDIN)? == count,
            Feed::Socket if !events.is_hung_up => false,
            _ => {
                self.hold()?;
                return self.look(events, byte);
            }
        };
        Ok(if is_all { Look::End } else { Look::Nothing })
    }

    /// After a look that has shown so many bytes: what was left has to be the first of them. If it is not, because a pipe
    /// keeps writes apart or another process reads here, it is held instead.
    fn hold_if_gone(&mut self, count: usize) {
        let (held, left) = (self.held, self.left);
        self.seen = count;
        if !self.is_compared() {
            self.left = left.min(count);
        } else if count < left || self.buffer[held..held + left] != self.scratch[..left] {
            self.buffer.copy_within(held..held + count, held + left);
            self.buffer[held..held + left].copy_from_slice(&self.scratch[..left]);
            self.held += left;
            self.left = 0;
        }
    }

    /// Whether what is consumed can be another thing than what was seen.
    fn is_compared(&self) -> bool {
        matches!(self.kind, Feed::Pipe(..) | Feed::Socket)
    }

    /// Whether bytes that are not done with are consumed, so that nobody else will read them.
    pub fn holds(&self) -> bool {
        self.held > 0
    }

    /// Whether a look may wait: then somebody else has to tell when it does not.
    pub fn may_wait(&self) -> bool {
        matches!(self.kind, Feed::Other(_))
    }

    /// Lets `events` tell of new bytes.
    ///
    /// # Errors
    /// As epoll_ctl(2).
    pub fn be_watched(&mut self, events: &mut Events) -> nix::Result<()> {
        // what never waits cannot be watched
        if matches!(self.kind, Feed::File(_)) {
            events.is_ready = true;
            return Ok(());
        }
        if !self.is_watched {
            match events.add_input(STDIN, !self.may_wait()) {
                Err(Errno::EPERM) => events.is_ready = true,
                outcome => {
                    outcome?;
                    self.is_watched = true;
                }
            }
        }
        Ok(())
    }

    /// The first `count` bytes are done with.
    ///
    /// # Errors
    /// As read(2).
    pub fn finish(&mut self, count: usize) -> nix::Result<()> {
        let from_held = count.min(self.held);
        let from_seen = count - from_held;
        let takes_all = self.is_packets && from_seen > 0;
        // what is held is done with as soon as anything behind it is
        self.consume(if takes_all { self.seen } else { from_seen }, 0)?;
        if self.again {
            return Ok(());
        }
        let end = self.held + self.seen;
        self.buffer.copy_within(count..end, 0);
        (self.held, self.seen) = match takes_all {
            true => (end - count, 0),
            false => (self.held - from_held, self.seen - from_seen),
        };
        self.left = self.seen;
        Ok(())
    }

    /// Takes into memory what has been handed out and is not done with.
    ///
    /// # Errors
    /// As read(2).
    pub fn hold(&mut self) -> nix::Result<()> {
        self.consume(self.left, self.held)?;
        if !self.again {
            self.held += self.left;
            (self.seen, self.left) = (0, 0);
        }
        Ok(())
    }

    /// Consumes the first of the bytes that were seen. If others come, another process reads here, too, and has got those:
    /// then what has come instead is held, behind the first `kept` bytes that are, to be handed out.
    fn consume(&mut self, count: usize, kept: usize) -> nix::Result<()> {
        if let Feed::File(offset) = &mut self.kind {
            if count > 0 {
                *offset += count as i64;
                lseek(STDIN, *offset, Whence::SeekSet)?;
            }
            return Ok(());
        }
        let mut taken = 0;
        while taken < count && self.is_compared() {
            let part = &mut self.scratch[taken..count];
            match uninterrupted(|| match &self.kind {
                Feed::Socket => recv(STDIN.as_raw_fd(), part, MsgFlags::MSG_DONTWAIT),
                _ => read_what_is_there(part, &mut self.reads_at_once),
            }) {
                Ok(0) | Err(Errno::EAGAIN) => break,
                outcome => taken += outcome?,
            }
        }
        if self.is_compared() && self.scratch[..taken] != self.buffer[self.held..self.held + count] {
            self.buffer[kept..kept + taken].copy_from_slice(&self.scratch[..taken]);
            (self.held, self.seen, self.left) = (kept + taken, 0, 0);
            self.again = true;
        }
        Ok(())
    }
}
