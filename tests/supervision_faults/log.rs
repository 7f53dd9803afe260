//! The log of a service that writes numbered lines, checked line by line.

use crate::place::Place;
use crate::service::line;
use std::fs;
use std::path::Path;

/// What a logger has in hand at most, and the longest line.
const BATCH: usize = 65536 + 300;

/// What is in a log.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub lines: u64,
    /// How often it goes back to lines that are there already. Only where a file begins: a killed logger has left the
    /// one before.
    pub repeats: usize,
}

/// Takes in the files of a log one after the other.
struct Reader<'a> {
    name: &'a str,
    /// How many lines each run has written; the last of each may not have been counted.
    counts: &'a [u64],
    /// The line that must come: its run and its number.
    next: (usize, u64),
    found: Found,
    /// How many bytes are there twice, while lines come that are there already.
    again: Option<((usize, u64), usize)>,
}

/// Asserts that every line of the service is in its log, in order, and nothing else.
#[track_caller]
pub fn check(place: &Place, name: &str) -> Found {
    let counts = place.counts(name);
    let log = place.main_log(name);
    let mut reader = Reader { name, counts: &counts, next: (0, 0), found: Found::default(), again: None };
    for file in files(&log) {
        let text = fs::read(log.join(&file)).unwrap();
        reader.take(&file, str::from_utf8(&text).unwrap());
    }
    let (run, number) = reader.next;
    let missing: Vec<_> = (run..counts.len()).filter(|&at| counts[at] > if at == run { number } else { 0 }).collect();
    assert!(missing.is_empty(), "{name}: the log ends before line {number} of run {run}; lines: {counts:?}");
    reader.found
}

fn files(log: &Path) -> Vec<String> {
    let entries = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name.starts_with('@')).collect();
    names.sort();
    names.push("current".to_owned());
    names
}

impl Reader<'_> {
    #[track_caller]
    fn take(&mut self, file: &str, text: &str) {
        for (place, content) in text.split_inclusive('\n').enumerate() {
            if !content.ends_with('\n') {
                assert!(file.ends_with(".u"), "{}: {file} ends in {content:?}", self.name);
                let whole = self.expected().iter().any(|&(run, number)| self.text(run, number).starts_with(content));
                assert!(whole, "{}: {file} ends in {content:?}, to come is {:?}", self.name, self.next);
                break;
            }
            let at = self.place_of(content).unwrap_or_else(|| panic!("{}: {file} has {content:?}", self.name));
            if place == 0 && at < self.next {
                self.found.repeats += 1;
                let (end, bytes) = self.again.unwrap_or((self.next, 0));
                self.again = Some((end, bytes));
            } else {
                assert!(self.expected().contains(&at), "{}: {file} has {at:?} after {:?}", self.name, self.next);
            }
            self.next = (at.0, at.1 + 1);
            match &mut self.again {
                Some((end, bytes)) if at < *end => {
                    *bytes += content.len();
                    assert!(*bytes <= BATCH, "{}: {file}: {bytes} bytes are there again", self.name);
                }
                _ => {
                    self.again = None;
                    self.found.lines += 1;
                }
            }
        }
    }

    /// The lines that may come: the next one, and where a run may have ended, the first of a later one.
    fn expected(&self) -> Vec<(usize, u64)> {
        let (run, number) = self.next;
        let mut may_come = vec![self.next];
        if self.counts.get(run).is_none_or(|&count| number >= count) {
            for later in run + 1..self.counts.len() {
                may_come.push((later, 0));
                // one that has written a line but not noted it may have left none
                if self.counts[later] > 0 {
                    break;
                }
            }
        }
        may_come
    }

    fn text(&self, run: usize, number: u64) -> String {
        line(self.name, run as u64, number)
    }

    /// Which line it is, if it is one as the service writes them.
    fn place_of(&self, content: &str) -> Option<(usize, u64)> {
        let mut words = content.split(' ').skip(1);
        let (run, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        (self.text(run, number) == content).then_some((run, number))
    }
}
