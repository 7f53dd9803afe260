//! What is supervised. The file `plan` in the service directory says what it does:
//!
//! - `pause`: nothing, until a signal ends it
//! - `stubborn`: the same, but TERM does not end it
//! - `ends`: ends at once, with exit code 0
//! - `write`: numbered lines on standard output, from 0 on in each run, some two thousand a second
//! - `log PROGRAM`: it is this multilog, with the directory `main`
//!
//! Each takes a lock first that two copies cannot both have, and complains of another copy.

use crate::place::{COUNTS, EVENTS, LOCKS, SCAN, VIOLATIONS};
use crate::roles::PLACE;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl, open};
use nix::sys::stat::Mode;
use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Lines between two pauses.
const BURST: u64 = 10;
const PAUSE: Duration = Duration::from_millis(4);

/// The run program.
pub fn run(argv: &[Vec<u8>]) -> i32 {
    let Some((place, name)) = whereabouts() else { return 90 };
    let Some(lock) = begin(&place, &name, argv) else { return 91 };
    let plan = fs::read_to_string("plan").unwrap_or_default();
    match plan.trim().split_once(' ').unwrap_or((plan.trim(), "")) {
        ("ends", _) => 0,
        ("write", _) => write_lines(&place, &name),
        ("log", program) => log(program, lock),
        (how, _) => loop {
            // SAFETY: no handler is installed.
            unsafe {
                if how == "stubborn" {
                    libc::signal(libc::SIGTERM, libc::SIG_IGN);
                }
                libc::pause();
            }
        },
    }
}

/// The programs `start` and `finish`.
pub fn script(argv: &[Vec<u8>]) -> i32 {
    let Some((place, name)) = whereabouts() else { return 90 };
    if begin(&place, &name, argv).is_some() { 0 } else { 91 }
}

/// The place of the tree, and the service's name in it.
fn whereabouts() -> Option<(PathBuf, String)> {
    let place = PathBuf::from(std::env::var_os(PLACE)?);
    let here = std::env::current_dir().ok()?;
    let name = here.strip_prefix(place.join(SCAN)).ok()?.to_str()?.to_owned();
    Some((place, name))
}

/// Takes the lock and tells of the start.
fn begin(place: &Path, name: &str, argv: &[Vec<u8>]) -> Option<File> {
    let lock = place.join(LOCKS).join(name.replace('/', ","));
    let lock = OpenOptions::new().create(true).append(true).open(lock).ok()?;
    let role = String::from_utf8_lossy(argv[0].strip_prefix(b"./").unwrap_or(&argv[0])).into_owned();
    let pid = std::process::id();
    // SAFETY: numbers.
    if unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
        complain(place, &format!("{name}: there is another copy, says {role} {pid}\n"));
        return None;
    }
    // nobody need be there to read
    let events = open(&place.join(EVENTS), OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty());
    if let Ok(events) = events {
        let _ = fcntl(&events, FcntlArg::F_SETFL(OFlag::empty()));
        let _ = File::from(events).write_all(format!("{name} {role} {pid}\n").as_bytes());
    }
    Some(lock)
}

/// Notes that something is as it should not be.
pub fn complain(place: &Path, what: &str) {
    let file = OpenOptions::new().append(true).open(place.join(VIOLATIONS));
    let _ = file.and_then(|mut file| file.write_all(what.as_bytes()));
}

/// A line that a service writes: unlike any other, and of one of many lengths.
pub fn line(name: &str, run: u64, number: u64) -> String {
    let filler = (number * 7919 + run) % 180;
    let letter = char::from(b'a' + (number % 26) as u8);
    format!("{name} {run} {number} {}\n", letter.to_string().repeat(filler as usize))
}

/// Writes lines for ever. Each has its number; how many there are is noted, for each run in a place of its own, after the
/// line has been written: if this is killed in between, one more is there.
fn write_lines(place: &Path, name: &str) -> i32 {
    let counts = OpenOptions::new().create(true).truncate(false).write(true).open(place.join(COUNTS).join(name));
    let Ok(counts) = counts else { return 92 };
    let Ok(size) = counts.metadata().map(|about| about.len()) else { return 92 };
    let run = size / 8;
    if counts.set_len(size + 8).is_err() {
        return 92;
    }
    for number in 0.. {
        let line = line(name, run, number);
        // as long as it is short enough for a pipe, all of it or nothing
        if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
            complain(place, &format!("{name}: cannot write: {}\n", Errno::last()));
            return 93;
        }
        if counts.write_all_at(&(number + 1).to_ne_bytes(), run * 8).is_err() {
            return 92;
        }
        if number % BURST == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    0
}

/// Becomes a multilog that keeps the lock.
fn log(program: &str, lock: File) -> i32 {
    let _ = fcntl(&lock, FcntlArg::F_SETFD(FdFlag::empty()));
    let words = [program, "s100000", "n1000000", "./main"].map(|word| CString::new(word).unwrap());
    let Err(error) = nix::unistd::execv(&words[0], &words);
    error as i32
}
