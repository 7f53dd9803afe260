//! When a service is started again: not within a second of its last start, and at once if that is longer ago; and that
//! supervise hears meanwhile.

use crate::cases::hundredths;
use crate::lines::Lines;
use crate::recorder::{Order, made_at, order};
use crate::service::Service;
use crate::suite::Suite;
use crate::support::together::together;
use crate::support::tracer::Tracee;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// How often something is tried that has to be quick: the machine may have other things to do.
const ATTEMPTS: usize = 20;

/// Whether it is so in one of some attempts. What is looked for would not be so in any of them if it were wrong.
#[track_caller]
fn assert_quick(what: &str, mut is_quick: impl FnMut() -> Result<(), Duration>) {
    let taken: Vec<Duration> = (0..ATTEMPTS).map_while(|_| is_quick().err()).collect();
    assert!(taken.len() < ATTEMPTS, "{what}: {taken:?}");
}

fn within(limit: Duration, taken: Duration) -> Result<(), Duration> {
    if taken < limit { Ok(()) } else { Err(taken) }
}

/// By the times at which the kernel has made the processes, in hundredths of a second.
#[test]
fn starts_are_a_second_apart() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        let mut made = vec![];
        for _ in 0..4 {
            let pid = supervised.expect("run started");
            made.push(made_at(pid).unwrap());
            supervised.end(pid, 0);
        }
        let gaps: Vec<u64> = made.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap >= 99), "{}: {gaps:?}", suite.name);
        supervised.finish();
    });
}

/// Where the machine has no time for supervise between the moment at which a start is due and the fork.
#[test]
fn a_start_that_is_late_is_followed_by_another_a_second_after_it() {
    const LATE: Duration = Duration::from_millis(300);
    let service = Service::new();
    let suite = Suite::ours();
    let (read, write) = std::io::pipe().unwrap();
    let mut command = Command::new(suite.file("supervise"));
    command.arg(service.path()).stdin(Stdio::null()).stdout(write);
    let Some(mut tracee) = Tracee::start(command) else { return };
    let mut lines = Lines::new(std::os::fd::OwnedFd::from(read));
    let mut made = vec![];
    while made.len() < 2 {
        let call = tracee.next_call().unwrap();
        if call.is_fork() {
            if made.is_empty() {
                // this is what is looked at
                std::thread::sleep(LATE);
            }
            // the call ends when the child has become the program
            tracee.next_call().unwrap();
            let line = lines.next().unwrap();
            let pid = Pid::from_raw(line.split(' ').nth(1).unwrap().parse().unwrap());
            made.push(made_at(pid).unwrap());
            order(pid, Order::Exit, 0);
        }
    }
    tracee.kill();
    let gap = made[1] - made[0];
    assert!(gap >= 99, "{gap}");
}

/// However it is asked for.
#[test]
fn no_command_makes_starts_come_closer() {
    together(&["u", "o", "du", "uo", "pcu", "r"], |commands| {
        let service = Service::new();
        let mut supervised = service.supervise(&Suite::ours());
        let pid = supervised.expect("run started");
        let made = made_at(pid).unwrap();
        supervised.until("its start is shown", |status| status.pid() == pid);
        supervised.end(pid, 0);
        supervised.until("its end is shown", |status| status.pid() != pid);
        supervised.tell(commands);
        let second = supervised.expect("run started");
        let gap = made_at(second).unwrap() - made;
        assert!(gap >= 99, "{commands}: {gap}");
        supervised.finish();
    });
}

#[test]
fn a_crashing_service_is_started_about_once_a_second() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("run.exits", "1");
        assert_quick(suite.name, || {
            let mut supervised = service.supervise(suite);
            supervised.expect("run started");
            let start = Instant::now();
            for _ in 0..3 {
                supervised.expect("run started");
            }
            let taken = start.elapsed();
            supervised.finish();
            within(Duration::from_millis(3500), taken)
        });
    });
}

#[test]
fn a_service_that_has_run_for_a_second_is_started_again_at_once() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        assert_quick(suite.name, || {
            let mut supervised = service.supervise(suite);
            let pid = supervised.expect("run started");
            let made = made_at(pid).unwrap();
            while hundredths() < made + 110 {
                std::thread::sleep(Duration::from_millis(10));
            }
            supervised.settle();
            let start = Instant::now();
            kill(pid, Signal::SIGKILL).unwrap();
            supervised.expect("run started");
            let taken = start.elapsed();
            supervised.finish();
            within(Duration::from_millis(300), taken)
        });
    });
}

/// The reference is deaf for a second after a start.
#[test]
fn commands_act_at_once_after_a_start() {
    let service = Service::new().with("stubborn", "");
    assert_quick("HUP after a start", || {
        let mut supervised = service.supervise(&Suite::ours());
        let pid = supervised.expect("run started");
        supervised.write("h");
        supervised.expect("run HUP");
        let taken = hundredths() - made_at(pid).unwrap();
        supervised.finish();
        within(Duration::from_millis(500), Duration::from_millis(taken * 10))
    });
}

#[test]
fn commands_act_at_once_while_a_start_is_put_off() {
    let service = Service::new();
    // d is shown, x ends supervise, and a service that is down is told so
    assert_quick("x before a restart", || {
        let mut supervised = service.supervise(&Suite::ours());
        let pid = supervised.expect("run started");
        let made = made_at(pid).unwrap();
        supervised.until_shown("up u");
        supervised.end(pid, 0);
        supervised.until_shown("down u");
        supervised.tell("o");
        supervised.until_shown("down -");
        supervised.tell("d");
        supervised.until_shown("down d");
        supervised.write("x");
        assert_eq!(supervised.rest(), (0, String::new()));
        within(Duration::from_millis(700), Duration::from_millis((hundredths() - made) * 10))
    });
}

/// The first start after a longer time down is not put off.
#[test]
fn a_service_that_was_down_is_started_at_once() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "");
        assert_quick(suite.name, || {
            let mut supervised = service.supervise(suite);
            supervised.settle();
            let start = Instant::now();
            supervised.write("u");
            supervised.expect("run started");
            let taken = start.elapsed();
            supervised.finish();
            within(Duration::from_millis(300), taken)
        });
    });
}

/// svstat says the seconds since then.
#[test]
fn the_time_down_begins_with_the_end_of_the_service() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(suite);
        let pid = supervised.expect("run started");
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        let up = supervised.until_shown("up d");
        order(pid, Order::Ping, 1);
        supervised.expect("run ping 1");
        let before = SystemTime::now();
        assert!(up.since() < before, "{}", suite.name);
        supervised.end(pid, 0);
        let down = supervised.until_shown("down d");
        assert!((before..=SystemTime::now()).contains(&down.since()), "{}", suite.name);
        // and nothing that is done to a service that is down begins it anew
        supervised.tell("dcpa");
        assert_eq!(supervised.status().stamp(), down.stamp(), "{}", suite.name);
        supervised.finish();
    });
}
