//! Signals that arrive before the logger has begun to read: it takes note of them, and none kills it.

use crate::directory::Listing;
use crate::logger::{Logger, pipe, rest_of};
use crate::program::{Place, Program, rounds};
use crate::support::tracer::Tracee;
use crate::support::waiting::Watch;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, raise, sigprocmask};
use std::fs::File;
use std::io::Write;
use std::process::Stdio;

const SIGNALS: [Signal; 2] = [Signal::SIGALRM, Signal::SIGTERM];
const LINES: &[u8] = b"one\ntwo\nthree\n";

/// A pipe with lines in it that nobody adds to.
fn input() -> File {
    let (read, mut write) = pipe();
    write.write_all(LINES).unwrap();
    read
}

/// Asserts that it has ended well, with whole lines in its directory, and all the others still in its input.
#[track_caller]
fn assert_ended(logger: &mut Logger, place: &Place, input: &File, context: &str) {
    assert_eq!((logger.code(), logger.rest()), (0, String::new()), "{context}");
    let listing = Listing::of(&place.log());
    listing.assert_settled(context);
    let written = listing.text();
    assert!(written.is_empty() || written.ends_with(b"\n"), "{context}: {}", written.escape_ascii());
    assert_eq!([written, rest_of(input)].concat(), LINES, "{context}");
}

/// Starts it with a signal that has been sent already, but was blocked.
fn start_with_pending(program: &Program, place: &Place, signal: Signal, input: &File) -> Logger {
    let enter = move || {
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&SigSet::from(signal)), None)?;
        Ok(raise(signal)?)
    };
    Logger::prepared(program, place.path(), &["./log"], input.try_clone().unwrap(), enter)
}

#[test]
fn a_signal_from_before_the_start_counts() {
    for program in Program::all() {
        for signal in SIGNALS {
            for _ in 0..rounds(10) {
                let place = Place::new();
                let input = input();
                let mut logger = start_with_pending(&program, &place, signal, &input);
                assert_ended(&mut logger, &place, &input, &format!("{}, {signal}", program.name));
            }
        }
    }
}

/// The reference reads once before it takes note.
#[test]
fn a_request_to_end_from_before_the_start_needs_no_input() {
    let place = Place::new();
    let (read, _write) = pipe();
    let mut logger = start_with_pending(&Program::ours(), &place, Signal::SIGTERM, &read);
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    Listing::of(&place.log()).assert_settled("at the end");
}

#[test]
fn a_signal_right_after_the_start_counts() {
    for program in Program::all() {
        for signal in SIGNALS {
            for _ in 0..rounds(50) {
                let place = Place::new();
                let input = input();
                let watch = Watch::new(place.path());
                let mut logger = Logger::start(&program, place.path(), &["./log"], input.try_clone().unwrap());
                watch.until("the first that is to be seen of it", || place.log().exists());
                logger.send(signal);
                assert_ended(&mut logger, &place, &input, &format!("{}, {signal}", program.name));
            }
        }
    }
}

/// Sent before each of its system calls: what comes before it is ready to take signals is not more than its start as a
/// program, and from then on it is always ready.
#[test]
fn before_the_first_thing_that_it_does_signals_are_kept() {
    let program = Program::ours();
    for signal in SIGNALS {
        let mut survived = 0;
        for nth in 1.. {
            let place = Place::new();
            let input = input();
            let mut command = program.command(place.path(), &["./log"]);
            command.stdin(input.try_clone().unwrap()).stderr(Stdio::inherit());
            let Some(mut tracee) = Tracee::start(command) else { return };
            let calls: Vec<_> = (0..nth).map_while(|_| tracee.next_call()).collect();
            if calls.len() < nth {
                assert_eq!(tracee.finish(), 0);
                break;
            }
            let is_made = place.log().exists();
            kill(tracee.pid(), signal).unwrap();
            let code = tracee.finish();
            let context = format!("{signal} before call {nth}, {:?}", calls.last());
            if code == 1000 + signal as i32 {
                assert!(!is_made && survived == 0, "{context}: killed");
                assert_eq!(rest_of(&input), LINES, "{context}: killed after it has read");
                continue;
            }
            survived += 1;
            assert_eq!(code, 0, "{context}");
            let listing = Listing::of(&place.log());
            listing.assert_settled(&context);
            assert_eq!([listing.text(), rest_of(&input)].concat(), LINES, "{context}");
        }
        assert!(survived > 10, "{signal}: survived at {survived} calls only");
    }
}
