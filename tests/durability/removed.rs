//! A log directory that is removed while multilog writes to it, or what is in it: what comes then is logged, in a directory that
//! is made anew, and who cannot make one ends and reads nothing more. The reference waits for ever, or writes where nobody will
//! ever look.

use crate::directory::{Listing, names};
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, waiting};
use crate::processor::{Gated, LINES};
use crate::program::{Place, Program};
use crate::slow::Slow;
use crate::support::waiting::{Watch, look_until};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

pub const OF_OURS: &[Slow] = &[
    ("a directory that is removed under load is made anew each time", removed_under_load),
    ("a request to end ends the wait for the next attempt", ends_while_it_waits),
];

const REMOVED: &str = "multilog: warning: directory ./log has been removed, making it anew";
const EMPTIED: &str = "multilog: warning: files in directory ./log have been removed, putting it in order";

/// A logger that has logged a line.
struct Started {
    place: Place,
    logger: Logger,
    read: File,
    write: File,
}

impl Started {
    fn new(actions: &[&str]) -> Self {
        let place = Place::new();
        fs::create_dir(place.at("service")).unwrap();
        let (read, mut write) = pipe();
        let mut logger = Logger::start(&Program::ours(), &place.at("service"), actions, read.try_clone().unwrap());
        write.write_all(&text(0..1)).unwrap();
        let log = place.at("service/log");
        // and consumed: what is not is logged again
        look_until("it is logged", || {
            assert!(logger.is_running());
            is_logged(&log, &text(0..1)) && waiting(&read) == 0 && logger.is_asleep()
        });
        Self { place, logger, read, write }
    }

    fn log(&self) -> std::path::PathBuf {
        self.place.at("service/log")
    }

    /// Waits until this is the end of what is logged.
    #[track_caller]
    fn wait_for(&mut self, end: &[u8]) {
        let log = self.log();
        look_until("it is logged", || {
            assert!(self.logger.is_running(), "{:?}", self.logger.rest());
            is_logged(&log, end) && waiting(&self.read) == 0
        });
    }

    /// Ends it, and gives what it has said and what is then in the directory.
    #[track_caller]
    fn finish(self) -> (String, Listing) {
        let log = self.log();
        let Self { mut logger, place, read, write } = self;
        drop(write);
        assert_eq!(logger.code(), 0, "{:?}", logger.rest());
        assert_eq!(rest_of(&read), b"");
        let listing = Listing::of(&log);
        listing.assert_settled("at the end");
        drop(place);
        (logger.rest(), listing)
    }
}

fn is_logged(log: &Path, end: &[u8]) -> bool {
    log.join("current").exists() && fs::read(log.join("current")).is_ok_and(|current| current.ends_with(end))
}

/// Another one cannot write there.
#[track_caller]
fn assert_locked(started: &Started) {
    let nothing = File::open("/dev/null").unwrap();
    let ended = Logger::run(&Program::ours(), &started.place.at("service"), &["./log"], nothing);
    assert_eq!(ended, (111, "multilog: fatal: unable to lock directory ./log: temporary failure\n".to_owned()));
}

/// Nothing is made anew before there is something to be logged, and then all that comes is.
#[test]
fn a_removed_directory_is_made_anew() {
    for signal in [None, Some(Signal::SIGALRM)] {
        let mut started = Started::new(&["s4096", "./log"]);
        fs::remove_dir_all(started.log()).unwrap();
        if let Some(signal) = signal {
            started.logger.tell(signal);
        }
        assert!(started.logger.is_running() && !started.log().exists());
        started.write.write_all(&text(1..3)).unwrap();
        started.wait_for(&text(1..3));
        assert_eq!(started.logger.line(), REMOVED);
        assert_locked(&started);
        started.write.write_all(&text(3..100)).unwrap();
        let (said, listing) = started.finish();
        assert_eq!(said, "");
        assert!(listing.text() == text(1..100), "{:?}", listing.shown());
    }
}

