//! Killed right before each of its system calls in turn, through a start, rotations and a clean end: the next start, of the
//! same program or of the other one, finds everything that was written, and goes on with what is left of the input.

use crate::directory::Listing;
use crate::leftovers::{self, Leftovers, Reference};
use crate::lines::{LONGEST, text};
use crate::logger::{Logger, pipe, waiting};
use crate::program::{Place, Program};
use crate::support::tracer::{Call, Tracee};
use std::fs::{self, File};
use std::io::{Read, Seek, Write};

/// What is read and written in one go.
const BATCH: usize = 65536;

#[derive(Clone, Copy, Debug)]
enum Input {
    Pipe,
    File,
}

/// What is killed, and how its work begins.
#[derive(Clone, Copy)]
struct Story<'a> {
    killed: &'a Program,
    successor: &'a Program,
    actions: &'a [&'a str],
    input: Input,
    left: Option<&'a Leftovers>,
    /// How many lines are in the input.
    lines: u64,
}

impl Story<'_> {
    /// One kill before each call, but for those that come after one that has changed nothing outside: there is no difference
    /// to a kill before that. Gives how many there were, or `None` where nothing can be traced.
    fn tell(self) -> Option<usize> {
        let (mut kills, mut calls) = (0, 0);
        loop {
            calls = match self.tell_one(calls)? {
                Some(calls) => calls,
                None => return Some(kills),
            };
            kills += 1;
        }
    }

    /// Lets it make so many calls, and more up to one that counts. Gives how many that were, if it has not ended before.
    fn tell_one(self, survived: usize) -> Option<Option<usize>> {
        let place = Place::in_memory();
        let first = self.left.map_or(0, Leftovers::next);
        if let Some(left) = self.left {
            left.make(&place.log());
        }
        let all = text(first..first + self.lines);
        let input = match self.input {
            Input::Pipe => {
                let (read, mut write) = pipe();
                write.write_all(&all).unwrap();
                read
            }
            Input::File => {
                fs::write(place.at("input"), &all).unwrap();
                File::open(place.at("input")).unwrap()
            }
        };
        let unread = |input: &mut File| match self.input {
            Input::Pipe => waiting(input),
            Input::File => all.len() - usize::try_from(input.stream_position().unwrap()).unwrap(),
        };

        let (mut heard, says) = pipe();
        let mut command = self.killed.command(place.path(), self.actions);
        command.stdin(input.try_clone().unwrap()).stderr(says);
        let mut tracee = Tracee::start(command)?;
        let mut calls: Vec<Call> = Vec::new();
        while calls.len() <= survived || calls[..calls.len() - 1].last().is_some_and(|call| call.is_private()) {
            let Some(call) = tracee.next_call() else {
                assert_eq!(tracee.finish(), 0);
                return Some(None);
            };
            calls.push(call);
        }
        tracee.kill();
        // its processor is gone, too
        let mut said = String::new();
        heard.read_to_string(&mut said).unwrap();

        let mut input = input;
        let left = &all[all.len() - unread(&mut input)..];
        let log = place.log();
        let before = log.exists().then(|| Listing::of(&log));
        let context = format!(
            "{} {:?}, killed before the last of {:?}, with {:?}, left {:?}, {} of {} bytes unread",
            self.killed.name,
            self.actions,
            &calls[calls.len().saturating_sub(5)..],
            self.left.map(|left| left.name),
            before.as_ref().map(Listing::shown),
            left.len(),
            all.len(),
        );
        assert_eq!(said, "", "{context}");
        let ended = Logger::run(self.successor, place.path(), self.actions, input.try_clone().unwrap());
        assert_eq!(ended, (0, String::new()), "{context}");
        assert_eq!(unread(&mut input), 0, "{context}");
        self.check(before.as_ref(), left, &Listing::of(&log), &context);
        Some(Some(calls.len()))
    }

    /// What was there when it was killed and what was still to be read is there now, in order, and nothing else.
    fn check(self, before: Option<&Listing>, left: &[u8], after: &Listing, context: &str) {
        let context = format!("{context}; after {}: {:?}", self.successor.name, after.shown());
        let written = before.map(Listing::text).unwrap_or_default();
        assert!(after.text() == [&written, left].concat(), "{context}");
        after.assert_settled(&context);

        // what was not yet in the directory is still in the input
        let whole = text(0..self.left.map_or(0, Leftovers::next) + self.lines);
        assert!(whole.starts_with(&written), "{context}");
        let taken = whole.len() - left.len();
        if self.killed.is_ours {
            assert!(taken <= written.len(), "{context}: {taken} bytes taken, but only {} written", written.len());
            assert!(written.len() <= taken + BATCH + LONGEST, "{context}");
        } else {
            assert!(written.len() <= taken, "{context}");
        }

        // the names say whether a log was closed or recovered
        let names = |listing: &Listing| listing.old().map(|entry| entry.name.clone()).collect::<Vec<_>>();
        let earlier = before.map(names).unwrap_or_default();
        let recovered = before.map(Listing::to_recover).unwrap_or_default();
        let mut logs = after.old().filter(|entry| self.successor.is_ours || !entry.text.is_empty());
        for name in earlier {
            assert_eq!(logs.next().map(|entry| &entry.name), Some(&name), "{context}");
        }
        for (suffix, text) in recovered {
            let log = logs.next().unwrap_or_else(|| panic!("{context}: not recovered"));
            assert!(log.name.ends_with(suffix) && log.text == text, "{context}: {}", log.name);
        }
        let closed: Vec<_> = logs.collect();
        assert!(closed.iter().all(|log| log.name.ends_with(".s")), "{context}");

        // and what processors have told each other does not outlive an unclean end
        let is_clean = |listing: &&Listing| listing.get("current").is_some_and(|current| current.mode == 0o744);
        let state = before.filter(is_clean).and_then(|before| before.get("state")).map(|state| state.text.clone());
        let runs = if self.actions == PROCESSING { closed.len() } else { 0 };
        let state = [state.unwrap_or_default(), b"run\n".repeat(runs)].concat();
        assert!(after.get("state").is_some_and(|it| it.text == state), "{context}");
    }
}

