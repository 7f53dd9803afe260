//! Rotations that are asked for by a signal.

use crate::directory::{Listing, old_names};
use crate::lines::{Kind, Writer, text};
use crate::logger::{Logger, pipe};
use crate::program::{Place, Program, rounds};
use crate::support::waiting::{Watch, look_until};
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

/// Waits until it has been made.
pub fn wait_for_directory(log: &Path) {
    let watch = Watch::new(log.parent().unwrap());
    watch.until("the directory is there", || log.exists());
}

/// Waits until the logger is at work in a directory that is there already, or has ended.
pub fn wait_for_start(logger: &mut Logger, log: &Path) {
    let current = log.join("current");
    let watch = Watch::new(log);
    watch.until("it is at work", || {
        let is_open = fs::metadata(&current).is_ok_and(|current| current.mode() & 0o100 == 0);
        is_open || !logger.is_running()
    });
}

/// Waits until `current` has this in it.
fn wait_for(log: &Path, text: &str) {
    wait_for_directory(log);
    let watch = Watch::new(log);
    watch.until("it is logged", || fs::read_to_string(log.join("current")).is_ok_and(|current| current == text));
}

/// Waits until it waits for input: where a signal comes while it turns to that, the reference takes note of it only when it
/// has read something.
fn wait_until_idle(logger: &Logger) {
    look_until("it sleeps", || logger.is_asleep());
}

/// Waits until there are so many old logs, and `current` is the next one.
fn wait_for_old(log: &Path, count: usize) {
    let watch = Watch::new(log);
    watch.until("it is rotated", || old_names(log).len() == count && !log.join("previous").exists());
}

#[test]
fn only_what_has_something_in_it_is_rotated() {
    for program in Program::all() {
        let place = Place::new();
        let (read, mut write) = pipe();
        let mut logger = Logger::start(&program, place.path(), &["./log", "-*", "./empty"], read);
        write.write_all(b"one\ntwo\n").unwrap();
        wait_for(&place.log(), "one\ntwo\n");
        wait_until_idle(&logger);
        logger.tell(Signal::SIGALRM);
        wait_for_old(&place.log(), 1);
        // now there is nothing to rotate
        wait_until_idle(&logger);
        logger.tell(Signal::SIGALRM);
        drop(write);
        assert_eq!((logger.code(), logger.rest()), (0, String::new()));
        let listing = Listing::of(&place.log());
        listing.assert_settled(program.name);
        let logs: Vec<_> = listing.old().map(|log| (&log.name[25..], &*log.text)).collect();
        assert_eq!(logs, [(".s", &b"one\ntwo\n"[..])], "{}", program.name);
        assert_eq!(listing.get("current").unwrap().text, b"", "{}", program.name);
        let empty = Listing::of(&place.at("empty"));
        empty.assert_settled(program.name);
        assert_eq!((empty.old().count(), empty.text()), (0, vec![]), "{}", program.name);
    }
}

#[test]
fn a_line_that_is_not_finished_goes_to_the_new_file() {
    for program in Program::all() {
        let place = Place::new();
        let (read, mut write) = pipe();
        let mut logger = Logger::start(&program, place.path(), &["./log"], read);
        write.write_all(b"one\nbeg").unwrap();
        wait_for(&place.log(), "one\n");
        wait_until_idle(&logger);
        logger.send(Signal::SIGALRM);
        wait_for_old(&place.log(), 1);
        write.write_all(b"un, and ended\n").unwrap();
        wait_for(&place.log(), "begun, and ended\n");
        drop(write);
        assert_eq!((logger.code(), logger.rest()), (0, String::new()));
        let listing = Listing::of(&place.log());
        listing.assert_settled(program.name);
        assert_eq!(listing.old().map(|log| &*log.text).collect::<Vec<_>>(), [b"one\n"], "{}", program.name);
    }
}

#[test]
fn rotations_asked_for_under_load_cost_no_line() {
    for program in Program::all() {
        let place = Place::new();
        let (read, write) = pipe();
        let mut logger = Logger::start(&program, place.path(), &["s10000000", "n1000000", "./log"], read);
        let writer = Writer::start(write, Kind::Short);
        wait_for_directory(&place.log());
        let watch = Watch::new(&place.log());
        let count = rounds(50);
        for number in 0..count {
            // some seen while others are under way, others one by one
            logger.send(Signal::SIGALRM);
            if number % 5 == 0 {
                let before = old_names(&place.log()).len();
                watch.until("it is rotated", || old_names(&place.log()).len() > before || number == 0);
            }
            std::thread::sleep(Duration::from_micros(number as u64 % 7 * 300));
        }
        writer.stop();
        assert_eq!((logger.code(), logger.rest()), (0, String::new()));
        let lines = writer.lines();
        let listing = Listing::of(&place.log());
        listing.assert_settled(program.name);
        let rotations = listing.old().count();
        assert!(rotations >= count / 5, "{}: {rotations} rotations", program.name);
        assert!(listing.old().all(|log| log.text.ends_with(b"\n")));
        assert!(listing.text() == text(0..lines), "{}: {lines} lines", program.name);
    }
}
