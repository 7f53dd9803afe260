//! Lines: what is put before them, which are selected, and where they go. All lines that have been read together are gone
//! through first; then each destination is written to once.

use super::actions::{Action, Plan, Stamp};
use super::destination::{Destination, LastLineFile, SEEN, Span, show};
use super::directory::LogDirectory;
use super::events::{Events, GaveUp};
use super::pattern::Pattern;
use super::processor::Surroundings;
use crate::environ::Environ;
use crate::time::local::{LocalTime, Style, ZoneChoice};
use crate::time::tai64n::{Labels, Sequence};
use crate::voice::failure::Failure;
use memchr::{memchr, memrchr};
use nix::errno::Errno;
use std::io::Write;
use std::time::Instant;

/// As much of a line as is shown on standard error.
const SHOWN: usize = 200;

/// Text that is made before it is written: two looks at a pipe, with stamps.
const TEXT: usize = 128 * 1024;

/// How many bytes that had been read could not be written before the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unwritten(usize);

/// What is to be logged of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Lines that have their newline; and whatever goes on with a line that is being logged in parts.
    Lines,
    /// Also the beginning of a line, if it is so long that nothing behind it decides where it goes.
    Parts,
    /// All there is: nothing more comes, and a last line gets its newline.
    All,
}

/// An action, ready to be carried out.
enum PlanStep<'a> {
    Select(bool, Pattern<'a>),
    Show,
    Keep(LastLineFile<'a>),
    Log(Destination<'a>),
}

enum Stamper {
    Label(Labels),
    Seconds(Sequence),
    Time(Sequence, Box<LocalTime>),
}

/// All that happens to lines.
pub struct Lines<'a> {
    steps: Vec<PlanStep<'a>>,
    stamper: Option<Stamper>,
    prefix: &'a [u8],
    /// Whether lines are not logged as they were read.
    makes_text: bool,
    /// Lines as they are logged, then.
    text: Vec<u8>,
    gathered: Vec<u8>,
    shown: Vec<u8>,
    /// Whether every line goes to every destination, and nothing else has to be done.
    is_plain: bool,
    /// Whether lines are kept nowhere, so that all that can become of them is to be shown.
    only_shows: bool,
    surroundings: &'a Surroundings,
    /// Whether the next byte goes on with a line that has been gone through.
    is_inside: bool,
    /// The stamp of a line that has begun, and waits for its rest.
    begun: Option<Vec<u8>>,
    /// What is being logged.
    extent: Extent,
}

impl<'a> Lines<'a> {
    /// Opens all that lines go to, in the order of the actions.
    ///
    /// # Errors
    /// The first that cannot be opened.
    pub fn open(
        plan: Plan<'a>,
        environ: &Environ,
        surroundings: &'a Surroundings,
        events: &mut Events,
    ) -> anyhow::Result<Self> {
        let time = |zone| Box::new(LocalTime::new(zone, Style::Iso, 6, environ));
        let stamper = plan.stamp.map(|stamp| match stamp {
            Stamp::Label => Stamper::Label(Labels::default()),
            Stamp::Seconds => Stamper::Seconds(Sequence::default()),
            Stamp::Utc => Stamper::Time(Sequence::default(), time(ZoneChoice::Utc)),
            Stamp::Local => Stamper::Time(Sequence::default(), time(ZoneChoice::Local)),
        });
        // status files first, as the reference does it
        let status_files = plan.actions.iter().filter_map(|action| match action {
            Action::Keep(name) => Some(LastLineFile::open(name)),
            _ => None,
        });
        let mut status_files = status_files.collect::<anyhow::Result<Vec<_>>>()?.into_iter();
        let mut steps = Vec::with_capacity(plan.actions.len());
        for action in plan.actions {
            steps.push(match action {
                Action::Select(is_on, pattern) => PlanStep::Select(is_on, pattern),
                Action::Show => PlanStep::Show,
                Action::Keep(_) => match status_files.next() {
                    Some(file) => PlanStep::Keep(file),
                    None => continue,
                },
                Action::Log(settings) => {
                    let mut directory = LogDirectory::open(settings, surroundings, events)?;
                    // not only when the first file is full, which may be in a month
                    directory.tell_if_missing(None);
                    PlanStep::Log(Destination::new(directory))
                }
            });
        }
        let is_plain = steps.iter().all(|step| matches!(step, PlanStep::Log(_)));
        let only_shows = !steps.iter().any(|step| matches!(step, PlanStep::Keep(_) | PlanStep::Log(_)));
        let makes_text = stamper.is_some() || !plan.prefix.is_empty();
        Ok(Self {
            steps,
            stamper,
            prefix: plan.prefix,
            makes_text,
            text: Vec::with_capacity(if makes_text { TEXT } else { 0 }),
            gathered: Vec::new(),
            shown: Vec::new(),
            is_plain,
            only_shows,
            surroundings,
            is_inside: false,
            begun: None,
            extent: Extent::Lines,
        })
    }

    /// Whether the end of a line that has been gone through is still to come.
    pub fn is_inside(&self) -> bool {
        self.is_inside
    }

    /// The log directories.
    pub fn directories(&mut self) -> impl Iterator<Item = &mut LogDirectory<'a>> {
        self.steps.iter_mut().filter_map(|step| match step {
            PlanStep::Log(destination) => Some(&mut *destination.directory),
            _ => None,
        })
    }

    /// Logs what these bytes begin with, and gives how many of them that were.
    ///
    /// # Errors
    /// If they cannot be written before the end.
    pub fn log(&mut self, bytes: &[u8], extent: Extent, events: &mut Events) -> Result<usize, Unwritten> {
        self.extent = extent;
        match &mut self.stamper {
            None => {}
            Some(Stamper::Label(labels)) => labels.read_clock(),
            Some(Stamper::Seconds(sequence) | Stamper::Time(sequence, _)) => sequence.read_clock(),
        }
        let mut done = 0;
        loop {
            let left = &bytes[done..];
            let logged = if self.makes_text { self.log_made(left, events) } else { self.log_as_read(left, events) };
            let count = logged.map_err(|GaveUp| Unwritten(left.len()))?;
            done += count;
            if count == 0 {
                break;
            }
        }
        if extent == Extent::All && (self.is_inside || done < bytes.len()) {
            self.log_last(&bytes[done..], events).map_err(|GaveUp| Unwritten(bytes.len() - done))?;
            done = bytes.len();
        }
        Ok(done)
    }

    /// Logs lines from where they are.
    fn log_as_read(&mut self, bytes: &[u8], events: &mut Events) -> Result<usize, GaveUp> {
        let mut done = 0;
        if self.is_plain {
            // lines in the middle of all are like any others
            done = memrchr(b'\n', bytes).map_or(0, |newline| newline + 1);
            if done > 0 {
                self.is_inside = false;
                self.send_all((0, done));
            }
        }
        while done < bytes.len() {
            let Some(end) = self.next_part(&bytes[done..], 0) else { break };
            self.go_through(bytes, done, (done, done + end));
            done += end;
        }
        self.write(bytes, events)?;
        Ok(done)
    }

    /// Logs lines with what belongs before them, as many as there is room for at a time.
    fn log_made(&mut self, bytes: &[u8], events: &mut Events) -> Result<usize, GaveUp> {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        let mut done = 0;
        while done < bytes.len() {
            let start = text.len();
            if !self.is_inside {
                match self.begun.take() {
                    Some(begun) => text.extend_from_slice(&begun),
                    None => self.put_before(&mut text),
                }
            }
            let head = text.len() - start;
            let Some(end) = self.next_part(&bytes[done..], head) else {
                self.begun = Some(text.split_off(start));
                break;
            };
            if start > 0 && start + head + end > TEXT {
                // the next time
                if head > 0 {
                    self.begun = Some(text.split_off(start));
                }
                break;
            }
            text.extend_from_slice(&bytes[done..done + end]);
            let whole = (start, text.len());
            self.go_through(&text, start, whole);
            done += end;
        }
        let outcome = self.write(&text, events);
        if text.capacity() > 2 * TEXT {
            // one long line in the way
            text = Vec::with_capacity(TEXT);
        }
        self.text = text;
        outcome.map(|()| done)
    }

    /// Logs the rest of a line that has no newline.
    fn log_last(&mut self, bytes: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        let mut text = Vec::new();
        if !self.is_inside {
            match self.begun.take() {
                Some(begun) => text = begun,
                None => self.put_before(&mut text),
            }
        }
        text.extend_from_slice(bytes);
        text.push(b'\n');
        self.go_through(&text, 0, (0, text.len()));
        self.write(&text, events)
    }

    /// How far the line that these bytes begin, or go on with, reaches: behind its newline, or, if it is long enough to be
    /// gone through without, up to the end. `head` is the length of what comes before it.
    fn next_part(&self, bytes: &[u8], head: usize) -> Option<usize> {
        match memchr(b'\n', bytes) {
            Some(newline) => Some(newline + 1),
            None if self.is_inside => Some(bytes.len()),
            None if self.extent != Extent::Lines && head + bytes.len() >= SEEN => Some(bytes.len()),
            None => None,
        }
    }

    /// Stamp and prefix of a line.
    fn put_before(&mut self, text: &mut Vec<u8>) {
        match &mut self.stamper {
            None => {}
            Some(Stamper::Label(labels)) => {
                let mut stamp = [b' '; crate::time::tai64n::LENGTH + 1];
                stamp[..crate::time::tai64n::LENGTH].copy_from_slice(labels.next_label());
                text.extend_from_slice(&stamp);
            }
            Some(Stamper::Seconds(sequence)) => {
                let moment = sequence.next_moment();
                let _ = write!(text, "{}.{:06} ", moment.seconds, moment.nanoseconds / 1000);
            }
            Some(Stamper::Time(sequence, time)) => {
                time.write(sequence.next_moment(), text);
                text.push(b' ');
            }
        }
        text.extend_from_slice(self.prefix);
    }

    /// Carries the actions out on a line in `text`, as far as that is deciding; what is to be written is noted. A part of a
    /// line that has been gone through follows its beginning.
    fn go_through(&mut self, text: &[u8], start: usize, whole: Span) {
        let has_end = text[whole.0..whole.1].last() == Some(&b'\n');
        let was_inside = std::mem::replace(&mut self.is_inside, !has_end);
        if was_inside {
            for step in &mut self.steps {
                if let PlanStep::Log(destination) = step
                    && destination.goes_on
                {
                    destination.add(whole);
                }
            }
            return;
        }
        if self.is_plain {
            return self.send_all(whole);
        }
        let end = whole.1 - usize::from(has_end);
        let line = &text[start..end.min(start + SEEN)];
        let mut is_selected = true;
        for step in &mut self.steps {
            match step {
                PlanStep::Select(is_on, pattern) if is_selected != *is_on && pattern.matches(line) => {
                    is_selected = *is_on
                }
                PlanStep::Show if is_selected => {
                    self.shown.extend_from_slice(&line[..line.len().min(SHOWN)]);
                    self.shown.extend_from_slice(if line.len() > SHOWN { b"...\n" } else { b"\n" });
                }
                PlanStep::Keep(file) if is_selected => file.line = Some((start, start + line.len())),
                PlanStep::Log(destination) => {
                    destination.goes_on = is_selected;
                    if is_selected {
                        destination.add(whole);
                    }
                }
                _ => {}
            }
        }
    }

    fn send_all(&mut self, span: Span) {
        for step in &mut self.steps {
            if let PlanStep::Log(destination) = step {
                destination.goes_on = true;
                destination.add(span);
            }
        }
    }

    /// Writes what has been noted of the text.
    fn write(&mut self, text: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        if !self.shown.is_empty() {
            let outcome = show(&self.shown, events);
            self.shown.clear();
            if outcome == Err(Errno::EPIPE) && self.only_shows {
                self.surroundings.signals.end_by_broken_pipe();
            }
        }
        self.keep(text, events)?;
        for step in &mut self.steps {
            if let PlanStep::Log(destination) = step {
                destination.write(text, &mut self.gathered, events)?;
            }
        }
        Ok(())
    }

    /// Writes the last lines of status files, in the order of the lines: several may be one file.
    fn keep(&mut self, text: &[u8], events: &mut Events) -> Result<(), GaveUp> {
        loop {
            let pending = self.steps.iter_mut().filter_map(|step| match step {
                PlanStep::Keep(file) if file.line.is_some() => Some(file),
                _ => None,
            });
            let Some(file) = pending.min_by_key(|file| file.line) else { return Ok(()) };
            if let Some((start, end)) = file.line.take() {
                file.write(&text[start..end], events)?;
            }
        }
    }

    /// When one of the directories next has to be looked after.
    pub fn due(&mut self) -> Option<Instant> {
        self.directories().filter_map(|directory| directory.due()).min()
    }
}

/// The words for an end with something unwritten.
impl From<Unwritten> for Failure {
    fn from(Unwritten(count): Unwritten) -> Self {
        Self::new(format!("exiting with {count} bytes unwritten"))
    }
}
