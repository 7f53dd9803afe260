//! Processors after a request to end: one that runs has a bound, one that fails is not run again, and both leave all that was
//! read for the next multilog. The reference waits as long as they like.

use crate::directory::Listing;
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, waiting};
use crate::processor::LINES;
use crate::program::{Place, Program};
use crate::slow::Slow;
use crate::support::takes_less_than;
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

pub const OF_OURS: &[Slow] = &[
    ("a processor that hangs at the end is told to end", |program| hangs(program, "echo begun >&2; exec sleep 100")),
    ("a processor that hangs at the end and ignores TERM is killed", |program| {
        hangs(program, "trap '' TERM; echo begun >&2; exec sleep 100");
    }),
    ("a processor that hangs while the next file is full does not keep it from ending", hangs_in_the_way),
    ("a processor that fails after the request to end is not run again", fails_after),
    ("a processor that fails while the next file is full does not keep it from ending", fails_in_the_way),
    ("a processor that has failed is not run again while the end of a line is waited for", fails_before),
    ("processors that hang at the end have the same time, however many they are", many_hang),
    ("a processor that keeps others waiting is told of", keeps_waiting),
];

/// After so long a processor that has failed is run again.
const RUN_AGAIN: Duration = Duration::from_secs(5);

const UNFINISHED: &str = "multilog: fatal: exiting with ./log unfinished";
const FAILED: &str = "multilog: warning: processor failed in ./log, pausing";

/// All that was given is in the directory or still unread, and the next one makes old files of it.
fn assert_kept(program: &Program, place: &Place, read: File, all: &[u8]) {
    let rest = waiting(&read);
    let left = Listing::of(&place.log());
    assert!([&left.text(), &all[all.len() - rest..]].concat() == all, "{rest} bytes unread: {:?}", left.shown());
    let of = |name| left.get(name).map(|entry| (entry.mode, entry.text.is_empty()));
    assert_eq!((of("previous"), of("current")), (Some((0o744, false)), Some((0o644, false))), "{:?}", left.shown());
    let ended = Logger::run(program, place.path(), &["s4096", "./log"], read);
    assert_eq!(ended, (0, String::new()));
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == all, "{:?}", listing.shown());
}

/// Whether what this multilog says of a processor that does not end was said, once, and how it ends.
fn assert_told(said: &str) {
    let mut lines = said.lines();
    let warning = lines.next().unwrap_or_default();
    let is_right = warning.starts_with("multilog: warning: processor in ./log does not end, pid ")
        && warning.ends_with(", ending it");
    assert!(is_right, "{said}");
    assert_eq!((lines.next(), lines.next()), (Some(UNFINISHED), None), "{said}");
}

fn hangs(program: &Program, script: &str) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let actions = ["s4096", &format!("!{script}"), "./log"];
    let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
    let all = text(0..LINES);
    write.write_all(&all).unwrap();
    assert_eq!(logger.line(), "begun");
    let asked = Instant::now();
    logger.send(Signal::SIGTERM);
    assert_eq!(logger.code(), 111);
    let time = asked.elapsed();
    assert!((3..15).contains(&time.as_secs()), "{time:?}");
    // to its end: nothing of it is left that could write here
    assert_told(&logger.rest());
    drop(write);
    assert_kept(program, &place, read, &all);
}

/// One after the other they would take twenty seconds more.
fn many_hang(program: &Program) {
    const MANY: usize = 20;
    let place = Place::new();
    let (read, mut write) = pipe();
    let logs: Vec<String> = (0..MANY).map(|number| format!("./log{number}")).collect();
    let actions = ["s4096", "!trap '' TERM; echo begun >&2; exec sleep 100"].map(str::to_owned);
    let mut logger = Logger::start(program, place.path(), &[&actions[..], &logs].concat(), read);
    write.write_all(&text(0..LINES)).unwrap();
    for _ in 0..MANY {
        assert_eq!(logger.line(), "begun");
    }
    let asked = Instant::now();
    logger.send(Signal::SIGTERM);
    assert_eq!(logger.code(), 111);
    let time = asked.elapsed();
    assert!((4..15).contains(&time.as_secs()), "{time:?}");
    let said = logger.rest();
    let ending = said.lines().filter(|line| line.ends_with(", ending it")).count();
    let last = said.lines().last().unwrap_or_default();
    assert_eq!((ending, last), (MANY, "multilog: fatal: exiting with ./log0 unfinished"), "{said}");
    for log in &logs {
        let left = Listing::of(&place.at(log));
        assert!(left.text() == text(0..LINES), "{:?}", left.shown());
    }
}

