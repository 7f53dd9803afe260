//! A request to end: the line that was begun is finished, what comes after it stays for the next reader.

use crate::directory::Listing;
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, waiting};
use crate::program::{Place, Program, rounds};
use crate::signals::{wait_for_directory, wait_for_start};
use crate::slow::Slow;
use crate::support::takes_less_than;
use crate::support::waiting::{Watch, look_until};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

pub const OF_BOTH: &[Slow] = &[("a line that was begun is waited for", a_line_that_was_begun_is_waited_for)];

pub const OF_OURS: &[Slow] = &[("a line that never ends is not waited for for ever", a_line_that_never_ends)];

/// A pipe, or a socket.
fn inputs() -> [(File, File); 2] {
    let (read, write) = UnixStream::pair().unwrap();
    [pipe(), (OwnedFd::from(read).into(), OwnedFd::from(write).into())]
}

fn wait_for_current(log: &Path, text: &[u8]) {
    wait_for_directory(log);
    let watch = Watch::new(log);
    watch.until("it is logged", || fs::read(log.join("current")).is_ok_and(|seen| seen == text));
}

/// Asserts that it has ended well, with this in `current` and nothing else in the directory.
#[track_caller]
fn assert_ended(mut logger: Logger, place: &Place, text: &[u8]) {
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert_eq!(listing.get("current").unwrap().text.escape_ascii().to_string(), text.escape_ascii().to_string());
    assert_eq!(listing.shown().len(), 3, "{:?}", listing.shown());
}

#[test]
fn at_the_end_of_a_line_it_ends_at_once() {
    for program in Program::all() {
        for (read, mut write) in inputs() {
            let place = Place::new();
            let logger = Logger::start(&program, place.path(), &["./log"], read.try_clone().unwrap());
            write.write_all(b"one\ntwo\n").unwrap();
            wait_for_current(&place.log(), b"one\ntwo\n");
            // when the text is in the file it may still have to be taken from the input
            // and where the signal comes while it turns to its input, the reference waits for more
            look_until("it has been read", || waiting(&read) == 0 && logger.is_asleep());
            logger.send(Signal::SIGTERM);
            assert_ended(logger, &place, b"one\ntwo\n");
        }
    }
}

fn a_line_that_was_begun_is_waited_for(program: &Program) {
    for (read, mut write) in inputs() {
        let place = Place::new();
        let logger = Logger::start(program, place.path(), &["./log"], read.try_clone().unwrap());
        write.write_all(b"one\nbegun").unwrap();
        // ours leaves it where it is for a second
        look_until("it has been read", || waiting(&read) == 0 && logger.is_asleep());
        logger.tell(Signal::SIGTERM);
        write.write_all(b", and ended\nthree\nfour").unwrap();
        assert_ended(logger, &place, b"one\nbegun, and ended\n");
        assert_eq!(rest_of(&read), b"three\nfour");
    }
}

fn a_line_that_never_ends(program: &Program) {
    for which in 0..2 {
        takes_less_than(Duration::from_secs(9), || {
            let (read, mut write) = inputs().into_iter().nth(which).unwrap();
            let place = Place::new();
            let logger = Logger::start(program, place.path(), &["./log"], read.try_clone().unwrap());
            write.write_all(b"one\nbegun").unwrap();
            look_until("it has been read", || waiting(&read) == 0 && logger.is_asleep());
            let asked = Instant::now();
            logger.send(Signal::SIGTERM);
            assert_ended(logger, &place, b"one\nbegun\n");
            let time = asked.elapsed();
            assert!(time >= Duration::from_secs(3), "{time:?}");
            drop(write);
            time
        });
    }
}

/// Whether it has taken note of the line's beginning or not: nothing of it is lost, and no half line is closed.
#[test]
fn a_line_that_has_just_begun_is_logged_whole_or_not_at_all() {
    let program = Program::ours();
    for (mut read, mut write) in inputs() {
        let place = Place::new();
        let mut logger = Logger::start(&program, place.path(), &["./log"], read.try_clone().unwrap());
        write.write_all(b"one\n").unwrap();
        wait_for_current(&place.log(), b"one\n");
        write.write_all(b"begun").unwrap();
        logger.tell(Signal::SIGTERM);
        let _ = write.write_all(b", and ended\nthree\n");
        drop(write);
        assert_eq!(logger.code(), 0);
        let mut rest = Vec::new();
        read.read_to_end(&mut rest).unwrap();
        let current = fs::read(place.at("log/current")).unwrap();
        assert!(current.ends_with(b"\n"));
        assert_eq!([current, rest].concat(), b"one\nbegun, and ended\nthree\n");
        Listing::of(&place.log()).assert_settled("at the end");
    }
}

/// Ends at any moment under load, one after the other, are as if there had been one logger: nothing lost, nothing twice.
#[test]
fn ends_under_load_leave_no_trace() {
    for program in Program::all() {
        for is_file in [false, true] {
            ends_under_load(&program, is_file);
        }
    }
}

fn ends_under_load(program: &Program, is_file: bool) {
    const LINES: u64 = 20_000;
    let all = text(0..LINES);
    let actions = ["s100000", "n10000", "./log"];
    let place = Place::new();
    let (mut input, writer) = if is_file {
        fs::write(place.at("input"), &all).unwrap();
        (File::open(place.at("input")).unwrap(), None)
    } else {
        let (read, mut write) = pipe();
        // refused where the test has failed
        let all = all.clone();
        (read, Some(std::thread::spawn(move || drop(write.write_all(&all)))))
    };
    let mut at_offset = |place: &Place| {
        if is_file {
            let read = usize::try_from(input.stream_position().unwrap()).unwrap();
            let written = Listing::of(&place.log()).text();
            assert!(all[..read] == written, "{read} bytes read, {} written", written.len());
            assert!(written.ends_with(b"\n") || written.is_empty());
        }
        input.try_clone().unwrap()
    };
    fs::create_dir(place.log()).unwrap();
    for round in 0..rounds(10) {
        let mut logger = Logger::start(program, place.path(), &actions, at_offset(&place));
        wait_for_start(&mut logger, &place.log());
        // at any moment, and not at one that something tells
        std::thread::sleep(Duration::from_micros((round % 10 * 337) as u64));
        if logger.is_running() {
            logger.send(Signal::SIGTERM);
        }
        assert_eq!((logger.code(), logger.rest()), (0, String::new()));
        Listing::of(&place.log()).assert_settled("after an end");
    }
    let input = at_offset(&place);
    assert_eq!(Logger::run(program, place.path(), &actions, input), (0, String::new()));
    writer.into_iter().for_each(|writer| writer.join().unwrap());
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == all, "{} {:?}", program.name, listing.shown());
}
