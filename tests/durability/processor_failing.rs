//! Processors that fail: they run again until they do not, and stand in the way of nobody's end.

use crate::directory::Listing;
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, waiting};
use crate::processor::LINES;
use crate::program::{Place, Program};
use crate::slow::Slow;
use crate::support::waiting::Watch;
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::Write;
use std::time::{Duration, Instant};

pub const OF_BOTH: &[Slow] = &[
    ("a processor that fails runs again after a pause", fails_once),
    ("a processor that is killed runs again after a pause", is_killed_once),
];

pub const OF_OURS: &[Slow] = &[
    ("a processor that fails for ever does not keep lines from being logged", lines_are_logged_meanwhile),
    ("a processor that fails for ever does not keep it from ending", ends_all_the_same),
];

const FAILED: &str = "multilog: warning: processor failed in ./log, pausing";

fn fails_once(program: &Program) {
    once(program, "exit 1", FAILED);
}

fn is_killed_once(program: &Program) {
    // behind which the reference gives the reason of another error
    once(program, "kill -9 $$", "multilog: warning: processor crashed in ./log, pausing");
}

/// What it has written and what it has made of the state does not count until it ends with 0.
fn once(program: &Program, end: &str, warning: &str) {
    let place = Place::new();
    fs::write(place.at("input"), text(0..LINES)).unwrap();
    let input = File::open(place.at("input")).unwrap();
    let script = format!(
        "!cat <&4 >&5; echo tried >&5; test -e ../tried || {{ : >../tried; echo wrong; head -1; {end}; }}; echo again >&2; cat"
    );
    let mut logger = Logger::start(program, place.path(), &["s4096", &script, "./log"], input);
    let said = logger.line();
    assert!(said.starts_with(warning), "{said}");
    let failed = Instant::now();
    // the reference says it of one that was killed, too, after its first pause
    let said = logger.line();
    let said = if program.is_ours || warning == FAILED || said != FAILED { said } else { logger.line() };
    assert_eq!(said, "again");
    let pause = failed.elapsed();
    assert!(pause > Duration::from_secs(4), "it runs again after {pause:?}");
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..LINES), "{:?}", listing.shown());
    assert_eq!(listing.get("state").unwrap().text, b"tried\n");
}

fn lines_are_logged_meanwhile(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let script = "!test -e ../right && cat";
    let mut logger = Logger::start(program, place.path(), &["s4096", script, "./log"], read);
    write.write_all(&text(0..LINES)).unwrap();
    assert_eq!(logger.line(), FAILED);
    let log = place.log();
    let watch = Watch::new(&log);
    let more = text(LINES..LINES + 2);
    write.write_all(&more).unwrap();
    watch.until("it is logged", || fs::read(log.join("current")).is_ok_and(|current| current.ends_with(&more)));
    assert!(log.join("previous").exists());
    fs::write(place.at("right"), "").unwrap();
    drop(write);
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    let listing = Listing::of(&log);
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..LINES + 2), "{:?}", listing.shown());
}

fn ends_all_the_same(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let actions = ["s4096", "!head -1; false", "./log"];
    let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
    write.write_all(&text(0..LINES)).unwrap();
    assert_eq!(logger.line(), FAILED);
    let asked = Instant::now();
    logger.send(Signal::SIGTERM);
    let code = logger.code();
    let time = asked.elapsed();
    let said = logger.rest();
    assert!([0, 111].contains(&code), "{code}: {said}");
    assert!(time < Duration::from_secs(14), "{time:?}");
    let before = Listing::of(&place.log());
    assert_eq!(before.get("previous").map(|it| it.mode), Some(0o744), "{:?}", before.shown());
    let all = text(0..LINES);
    let rest = waiting(&read);
    assert!(before.text() == all[..all.len() - rest], "{:?}, {rest} bytes unread", before.shown());

    // the next start recovers it, and the processor has no part in that
    drop(write);
    let ended = Logger::run(program, place.path(), &actions, File::open("/dev/null").unwrap());
    assert_eq!(ended, (0, String::new()));
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    let suffixes: Vec<_> = listing.old().map(|log| &log.name[25..]).collect();
    assert!(!suffixes.is_empty() && suffixes.iter().all(|suffix| *suffix == ".u"), "{:?}", listing.shown());
    assert!([listing.text(), rest_of(&read)].concat() == all, "{:?}", listing.shown());
}
