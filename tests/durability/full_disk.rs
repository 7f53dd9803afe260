//! A full disk, or a limit on the size of files: the logger says so, waits, and loses nothing; it can be stopped meanwhile.

use crate::directory::{Listing, old_names};
use crate::disk::Disk;
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of, set_blocking, waiting};
use crate::program::{Place, Program};
use crate::slow::Slow;
use crate::support::takes_less_than;
use crate::support::waiting::Watch;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

pub const OF_BOTH: &[Slow] = &[
    ("a full disk makes it wait and costs no line", a_full_disk_makes_it_wait),
    ("a full disk delays a rotation asked for", a_rotation_waits_for_room),
    ("a limit on the size of files makes it wait and costs no line", a_limit_makes_it_wait),
];

pub const OF_OURS: &[Slow] = &[
    ("on a full disk a request to end is granted within seconds", an_end_is_granted),
    ("a request to end looks for room at once", an_end_looks_for_room),
    ("room that is made after a request to end is used", room_is_used_before_the_end),
    ("with N it deletes old logs instead of waiting", old_logs_make_room),
    ("with N it keeps as many old logs as that", as_many_old_logs_are_kept),
];

/// What is said every five seconds.
const FULL: &str = "multilog: warning: unable to write to ./log/current, pausing: out of disk space";
const PAUSE: Duration = Duration::from_secs(5);
/// What a machine that has much else to do adds to a time.
const SLACK: Duration = Duration::from_secs(3);

/// A logger that has met a full disk.
struct Stopped {
    logger: Logger,
    disk: Disk,
    read: File,
    write: File,
    /// How many lines have been written to its input.
    lines: u64,
    /// When it said so.
    since: Instant,
}

impl Stopped {
    fn new(program: &Program, actions: &[&str]) -> Option<Self> {
        const LINES: u64 = 100;
        let disk = Disk::new(100)?;
        let (read, mut write) = pipe();
        let mut logger = disk.start(program, actions, &read);
        let watch = Watch::new(&disk.at(""));
        watch.until("the directory is there", || disk.at("log").exists());
        let watch = Watch::new(&disk.at("log"));
        write.write_all(&text(0..2)).unwrap();
        watch.until("two lines are logged", || fs::read(disk.at("log/current")).is_ok_and(|seen| seen == text(0..2)));
        disk.fill();
        write.write_all(&text(2..LINES)).unwrap();
        assert_eq!(logger.line(), FULL);
        Some(Self { logger, disk, read, write, lines: LINES, since: Instant::now() })
    }

    fn log(&self) -> PathBuf {
        self.disk.at("log")
    }

    fn current(&self) -> Vec<u8> {
        fs::read(self.log().join("current")).unwrap()
    }

    /// Closes its input and waits for a clean end with all lines in the directory.
    #[track_caller]
    fn finish(mut self) -> Listing {
        let log = self.log();
        drop(self.write);
        assert_eq!(self.logger.code(), 0);
        let said = self.logger.rest();
        assert!(said.lines().all(|line| line == FULL), "{said}");
        let listing = Listing::of(&log);
        listing.assert_settled("at the end");
        assert!(listing.text() == text(0..self.lines), "{:?}", listing.shown());
        listing
    }
}

fn a_full_disk_makes_it_wait(program: &Program) {
    let Some(mut stopped) = Stopped::new(program, &["./log"]) else { return };
    // as much as its input takes
    set_blocking(&stopped.write, false);
    let refused = loop {
        match stopped.write.write(&text(stopped.lines..stopped.lines + 1)) {
            Ok(_) => stopped.lines += 1,
            Err(error) => break error,
        }
        assert!(stopped.lines < 700, "it takes more and more");
    };
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    let unread = waiting(&stopped.read);
    let full = stopped.current();
    assert_eq!(stopped.logger.line(), FULL);
    let pause = stopped.since.elapsed();
    assert!(pause > PAUSE - SLACK, "it says so again after {pause:?}");
    assert_eq!(waiting(&stopped.read), unread, "it has read on");
    assert!(stopped.current() == full && text(0..stopped.lines).starts_with(&full));
    stopped.disk.make_room();
    stopped.finish();
}

fn a_rotation_waits_for_room(program: &Program) {
    let Some(stopped) = Stopped::new(program, &["./log"]) else { return };
    stopped.logger.send(Signal::SIGALRM);
    assert_eq!(old_names(&stopped.log()), [""; 0]);
    stopped.disk.make_room();
    let listing = stopped.finish();
    assert_eq!(listing.old().count(), 1, "{:?}", listing.shown());
}

/// The reference dies of the signal that a limit sends, unless it is ignored.
fn a_limit_makes_it_wait(program: &Program) {
    const BIG: &str = "multilog: warning: unable to write to ./log/current, pausing: file too big";
    const LIMIT: u64 = 3000;
    let place = Place::new();
    let (read, mut write) = pipe();
    let is_ours = program.is_ours;
    let hard = getrlimit(Resource::RLIMIT_FSIZE).unwrap().1;
    let enter = move || {
        if !is_ours {
            // SAFETY: numbers.
            unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        }
        Ok(setrlimit(Resource::RLIMIT_FSIZE, LIMIT, hard)?)
    };
    let mut logger = Logger::prepared(program, place.path(), &["./log"], read, enter);
    write.write_all(&text(0..100)).unwrap();
    assert_eq!(logger.line(), BIG);
    assert!(fs::read(place.at("log/current")).unwrap() == text(0..100)[..3000]);
    let limit = libc::rlimit { rlim_cur: hard, rlim_max: hard };
    // SAFETY: the kernel reads the limits.
    let raised = unsafe { libc::prlimit(logger.pid().as_raw(), libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
    assert_eq!(raised, 0);
    drop(write);
    assert_eq!(logger.code(), 0);
    let said = logger.rest();
    assert!(said.lines().all(|line| line == BIG), "{said}");
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..100), "{:?}", listing.shown());
}

