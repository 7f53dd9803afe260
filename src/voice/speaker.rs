//! What a program of daemontools' dialect says of trouble that does not end it: `NAME: warning: …`, one line, one write.

use super::dialect::Dialect;
use super::line::{MOST_PIECES, say, say_in_passing};
use super::reason::describe;
use nix::errno::Errno;

/// How grave it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gravity {
    Warning,
    Fatal,
}

/// Who says it, and whether that waits for a reader who is slow.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    name: &'a str,
    is_patient: bool,
}

impl<'a> Speaker<'a> {
    /// One that waits until it has been heard: it has nothing else to do.
    pub const fn patient(name: &'a str) -> Self {
        Self { name, is_patient: true }
    }

    /// One that others depend on: where standard error takes nothing now, it goes on without a word.
    pub const fn in_passing(name: &'a str) -> Self {
        Self { name, is_patient: false }
    }

    /// `NAME: warning: TEXT`, the text in seven pieces at most.
    pub fn warn(&self, text: &[&[u8]]) {
        self.line(Gravity::Warning, text);
    }

    /// `NAME: warning: unable to VERB OBJECT: REASON`, the object in three pieces at most.
    pub fn warn_unable_to(&self, verb: &str, object: &[&[u8]], reason: Errno) {
        self.warn_unable_to_as(verb, object, describe(reason, Dialect::Bernstein).as_bytes());
    }

    /// Likewise, where it is not the system that has a reason.
    pub fn warn_unable_to_as(&self, verb: &str, object: &[&[u8]], why: &[u8]) {
        self.unable_to(Gravity::Warning, verb, object, why);
    }

    /// `NAME: fatal: TEXT`, for a part of its work that is over, in seven pieces at most.
    pub fn give_up(&self, text: &[&[u8]]) {
        self.line(Gravity::Fatal, text);
    }

    /// `NAME: fatal: unable to VERB OBJECT: REASON`, likewise, the object in three pieces at most.
    pub fn give_up_unable_to(&self, verb: &str, object: &[&[u8]], reason: Errno) {
        self.give_up_unable_to_as(verb, object, describe(reason, Dialect::Bernstein).as_bytes());
    }

    /// Likewise, where it is not the system that has a reason.
    pub fn give_up_unable_to_as(&self, verb: &str, object: &[&[u8]], why: &[u8]) {
        self.unable_to(Gravity::Fatal, verb, object, why);
    }

    fn unable_to(&self, gravity: Gravity, verb: &str, object: &[&[u8]], why: &[u8]) {
        let opening: &[u8] = match gravity {
            Gravity::Warning => b": warning: unable to ",
            Gravity::Fatal => b": fatal: unable to ",
        };
        self.say(&[self.name.as_bytes(), opening, verb.as_bytes(), b" "], object, &[b": ", why, b"\n"]);
    }

    fn line(&self, gravity: Gravity, text: &[&[u8]]) {
        let opening: &[u8] = match gravity {
            Gravity::Warning => b": warning: ",
            Gravity::Fatal => b": fatal: ",
        };
        self.say(&[self.name.as_bytes(), opening], text, &[b"\n"]);
    }

    /// Allocates nothing: memory may be what is short.
    fn say(&self, before: &[&[u8]], between: &[&[u8]], behind: &[&[u8]]) {
        let mut line: [&[u8]; MOST_PIECES] = [&[]; _];
        let pieces = before.iter().chain(between).chain(behind);
        debug_assert!(pieces.clone().count() <= MOST_PIECES, "{between:?}");
        let mut count = 0;
        for (place, &piece) in line.iter_mut().zip(pieces) {
            *place = piece;
            count += 1;
        }
        match self.is_patient {
            true => drop(say(&line[..count])),
            false => say_in_passing(&line[..count]),
        }
    }
}