/// More than two files.
fn much() -> Vec<u8> {
    text(0..3 * LINES)
}

fn hangs_in_the_way(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let actions = ["s4096", "!echo begun >&2; exec sleep 100", "./log"];
    let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
    write.write_all(&much()).unwrap();
    assert_eq!(logger.line(), "begun");
    crate::support::waiting::look_until("it waits for the processor", || {
        logger.is_asleep() && fs::metadata(place.at("log/current")).is_ok_and(|it| it.len() > 4096 - 2000)
    });
    logger.send(Signal::SIGTERM);
    assert_eq!(logger.code(), 111);
    assert_told(&logger.rest());
    drop(write);
    assert_kept(program, &place, read, &much());
}

fn fails_after(program: &Program) {
    takes_less_than(RUN_AGAIN, || {
        let place = Place::new();
        let gate = place.at("gate");
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let mut gate = File::options().read(true).write(true).open(gate).unwrap();
        let (read, mut write) = pipe();
        let actions = ["s4096", "!echo begun >&2; read go <../gate; exit 1", "./log"];
        let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
        let all = text(0..LINES);
        write.write_all(&all).unwrap();
        assert_eq!(logger.line(), "begun");
        logger.tell(Signal::SIGTERM);
        let asked = Instant::now();
        gate.write_all(b"go\ngo\n").unwrap();
        assert_eq!(logger.code(), 111);
        let time = asked.elapsed();
        assert_eq!(logger.rest(), [FAILED, "\n", UNFINISHED, "\n"].concat());
        drop(write);
        assert_kept(program, &place, read, &all);
        time
    });
}

fn fails_before(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let actions = ["s4096", "!echo run >>../runs; exit 1", "./log"];
    let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
    let all = [&*text(0..LINES), b"begun"].concat();
    write.write_all(&all).unwrap();
    assert_eq!(logger.line(), FAILED);
    crate::support::waiting::look_until("the beginning has been read", || waiting(&read) == 0 && logger.is_asleep());
    logger.tell(Signal::SIGTERM);
    let runs = || fs::read_to_string(place.at("runs")).unwrap();
    let before = runs();
    // longer than the pause after a failure
    assert_eq!(logger.code(), 111);
    let said = logger.rest();
    assert!(runs() == before && said.ends_with(&[UNFINISHED, "\n"].concat()), "{said}");
    drop(write);
    assert_kept(program, &place, read, &[&*all, b"\n"].concat());
}

fn fails_in_the_way(program: &Program) {
    takes_less_than(RUN_AGAIN, || {
        let place = Place::new();
        let (read, mut write) = pipe();
        let mut logger = Logger::start(
            program,
            place.path(),
            &["s4096", "!echo run >&2; exit 1", "./log"],
            read.try_clone().unwrap(),
        );
        write.write_all(&much()).unwrap();
        assert_eq!((logger.line(), logger.line()), ("run".to_owned(), FAILED.to_owned()));
        crate::support::waiting::look_until("it waits for the processor", || {
            logger.is_asleep() && fs::metadata(place.at("log/current")).is_ok_and(|it| it.len() > 4096 - 2000)
        });
        let asked = Instant::now();
        logger.send(Signal::SIGTERM);
        assert_eq!(logger.code(), 111);
        let time = asked.elapsed();
        let said = logger.rest();
        // on a slow machine it may have been run once more before
        assert!(said.ends_with(&[UNFINISHED, "\n"].concat()) && said.matches("run").count() <= 1, "{said}");
        drop(write);
        assert_kept(program, &place, read, &much());
        time
    });
}

fn keeps_waiting(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let actions = ["s4096", "!echo begun $$ >&2; exec sleep 100", "./log"];
    let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
    write.write_all(&much()).unwrap();
    let begun = logger.line();
    let pid = begun.strip_prefix("begun ").unwrap();
    let said = format!("multilog: warning: waiting for processor in ./log, pid {pid}, nothing is read meanwhile");
    assert_eq!(logger.line(), said);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.parse().unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(logger.line(), "multilog: warning: processor crashed in ./log, pausing");
    logger.send(Signal::SIGTERM);
    assert_eq!(logger.code(), 111);
    let rest = rest_of(&read);
    let left = Listing::of(&place.log());
    assert!([left.text(), rest].concat() == much(), "{:?}", left.shown());
}
