//! What a processor is given, and what is done with what it gives.

use crate::directory::{Listing, old_names};
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, waiting};
use crate::program::{Place, Program};
use crate::support::waiting::{Watch, look_until};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

/// A processor that says that it has begun, and then waits for the gate.
pub const WAITING: &str = "!echo begun >&2; read go <../gate; cat";

/// What processors wait for.
pub struct Gate(File);

impl Gate {
    pub fn new(place: &Place) -> Self {
        let gate = place.at("gate");
        nix::unistd::mkfifo(&gate, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // open for both, so that neither this nor a processor waits for the other side
        Self(File::options().read(true).write(true).open(gate).unwrap())
    }

    /// Lets one processor through.
    pub fn open(&mut self) {
        self.0.write_all(b"go\n").unwrap();
    }
}

/// A logger with a gate, of which the first processor has begun, with 30 lines.
pub struct Gated {
    pub place: Place,
    pub gate: Gate,
    pub logger: Logger,
    pub read: File,
    pub write: File,
}

/// More than a file of 4096 bytes takes, but not more than two.
pub const LINES: u64 = 30;

impl Gated {
    pub fn new(program: &Program) -> Self {
        let place = Place::new();
        let gate = Gate::new(&place);
        let (read, mut write) = pipe();
        let actions = ["s4096", WAITING, "./log"];
        let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
        write.write_all(&text(0..LINES)).unwrap();
        assert_eq!(logger.line(), "begun");
        Self { place, gate, logger, read, write }
    }
}

fn is_in_current(log: &Path, end: &[u8]) -> bool {
    fs::read(log.join("current")).is_ok_and(|current| current.ends_with(end))
}

#[test]
fn the_state_goes_from_rotation_to_rotation() {
    for program in Program::all() {
        let place = Place::new();
        fs::write(place.at("input"), text(0..80)).unwrap();
        let state = "!cat; cat <&4 >&5; echo rotated >&5; echo over >&2";
        let mut logs = 0;
        for start in 0..2 {
            // a clean end keeps it, too
            let input = File::open(place.at("input")).unwrap();
            let (code, said) = Logger::run(&program, place.path(), &["s4096", state, "./log"], input);
            let listing = Listing::of(&place.log());
            listing.assert_settled(program.name);
            assert_eq!((code, said), (0, "over\n".repeat(listing.old().count() - logs)), "{}", program.name);
            logs = listing.old().count();
            assert!(logs >= 3 * (start + 1), "{}: {:?}", program.name, listing.shown());
            let state = String::from_utf8_lossy(&listing.get("state").unwrap().text).into_owned();
            assert_eq!(state, "rotated\n".repeat(logs), "{}", program.name);
            assert!(listing.text() == text(0..80).repeat(start + 1), "{}: {:?}", program.name, listing.shown());
            assert!(listing.old().all(|log| log.name.ends_with(".s")), "{}: {:?}", program.name, listing.shown());
        }
    }
}

#[test]
fn what_is_written_takes_the_place_of_what_was_logged() {
    for program in Program::all() {
        let place = Place::new();
        fs::write(place.at("input"), text(0..30)).unwrap();
        let input = File::open(place.at("input")).unwrap();
        let ended = Logger::run(&program, place.path(), &["s4096", "wcount", "!wc -l", "./log"], input);
        assert_eq!(ended.0, 0, "{}: {}", program.name, ended.1);
        let names = old_names(&place.log());
        let suffix = if program.is_ours { ".count" } else { ".s" };
        assert!(names.len() == 1 && names[0].ends_with(suffix), "{}: {names:?}", program.name);
        let count: u64 = fs::read_to_string(place.log().join(&names[0])).unwrap().trim().parse().unwrap();
        let current = fs::read(place.log().join("current")).unwrap();
        assert!(current == text(count..30), "{}: {count} lines are in the old log", program.name);
    }
}

#[test]
fn a_processor_has_its_files_and_nothing_of_the_logger() {
    for program in Program::all() {
        let place = Place::new();
        fs::write(place.at("input"), text(0..30)).unwrap();
        let input = File::open(place.at("input")).unwrap();
        let shows = "!readlink /proc/$$/cwd >&2; cd /proc/$$/fd; for n in 0 1 2 3 4 5 6 7 8 9; do \
                     test ! -e $n || echo $n $(readlink $n) >&2; done; grep -E '^Sig(Blk|Ign|Cgt)' /proc/self/status >&2; cat";
        let (code, said) = Logger::run(&program, place.path(), &["s4096", shows, "./log"], input);
        assert_eq!(code, 0, "{}: {said}", program.name);
        let log = fs::canonicalize(place.log()).unwrap();
        let log = log.to_str().unwrap();
        let mut lines = said.lines();
        assert_eq!(lines.next(), Some(log), "{}: {said}", program.name);
        for (number, name) in [(0, "previous"), (1, "processed"), (2, ""), (4, "state"), (5, "newstate")] {
            let line = lines.next().unwrap();
            let is_right = match name {
                "" => line.starts_with("2 pipe:"),
                name => line == format!("{number} {log}/{name}"),
            };
            assert!(is_right, "{}: {number}: {said}", program.name);
        }
        for name in ["SigBlk", "SigIgn"] {
            let mask = lines.next().unwrap().strip_prefix(name).unwrap().trim_start_matches(':').trim();
            let mask = u64::from_str_radix(mask, 16).unwrap();
            let ours = [Signal::SIGTERM, Signal::SIGALRM, Signal::SIGPIPE, Signal::SIGCHLD];
            assert!(ours.iter().all(|&signal| mask >> (signal as u32 - 1) & 1 == 0), "{}: {said}", program.name);
        }
    }
}

#[test]
fn lines_are_logged_while_a_processor_runs_but_no_second_one_runs() {
    let Gated { place, mut gate, mut logger, read, mut write } = Gated::new(&Program::ours());
    let log = place.log();
    let watch = Watch::new(&log);
    let more = text(LINES..LINES + 3);
    write.write_all(&more).unwrap();
    watch.until("it is logged", || is_in_current(&log, &more));
    // enough for more rotations: the first of them has to wait
    let end = 3 * LINES;
    write.write_all(&text(LINES + 3..end)).unwrap();
    watch.until("current is full", || fs::metadata(log.join("current")).is_ok_and(|it| it.len() > 4096 - 2000));
    logger.tell(Signal::SIGCONT);
    assert!(waiting(&read) > 0, "all has been read");
    assert_eq!(old_names(&log), [""; 0]);
    for number in 1.. {
        gate.open();
        watch.until("it is processed", || old_names(&log).len() == number);
        if waiting(&read) == 0 && !log.join("previous").exists() && is_in_current(&log, &text(end - 1..end)) {
            assert!(number >= 3, "{number} rotations");
            break;
        }
        assert_eq!(logger.line(), "begun");
    }
    drop(write);
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    let listing = Listing::of(&log);
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..end), "{:?}", listing.shown());
}