/// Every pair of programs.
fn of_pairs(pairs: &[(bool, bool)], story: impl Fn(&Program, &Program)) {
    let ours = Program::ours();
    let reference = Program::reference();
    let program = |is_ours| if is_ours { Some(&ours) } else { reference.as_ref() };
    for &(killed, successor) in pairs {
        if let (Some(killed), Some(successor)) = (program(killed), program(successor)) {
            story(killed, successor);
        }
    }
}

const OURS: (bool, bool) = (true, true);
const OURS_FIRST: (bool, bool) = (true, false);
const REFERENCE_FIRST: (bool, bool) = (false, true);
const REFERENCE: (bool, bool) = (false, false);

/// Tells it and asserts that it was long enough to have had all that it is about.
fn tell(story: Story<'_>, at_least: usize) {
    if let Some(calls) = story.tell() {
        assert!(calls >= at_least, "only {calls} kills");
        println!("{} then {} {:?}: {calls} kills", story.killed.name, story.successor.name, story.actions);
    }
}

const ROTATING: &[&str] = &["s4096", "./log"];
const PROCESSING: &[&str] = &["s4096", "!cat; cat <&4 >&5; echo run >&5", "./log"];

#[test]
fn a_kill_at_any_call_of_a_rotation_loses_nothing() {
    of_pairs(&[OURS, OURS_FIRST, REFERENCE_FIRST, REFERENCE], |killed, successor| {
        tell(Story { killed, successor, actions: ROTATING, input: Input::Pipe, left: None, lines: 40 }, 30);
    });
    of_pairs(&[OURS], |killed, successor| {
        tell(Story { killed, successor, actions: ROTATING, input: Input::File, left: None, lines: 40 }, 30);
    });
}

#[test]
fn a_kill_at_any_call_of_a_rotation_with_a_processor_loses_nothing() {
    of_pairs(&[OURS, OURS_FIRST, REFERENCE_FIRST, REFERENCE], |killed, successor| {
        tell(Story { killed, successor, actions: PROCESSING, input: Input::Pipe, left: None, lines: 40 }, 40);
    });
}

#[test]
fn a_kill_at_any_call_of_a_recovery_loses_nothing() {
    for left in leftovers::ALL {
        let has_reference = left.reference != Reference::Overlooks;
        let pairs: &[_] = if has_reference { &[OURS, OURS_FIRST, REFERENCE_FIRST] } else { &[OURS] };
        of_pairs(pairs, |killed, successor| {
            let left = Some(left);
            tell(Story { killed, successor, actions: &["./log"], input: Input::Pipe, left, lines: 3 }, 10);
        });
    }
}
