//! The voice: a pipe that every process of a tree has for writing. A service says there what happens to it, a line each, and
//! that can be waited for.

use crate::support::waiting::PATIENCE;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

/// The end that is read.
pub struct Voice {
    pipe: OwnedFd,
    text: String,
}

impl Voice {
    pub fn new(pipe: OwnedFd) -> Self {
        Self { pipe, text: String::new() }
    }

    /// All lines heard so far.
    pub fn lines(&mut self) -> Vec<String> {
        while is_ready(self.pipe.as_fd(), Duration::ZERO) && self.read() {}
        self.complete()
    }

    fn complete(&self) -> Vec<String> {
        let end = self.text.rfind('\n').map_or(0, |end| end + 1);
        self.text[..end].lines().map(str::to_owned).collect()
    }

    /// Listens until the lines so far give an answer.
    #[track_caller]
    pub fn until<T>(&mut self, what: &str, answer: impl Fn(&[String]) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let lines = self.complete();
            if let Some(answer) = answer(&lines) {
                return answer;
            }
            let left = PATIENCE.saturating_sub(start.elapsed());
            assert!(is_ready(self.pipe.as_fd(), left), "not heard in time: {what}; heard: {lines:#?}");
            assert!(self.read(), "all has ended without {what}; heard: {lines:#?}");
        }
    }

    /// Whether there is such a line within this time.
    pub fn hears_within(&mut self, within: Duration, is_it: impl Fn(&str) -> bool) -> bool {
        let start = Instant::now();
        while !self.complete().iter().any(|line| is_it(line)) {
            let left = within.saturating_sub(start.elapsed());
            if !is_ready(self.pipe.as_fd(), left) || !self.read() {
                return false;
            }
        }
        true
    }

    fn read(&mut self) -> bool {
        let mut room = [0; 4096];
        let length = nix::unistd::read(&self.pipe, &mut room).unwrap();
        self.text.push_str(&String::from_utf8_lossy(&room[..length]));
        length > 0
    }
}

/// Whether there is something to read, or the end, within this time.
pub fn is_ready(file: BorrowedFd<'_>, within: Duration) -> bool {
    let start = Instant::now();
    let mut watched = [PollFd::new(file, PollFlags::POLLIN)];
    loop {
        let left = within.saturating_sub(start.elapsed());
        match poll(&mut watched, PollTimeout::try_from(left).unwrap()) {
            Err(Errno::EINTR) => {}
            answer => return answer.unwrap() > 0,
        }
    }
}
