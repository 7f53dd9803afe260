//! A processor that is not there: said once, with the path and the directory, and tried again until it is.

use crate::directory::Listing;
use crate::lines::text;
use crate::logger::{Logger, pipe};
use crate::processor::LINES;
use crate::program::{Place, Program};
use crate::slow::Slow;
use crate::support::waiting::look_until;
use crate::support::write_script;
use std::fs::{self, File};
use std::io::Write;

pub const OF_OURS: &[Slow] = &[
    ("a processor that is not there is found once it is", comes_late),
    ("a command that is not there is told with what needs it", names_no_path),
];

const FAILED: &str = "multilog: warning: processor failed in ./log, pausing";

/// At the start already, and not with every attempt.
fn comes_late(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let mut logger = Logger::start(program, place.path(), &["s4096", "!./ship -x", "./log"], read.try_clone().unwrap());
    let directory = fs::canonicalize(place.path()).unwrap().join("log");
    let directory = directory.to_str().unwrap();
    let told =
        format!("multilog: warning: unable to find processor ./ship in directory {directory}: file does not exist");
    assert_eq!(logger.line(), told);
    write.write_all(&text(0..LINES)).unwrap();
    let mut attempts = 0;
    while attempts < 2 {
        let said = logger.line();
        assert!(!said.starts_with("multilog: warning: unable"), "{said}");
        attempts += u32::from(said == FAILED);
    }
    write_script(&place.log().join("ship"), "#!/bin/sh\nexec cat\n");
    look_until("it is run", || !place.at("log/previous").exists());
    // and it is news again when it has gone again
    fs::remove_file(place.log().join("ship")).unwrap();
    write.write_all(&text(LINES..2 * LINES)).unwrap();
    while logger.line() != told {}
    write_script(&place.log().join("ship"), "#!/bin/sh\nexec cat\n");
    drop(write);
    assert_eq!(logger.code(), 0);
    fs::remove_file(place.log().join("ship")).unwrap();
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..2 * LINES), "{:?}", listing.shown());
}

/// Where only a shell can tell what is run, it is told when it has been tried.
fn names_no_path(program: &Program) {
    let place = Place::new();
    let (read, mut write) = pipe();
    let script = "!{ test -e ../right || no-such-command -x; } || exit; cat";
    let mut logger = Logger::start(program, place.path(), &["s4096", script, "./log"], read);
    write.write_all(&text(0..LINES)).unwrap();
    let directory = fs::canonicalize(place.path()).unwrap().join("log");
    let told = format!(
        "multilog: warning: unable to find what is needed by processor {} in directory {}: file does not exist",
        &script[1..],
        directory.to_str().unwrap()
    );
    let mut said = Vec::new();
    while said.iter().filter(|&line| line == FAILED).count() < 2 {
        said.push(logger.line());
    }
    assert_eq!(said.iter().filter(|&line| *line == told).count(), 1, "{said:?}");
    let place_of = |wanted: &str| said.iter().position(|line| line == wanted);
    assert!(place_of(&told) < place_of(FAILED), "{said:?}");
    File::create(place.at("right")).unwrap();
    drop(write);
    assert_eq!(logger.code(), 0);
    Listing::of(&place.log()).assert_settled("at the end");
}

/// What is there is not spoken of.
#[test]
fn a_processor_that_is_there_is_not_told_of() {
    let place = Place::new();
    write_script(&place.at("ship"), "#!/bin/sh\nexec cat\n");
    let absolute = format!("!{}/ship", place.path().display());
    for command in ["!../ship", &absolute, "!cat", "!true; ./ship"] {
        let nothing = File::open("/dev/null").unwrap();
        let ended = Logger::run(&Program::ours(), place.path(), &[command, "./log"], nothing);
        assert_eq!(ended, (0, String::new()), "{command}");
    }
}
