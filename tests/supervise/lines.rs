//! Waiting for what a process says, line by line, and for the rest of it.

use crate::support::waiting::{PATIENCE, is_ready};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// The reading end of a pipe.
pub struct Lines {
    pipe: File,
    heard: Vec<u8>,
    /// How far `heard` has been given.
    given: usize,
}

impl Lines {
    pub fn new(pipe: impl Into<File>) -> Self {
        Self { pipe: pipe.into(), heard: vec![], given: 0 }
    }

    /// The next line, or nothing if all who could say one have ended.
    #[track_caller]
    pub fn next(&mut self) -> Option<String> {
        let answer = self.next_within(PATIENCE);
        answer.unwrap_or_else(|| panic!("no word for a minute, after {:?}", String::from_utf8_lossy(&self.heard)))
    }

    /// The same, or nothing at all if no line is complete within this time.
    pub fn next_within(&mut self, within: Duration) -> Option<Option<String>> {
        let start = Instant::now();
        loop {
            if let Some(length) = self.heard[self.given..].iter().position(|&byte| byte == b'\n') {
                let line = String::from_utf8_lossy(&self.heard[self.given..][..length]).into_owned();
                self.given += length + 1;
                return Some(Some(line));
            }
            if !is_ready(self.pipe.as_fd(), within.saturating_sub(start.elapsed())) {
                return None;
            }
            if !self.listen() {
                return Some(None);
            }
        }
    }

    /// All that is said until the end and has not been given.
    #[track_caller]
    pub fn rest(&mut self) -> String {
        loop {
            let said = String::from_utf8_lossy(&self.heard).into_owned();
            assert!(is_ready(self.pipe.as_fd(), PATIENCE), "no word and no end for a minute, after {said:?}");
            if !self.listen() {
                break;
            }
        }
        let given = std::mem::replace(&mut self.given, self.heard.len());
        String::from_utf8_lossy(&self.heard[given..]).into_owned()
    }

    /// Takes in more, which must be there. Gives false at the end.
    fn listen(&mut self) -> bool {
        let mut room = [0; 4096];
        let count = self.pipe.read(&mut room).unwrap();
        self.heard.extend_from_slice(&room[..count]);
        count > 0
    }
}