fn an_end_is_granted(program: &Program) {
    let Some(mut stopped) = Stopped::new(program, &["./log"]) else { return };
    let asked = Instant::now();
    stopped.logger.send(Signal::SIGTERM);
    let code = stopped.logger.code();
    let time = asked.elapsed();
    let said = stopped.logger.rest();
    assert_eq!(code, 111, "{said}");
    assert!(time < 2 * PAUSE + SLACK, "{time:?}");
    let (warnings, last) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    assert!(warnings.lines().all(|line| line == FULL) && warnings.lines().count() <= 4, "{said}");
    let bytes =
        last.strip_prefix("multilog: fatal: exiting with ").and_then(|rest| rest.strip_suffix(" bytes unwritten"));
    let bytes: usize = bytes.and_then(|bytes| bytes.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    assert!(bytes > 0 && bytes <= text(0..stopped.lines).len(), "{said}");

    // what has not been written is still in the input
    let before = Listing::of(&stopped.log());
    assert_eq!(before.get("current").unwrap().mode, 0o644, "{:?}", before.shown());
    stopped.disk.make_room();
    let all = text(0..stopped.lines);
    let unread = waiting(&stopped.read);
    assert!(all.len() - unread <= before.text().len(), "{unread} of {} bytes unread", all.len());
    drop(stopped.write);
    let mut successor = stopped.disk.start(program, &["./log"], &stopped.read);
    assert_eq!((successor.code(), successor.rest()), (0, String::new()));
    let listing = Listing::of(&stopped.disk.at("log"));
    listing.assert_settled("at the end");
    assert!(listing.text() == [&before.text(), &all[all.len() - unread..]].concat(), "{:?}", listing.shown());
}

/// What there is of it in the directory and in the pipe makes all, and the directory has whole lines.
#[track_caller]
fn assert_ended_between_lines(mut stopped: Stopped) {
    assert_eq!(stopped.logger.code(), 0);
    let said = stopped.logger.rest();
    assert!(said.lines().all(|line| line == FULL), "{said}");
    let listing = Listing::of(&stopped.log());
    listing.assert_settled("at the end");
    let written = listing.text();
    assert!(written.ends_with(b"\n"), "{:?}", listing.shown());
    assert!([written, rest_of(&stopped.read)].concat() == text(0..stopped.lines), "{:?}", listing.shown());
}

fn an_end_looks_for_room(program: &Program) {
    takes_less_than(SLACK, || {
        let Some(mut stopped) = Stopped::new(program, &["./log"]) else { return Duration::ZERO };
        stopped.disk.make_room();
        let asked = Instant::now();
        stopped.logger.send(Signal::SIGTERM);
        assert_eq!(stopped.logger.code(), 0);
        let time = asked.elapsed();
        assert_ended_between_lines(stopped);
        time
    });
}

fn room_is_used_before_the_end(program: &Program) {
    let Some(stopped) = Stopped::new(program, &["./log"]) else { return };
    // the retry is over when it sleeps again
    stopped.logger.tell(Signal::SIGTERM);
    stopped.disk.make_room();
    assert_ended_between_lines(stopped);
}

/// Runs it with lines for more than the disk takes, until it ends or says something.
fn overfill(program: &Program, actions: &[&str], check: impl FnOnce(&mut Logger, &Disk)) {
    let Some(disk) = Disk::new(16) else { return };
    let (read, mut write) = pipe();
    let mut logger = disk.start(program, actions, &read);
    drop(read);
    let writer = std::thread::spawn(move || {
        // refused where the logger is gone
        let _ = write.write_all(&text(0..1500));
    });
    check(&mut logger, &disk);
    drop(logger);
    writer.join().unwrap();
}

fn old_logs_make_room(program: &Program) {
    overfill(program, &["s4096", "n100", "N3", "./log"], |logger, disk| {
        assert_eq!(logger.code(), 0);
        let said = logger.rest();
        assert!(!said.contains("pausing"), "{said}");
        let listing = Listing::of(&disk.at("log"));
        listing.assert_settled("at the end");
        assert!(listing.old().count() >= 3, "{:?}", listing.shown());
        let kept = listing.text();
        assert!(text(0..1500).ends_with(&kept) && kept.len() > 3 * 2000, "{:?}", listing.shown());
    });
}

fn as_many_old_logs_are_kept(program: &Program) {
    overfill(program, &["s4096", "n100", "N50", "./log"], |logger, disk| {
        let said = logger.line();
        assert!(said.starts_with("multilog: warning: ") && said.ends_with(", pausing: out of disk space"), "{said}");
        let kept = Listing::of(&disk.at("log"));
        assert!(kept.old().count() >= 10, "{:?}", kept.shown());
        assert!(text(0..1500).starts_with(&kept.text()), "{:?}", kept.shown());
    });
}