/// What it has to do with a processor that runs, at the end of its input or when it is asked to end.
#[test]
fn the_end_waits_for_a_processor() {
    for program in Program::all() {
        for is_asked in [false, true] {
            let Gated { place, mut gate, mut logger, read, write } = Gated::new(&program);
            let write = if is_asked {
                logger.send(Signal::SIGTERM);
                Some(write)
            } else {
                drop(write);
                None
            };
            // it has nothing more to do now
            look_until("it sleeps", || logger.is_asleep());
            assert!(logger.is_running(), "{}", program.name);
            assert!(place.log().join("previous").exists(), "{}", program.name);
            gate.open();
            assert_eq!((logger.code(), logger.rest()), (0, String::new()), "{}", program.name);
            let listing = Listing::of(&place.log());
            listing.assert_settled(program.name);
            let logs: Vec<_> = listing.old().collect();
            assert!(logs.len() == 1 && logs[0].name.ends_with(".s"), "{}: {:?}", program.name, listing.shown());
            let all = [listing.text(), rest_of(&read)].concat();
            assert!(all == text(0..LINES), "{}: {:?}", program.name, listing.shown());
            drop(write);
        }
    }
}

/// The lock is not the processor's: its logger's successor starts while it still runs, and what it writes is nobody's.
#[test]
fn a_processor_that_outlives_its_logger_is_in_nobodys_way() {
    for program in Program::all() {
        let Gated { place, mut gate, mut logger, read, write } = Gated::new(&program);
        logger.kill();
        drop(write);
        let before = Listing::of(&place.log());
        let rest = text(0..LINES).split_off(text(0..LINES).len() - waiting(&read));
        let mut successor = Logger::start(&program, place.path(), &["./log"], read);
        assert_eq!((successor.code(), successor.rest()), (0, String::new()), "{}", program.name);
        let after = Listing::of(&place.log());
        after.assert_settled(program.name);
        assert!(after.old().all(|log| log.name.ends_with(".u")), "{}: {:?}", program.name, after.shown());
        assert!(after.text() == [before.text(), rest].concat(), "{}: {:?}", program.name, after.shown());
        gate.open();
        assert_eq!(logger.rest(), "", "{}", program.name);
        assert_eq!(Listing::of(&place.log()).shown(), after.shown(), "{}", program.name);
    }
}

/// A processor that runs as long as it likes is no reason to lose what comes when the input ends.
#[test]
fn what_comes_last_is_logged_while_a_processor_runs() {
    let Gated { place, mut gate, mut logger, read, mut write } = Gated::new(&Program::ours());
    let log = place.log();
    write.write_all(b"the last line").unwrap();
    drop(write);
    let watch = Watch::new(&log);
    watch.until("it is logged", || is_in_current(&log, b"the last line\n"));
    look_until("it is read", || waiting(&read) == 0);
    assert!(logger.is_running());
    gate.open();
    assert_eq!((logger.code(), logger.rest()), (0, String::new()));
    Listing::of(&log).assert_settled("at the end");
}

/// Which would take its end away. The reference runs it again for ever.
#[test]
fn an_ignored_child_signal_costs_no_processor_its_work() {
    let place = Place::new();
    fs::write(place.at("input"), text(0..LINES)).unwrap();
    let ignore = || {
        // SAFETY: a system call.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        Ok(())
    };
    let input = File::open(place.at("input")).unwrap();
    let actions = ["s4096", "!echo run >&2; cat", "./log"];
    let mut logger = Logger::prepared(&Program::ours(), place.path(), &actions, input, ignore);
    assert_eq!((logger.line(), logger.code(), logger.rest()), ("run".to_owned(), 0, String::new()));
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..LINES) && listing.old().count() == 1, "{:?}", listing.shown());
}