/// Several files' worth, of which the first part finds out.
#[test]
fn lines_that_come_together_are_all_in_the_new_directory() {
    let mut started = Started::new(&["s4096", "n100", "./log"]);
    fs::remove_dir_all(started.log()).unwrap();
    started.write.write_all(&text(1..300)).unwrap();
    let (said, listing) = started.finish();
    assert_eq!(said, [REMOVED, "\n"].concat());
    assert!(listing.text() == text(1..300), "{:?}", listing.shown());
}

#[test]
fn files_that_are_removed_are_made_anew() {
    for is_all in [false, true] {
        let mut started = Started::new(&["./log"]);
        let watch = Watch::new(&started.log());
        for name in names(&started.log()).iter().filter(|name| is_all || *name == "current") {
            fs::remove_file(started.log().join(name)).unwrap();
        }
        started.write.write_all(&text(1..3)).unwrap();
        let log = started.log();
        watch.until("it is logged", || is_logged(&log, &text(1..3)));
        assert_eq!(started.logger.line(), EMPTIED);
        assert_locked(&started);
        let (said, listing) = started.finish();
        assert_eq!(said, "");
        assert!(listing.text() == text(1..3), "{:?}", listing.shown());
    }
}

/// A file in its place is another's: it is kept as an old one.
#[test]
fn another_file_in_the_place_of_current_is_not_written_to() {
    let mut started = Started::new(&["./log"]);
    fs::write(started.log().join("new"), "theirs\n").unwrap();
    fs::rename(started.log().join("new"), started.log().join("current")).unwrap();
    started.write.write_all(&text(1..3)).unwrap();
    started.wait_for(&text(1..3));
    let (said, listing) = started.finish();
    assert_eq!(said, [EMPTIED, "\n"].concat());
    assert!(listing.text() == [b"theirs\n", &*text(1..3)].concat(), "{:?}", listing.shown());
}

/// By its descriptor; the name has nothing to do with it.
#[test]
fn a_directory_that_is_renamed_is_written_to() {
    let mut started = Started::new(&["s4096", "./log"]);
    let elsewhere = started.place.at("elsewhere");
    fs::rename(started.log(), &elsewhere).unwrap();
    started.write.write_all(&text(1..100)).unwrap();
    drop(started.write);
    assert_eq!((started.logger.code(), started.logger.rest()), (0, String::new()));
    let listing = Listing::of(&elsewhere);
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..100), "{:?}", listing.shown());
    assert!(!started.place.at("service/log").exists());
}

