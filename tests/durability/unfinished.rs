//! A rotation that fails up to the end: what is left of it is beside a `current` that does not count as closed cleanly, so that
//! the reference, too, makes an old file of it. Beside a clean one it would write over it.

use crate::directory::Listing;
use crate::lines::text;
use crate::logger::{Logger, pipe, rest_of};
use crate::processor::LINES;
use crate::program::{Place, Program};
use crate::slow::Slow;
use nix::sys::signal::Signal;
use std::fs;
use std::io::Write;

pub const OF_OURS: &[Slow] =
    &[("what a rotation has left at the end is lost by no successor", no_room_for_a_processor)];

/// Leaves it one descriptor that is free.
fn leave_one_descriptor(logger: &Logger) {
    let used = fs::read_dir(format!("/proc/{}/fd", logger.pid())).unwrap();
    let used: Vec<u64> = used.map(|entry| entry.unwrap().file_name().to_str().unwrap().parse().unwrap()).collect();
    let free = (0..).find(|number| !used.contains(number)).unwrap();
    let limit = libc::rlimit { rlim_cur: free + 1, rlim_max: free + 1 };
    // SAFETY: a limit is read, none written.
    let outcome =
        unsafe { libc::prlimit(logger.pid().as_raw(), libc::RLIMIT_NOFILE, &raw const limit, std::ptr::null_mut()) };
    assert_eq!(outcome, 0, "{}", std::io::Error::last_os_error());
}

fn no_room_for_a_processor(program: &Program) {
    for successor in Program::all() {
        let place = Place::new();
        let (read, mut write) = pipe();
        let actions = ["s4096", "!cat", "./log"];
        let mut logger = Logger::start(program, place.path(), &actions, read.try_clone().unwrap());
        write.write_all(&text(0..1)).unwrap();
        let current = place.at("log/current");
        crate::support::waiting::look_until("a line is logged", || {
            fs::read(&current).is_ok_and(|seen| seen == text(0..1))
        });
        leave_one_descriptor(&logger);
        write.write_all(&text(1..LINES)).unwrap();
        let said = logger.line();
        assert!(said.starts_with("multilog: warning: unable to ") && said.contains(", pausing: "), "{said}");
        logger.send(Signal::SIGTERM);
        assert_eq!(logger.code(), 111);
        let left = Listing::of(&place.log());
        let mode = |name| left.get(name).map(|entry| entry.mode);
        assert_eq!((mode("previous"), mode("current")), (Some(0o744), Some(0o644)), "{:?}", left.shown());
        drop(write);
        let rest = rest_of(&read);
        let kept = left.text();
        assert!(text(0..LINES).starts_with(&kept) && text(0..LINES).ends_with(&rest), "{:?}", left.shown());
        // enough for another rotation; what had been written and not consumed is there twice
        let input = [rest, text(LINES..3 * LINES)].concat();
        fs::write(place.at("input"), &input).unwrap();
        let source = fs::File::open(place.at("input")).unwrap();
        let ended = Logger::run(&successor, place.path(), &["s4096", "./log"], source);
        assert_eq!(ended, (0, String::new()));
        let listing = Listing::of(&place.log());
        assert!(listing.text() == [kept, input].concat(), "{}: {:?}", successor.name, listing.shown());
    }
}
