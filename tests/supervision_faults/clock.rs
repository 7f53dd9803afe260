//! The system's clock set back an hour, or ahead, while something is waited for: nothing waits longer for it.

use crate::keeper;
use crate::place::Place;
use crate::process::Process;
use crate::status::{Status, control, is_supervised};
use crate::suite::Suite;
use crate::support::leave_out;
use crate::support::waiting::{PATIENCE, look_until};
use crate::tracer::{self, AHEAD};
use crate::tree::Tree;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

const HOUR: i64 = 3600;
/// A second between two starts, on a machine that has much else to do.
const NEXT_START: Duration = Duration::from_secs(10);
/// Before a second is over in which the next start is put off.
const IN_TIME: Duration = Duration::from_millis(900);
/// For how long it is looked whether a program that waits for an hour does anything.
const DEAF: Duration = Duration::from_secs(3);

/// Starts a program with a clock of its own. `None` where tracing is not allowed, and says so.
fn with_clock<'a>(place: &'a Place, program: &str, service: &str) -> Option<Tree<'a>> {
    let (tracer, file) = (place.at(tracer::NAME), place.suite.program(program));
    let words = [keeper::ONCE.as_ref(), tracer.as_ref(), tracer::CLOCK.as_ref(), file.as_ref()];
    let mut tree = Tree::start(place, &words, service, |_| ());
    if traced(&tree, program).is_none() {
        let code = tree.code();
        assert_eq!(code, tracer::REFUSED, "{}", place.said());
        leave_out("a clock that is set: tracing is not allowed here");
        return None;
    }
    Some(tree)
}

/// The pid of the program under trace, or `None` if it has not come to that.
fn traced(tree: &Tree<'_>, program: &str) -> Option<Pid> {
    let mut found = None;
    look_until("the program starts", || {
        let all = tree.processes();
        found = all.iter().find(|it| it.parent == tree.program() && it.name == program).map(|it| it.pid);
        found.is_some() || all.is_empty()
    });
    found
}

fn set_clock(place: &Place, seconds: i64) {
    // in one go and never shorter, as it may be read at any moment
    let file = OpenOptions::new().write(true).open(place.at(AHEAD)).unwrap();
    file.write_all_at(format!("{seconds:19}").as_bytes(), 0).unwrap();
}

/// Kills a service that has run for less than a second, and sets the clock back.
fn set_back_between_two_starts(suite: &Suite, check: impl FnOnce(&Place, Option<Duration>)) {
    let begin = Instant::now();
    loop {
        let place = Place::new(suite);
        place.add("one", "pause");
        let mut events = place.events();
        let start = Instant::now();
        let Some(tree) = with_clock(&place, "supervise", "one") else { return };
        let supervise = traced(&tree, "supervise").unwrap();
        let first = events.next();
        look_until("it waits", || Process::of(supervise).is_some_and(|it| it.state == 'S'));
        set_clock(&place, -HOUR);
        let since = Instant::now();
        if since - start >= IN_TIME {
            // the second may be over by now
            assert!(begin.elapsed() < PATIENCE, "no time to be there within a second");
            continue;
        }
        kill(first.pid, Signal::SIGKILL).unwrap();
        let next = events.next_within(if suite.is_ours() { NEXT_START } else { DEAF });
        return check(&place, next.map(|_| since.elapsed()));
    }
}

#[test]
fn the_next_start_does_not_wait_for_a_clock_that_is_set_back() {
    set_back_between_two_starts(&Suite::ours(), |place, next| {
        assert!(next.is_some(), "no start within {NEXT_START:?}");
        assert_eq!(place.violations(), "");
    });
}

#[test]
fn the_reference_waits_for_an_hour_where_the_clock_is_set_back() {
    let Some(reference) = Suite::reference() else { return };
    set_back_between_two_starts(&reference, |_, next| assert_eq!(next, None));
}

#[test]
fn commands_are_heard_while_the_clock_is_set_to_and_fro() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    let mut events = place.events();
    let Some(mut tree) = with_clock(&place, "supervise", "one") else { return };
    for seconds in [-HOUR, HOUR, 0, 48 * HOUR, -24 * HOUR] {
        let pid = events.next().pid;
        look_until("it is up", || Status::of(&service).is_some_and(|status| status.pid() == Some(pid)));
        set_clock(&place, seconds);
        control(&service, b"d").unwrap();
        look_until("it is down", || Status::of(&service).is_some_and(|status| status.says_stopped()));
        assert!(!crate::process::is_alive(pid));
        control(&service, b"u").unwrap();
    }
    events.next();
    control(&service, b"dx").unwrap();
    assert_eq!(tree.code(), 0);
    tree.wait_until_gone();
    assert_eq!(place.violations(), "");
}

/// The file `timeout-kill` has milliseconds.
#[test]
fn a_limit_for_the_end_does_not_wait_for_a_clock_that_is_set_back() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "stubborn");
    fs::write(service.join("timeout-kill"), "700\n").unwrap();
    let mut events = place.events();
    let Some(mut tree) = with_clock(&place, "supervise", "one") else { return };
    let pid = events.next().pid;
    look_until("it ignores TERM", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).unwrap();
        u64::from_str_radix(ignored, 16).unwrap() >> (libc::SIGTERM - 1) & 1 == 1
    });
    let since = Instant::now();
    control(&service, b"dx").unwrap();
    look_until("the command is heard", || Status::of(&service).is_some_and(|status| status.want() == b'd'));
    set_clock(&place, -HOUR);
    assert_eq!(tree.code(), 0);
    let time = since.elapsed();
    assert!(time >= Duration::from_millis(700) && time < NEXT_START, "{time:?}");
    tree.wait_until_gone();
    assert_eq!(place.violations(), "");
}

#[test]
fn a_killed_supervise_is_started_again_where_the_clock_is_set_back() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    let mut events = place.events();
    let Some(mut tree) = with_clock(&place, "svscan", "") else { return };
    let pid = events.next().pid;
    for _ in 0..2 {
        kill(tree.supervise_of(&service), Signal::SIGKILL).unwrap();
        look_until("it is gone", || !is_supervised(&service));
        let since = Instant::now();
        set_clock(&place, -HOUR);
        look_until("it is supervised again", || is_supervised(&service));
        assert!(since.elapsed() < NEXT_START, "{:?}", since.elapsed());
        look_until("it is up", || Status::of(&service).is_some_and(|status| status.pid() == Some(pid)));
        set_clock(&place, 0);
    }
    kill(traced(&tree, "svscan").unwrap(), Signal::SIGTERM).unwrap();
    assert_eq!(tree.code(), 0);
    tree.wait_until_gone();
    assert_eq!(place.violations(), "");
}

/// Since when a service is up is told by the system's clock, and that may be a time to come.
#[test]
fn a_service_is_up_for_no_time_if_it_has_been_started_in_the_future() {
    let place = Place::new(&Suite::ours());
    let service = place.add("one", "pause");
    let mut events = place.events();
    set_clock(&place, HOUR);
    let Some(_tree) = with_clock(&place, "supervise", "one") else { return };
    let pid = events.next().pid;
    look_until("it is up", || Status::of(&service).is_some_and(|status| status.pid() == Some(pid)));
    let output = place.suite.command("svstat", place.path()).arg("one").current_dir(place.scan()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("one: up (pid {pid}) 0 seconds\n"));
}