/// Its own working directory has gone, too: then it ends, and what it has not logged is still to be read.
#[test]
fn where_no_directory_can_be_made_it_ends_and_reads_no_more() {
    let mut started = Started::new(&["./log"]);
    fs::remove_dir_all(started.place.at("service")).unwrap();
    let more = text(1..50);
    started.write.write_all(&more).unwrap();
    assert_eq!(started.logger.code(), 111);
    let said = started.logger.rest();
    let expected = [
        REMOVED,
        "multilog: warning: unable to open directory ./log: file does not exist",
        &format!("multilog: fatal: exiting with {} bytes unwritten", more.len()),
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    assert!(rest_of(&started.read) == more);
}

/// The others of several go on with every line.
#[test]
fn one_of_two_directories_may_be_removed() {
    let mut started = Started::new(&["./other", "./log"]);
    fs::remove_dir_all(started.log()).unwrap();
    started.write.write_all(&text(1..30)).unwrap();
    started.wait_for(&text(29..30));
    let other = started.place.at("service/other");
    let Started { mut logger, place, read, write } = started;
    drop(write);
    assert_eq!((logger.code(), logger.rest()), (0, [REMOVED, "\n"].concat()));
    assert_eq!(rest_of(&read), b"");
    for (log, lines) in [(other, text(0..30)), (place.at("service/log"), text(1..30))] {
        let listing = Listing::of(&log);
        listing.assert_settled("at the end");
        assert!(listing.text() == lines, "{:?}", listing.shown());
    }
}

/// What it makes of a file that has been removed is nobody's, however it ends, and the next one is run as ever.
#[test]
fn a_processor_may_run_in_a_removed_directory() {
    for comes_first in [false, true] {
        let Gated { place, mut gate, mut logger, read, mut write } = Gated::new(&Program::ours());
        let log = place.log();
        look_until("all has been read", || waiting(&read) == 0 && logger.is_asleep());
        fs::remove_dir_all(&log).unwrap();
        if comes_first {
            write.write_all(&text(LINES..LINES + 1)).unwrap();
            look_until("it is logged", || is_logged(&log, &text(LINES..LINES + 1)));
        }
        gate.open();
        // for more than one rotation
        write.write_all(&text(LINES + u64::from(comes_first)..3 * LINES)).unwrap();
        drop(write);
        let mut said = Vec::new();
        while logger.is_running() {
            gate.open();
            look_until("it goes on", || !logger.is_running() || logger.is_asleep());
            std::thread::yield_now();
        }
        said.extend(logger.rest().lines().filter(|line| *line != "begun").map(str::to_owned));
        assert_eq!((logger.code(), said), (0, vec![REMOVED.to_owned()]));
        let listing = Listing::of(&log);
        listing.assert_settled("at the end");
        assert!(listing.text() == text(LINES..3 * LINES), "{:?}", listing.shown());
        assert!(listing.old().all(|log| log.name.ends_with(".s")), "{:?}", listing.shown());
    }
}

/// What has come together and has not been consumed is logged whole, though the first files of it had been written.
#[test]
fn a_directory_may_be_removed_in_the_middle_of_what_is_written() {
    let Gated { place, mut gate, mut logger, read, mut write } = Gated::new(&Program::ours());
    let log = place.log();
    look_until("all has been read", || waiting(&read) == 0 && logger.is_asleep());
    let all = text(LINES..4 * LINES);
    write.write_all(&all).unwrap();
    look_until("it waits for the processor", || {
        fs::metadata(log.join("current")).is_ok_and(|it| it.len() > 4096 - 2000) && logger.is_asleep()
    });
    assert_eq!(waiting(&read), all.len());
    fs::remove_dir_all(&log).unwrap();
    drop(write);
    while logger.is_running() {
        gate.open();
        look_until("it goes on", || !logger.is_running() || logger.is_asleep());
    }
    let said: Vec<_> = logger.rest().lines().filter(|line| *line != "begun").map(str::to_owned).collect();
    assert_eq!((logger.code(), said), (0, vec![REMOVED.to_owned()]));
    let listing = Listing::of(&log);
    listing.assert_settled("at the end");
    assert!(listing.text() == all, "{:?}", listing.shown());
}

/// Whatever it is about at that moment.
fn removed_under_load(_: &Program) {
    let mut started = Started::new(&["s4096", "./log"]);
    for round in 0..4 {
        let mut load = started.write.try_clone().unwrap();
        let noise = std::thread::spawn(move || load.write_all(&text(0..3000)).unwrap());
        // it may fail where a file comes into being meanwhile
        look_until("it is removed", || fs::remove_dir_all(started.log()).is_ok() || !started.log().exists());
        noise.join().unwrap();
        let lines = text(round * 100..round * 100 + 100);
        started.write.write_all(&lines).unwrap();
        look_until("all is logged", || waiting(&started.read) == 0 && started.logger.is_asleep());
        let listing = Listing::of(&started.log());
        assert!(listing.text().ends_with(&lines), "{:?}", listing.shown());
    }
    let (said, _) = started.finish();
    assert!(said.lines().all(|line| [REMOVED, EMPTIED].contains(&line)), "{said}");
}

fn ends_while_it_waits(_: &Program) {
    let mut started = Started::new(&["./log"]);
    for round in 1..3 {
        fs::remove_dir_all(started.log()).unwrap();
        started.write.write_all(&text(round..round + 1)).unwrap();
        assert_eq!(started.logger.line(), REMOVED);
        if round == 1 {
            started.wait_for(&text(round..round + 1));
        }
    }
    // the second time so soon, it waits
    look_until("it sleeps", || started.logger.is_asleep());
    assert!(!started.log().exists());
    started.logger.send(Signal::SIGTERM);
    assert_eq!((started.logger.code(), started.logger.rest()), (0, String::new()));
    let listing = Listing::of(&started.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == text(2..3), "{:?}", listing.shown());
}
