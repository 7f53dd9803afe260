//! Where selected lines end: log directories, status files, and standard error.

use super::SPEAKER;
use super::directory::LogDirectory;
use super::events::{Events, GaveUp};
use crate::sys::descriptor::{STDERR, uninterrupted};
use crate::voice::failure::UnableTo;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::sys::uio::pwrite;
use nix::unistd::{Whence, lseek};
use std::os::fd::OwnedFd;

/// As much of a line as patterns and status files see.
pub const SEEN: usize = 1000;

/// Parts of lines that do not lie together are gathered up to this.
const GATHERED: usize = 32 * 1024;

/// A place in a text: its beginning and its end.
pub type Span = (usize, usize);

/// A log directory, and what goes there.
pub struct Destination<'a> {
    /// Where it goes.
    pub directory: Box<LogDirectory<'a>>,
    /// What goes there of the text at hand; neighbours are one span.
    spans: Vec<Span>,
    /// Whether the rest of a long line goes there, too.
    pub goes_on: bool,
}

/// A file that keeps the beginning of the last line.
pub struct LastLineFile<'a> {
    name: &'a [u8],
    file: OwnedFd,
    /// The last selected line of the text at hand.
    pub line: Option<Span>,
}

impl<'a> Destination<'a> {
    /// Nothing yet.
    pub fn new(directory: LogDirectory<'a>) -> Self {
        Self { directory: Box::new(directory), spans: Vec::new(), goes_on: false }
    }

    /// More of the text at hand goes there.
    pub fn add(&mut self, (start, end): Span) {
        match self.spans.last_mut() {
            Some((_, last)) if *last == start => *last = end,
            _ => self.spans.push((start, end)),
        }
    }

    /// Writes what goes there of the text.
    ///
    /// # Errors
    /// If it cannot be written before the end.
    pub fn write(&mut self, text: &[u8], gathered: &mut Vec<u8>, events: &mut Events) -> Result<(), GaveUp> {
        let spans = std::mem::take(&mut self.spans);
        let outcome = match spans.as_slice() {
            [] => Ok(()),
            &[(start, end)] => self.directory.append(&text[start..end], events),
            spans => self.gather(text, spans, gathered, events),
        };
        self.spans = spans;
        self.spans.clear();
        outcome
    }

    fn gather(
        &mut self,
        text: &[u8],
        spans: &[Span],
        gathered: &mut Vec<u8>,
        events: &mut Events,
    ) -> Result<(), GaveUp> {
        for &(start, end) in spans {
            if gathered.len() + (end - start) > GATHERED && !gathered.is_empty() {
                self.directory.append(gathered, events)?;
                gathered.clear();
            }
            gathered.extend_from_slice(&text[start..end]);
        }
        let outcome = self.directory.append(gathered, events);
        gathered.clear();
        outcome
    }
}

impl<'a> LastLineFile<'a> {
    /// Opens it, making it if need be.
    ///
    /// # Errors
    /// As open(2); ESPIPE for what has no beginning to go back to, like a FIFO or a terminal: that would never change.
    pub fn open(name: &'a [u8]) -> anyhow::Result<Self> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = uninterrupted(|| open(name, flags, Mode::S_IRUSR | Mode::S_IWUSR)).unable_to("create", name)?;
        lseek(&file, 0, Whence::SeekSet).unable_to("move to beginning of", name)?;
        Ok(Self { name, file, line: None })
    }

    /// Writes the beginning of a line over the last one's.
    ///
    /// # Errors
    /// If it cannot be written before the end.
    pub fn write(&self, line: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        let mut record = [b'\n'; SEEN + 1];
        record[..line.len()].copy_from_slice(line);
        let mut done = 0;
        while done < record.len() {
            match pwrite(&self.file, &record[done..], done as i64) {
                Ok(count) => done += count,
                Err(Errno::EINTR) => {}
                Err(reason) => {
                    SPEAKER.warn_unable_to("write", &[self.name, b", pausing"], reason);
                    events.pause()?;
                }
            }
        }
        Ok(())
    }
}

/// Writes to standard error. What it does not take is lost, as it is for the reference; and what it has not taken when TERM
/// comes.
///
/// # Errors
/// As write(2); EPIPE if nobody will ever read it.
pub fn show(mut text: &[u8], events: &mut Events) -> nix::Result<()> {
    /// As much as a pipe takes at once if it takes anything.
    const AT_ONCE: usize = 4096;
    while !text.is_empty() && events.wait_to_show() {
        match nix::unistd::write(STDERR, &text[..text.len().min(AT_ONCE)]) {
            Ok(count) => text = &text[count..],
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(reason) => return Err(reason),
        }
    }
    Ok(())
}
