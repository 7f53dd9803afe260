//! `notify`: told of every start and every end, and waited for by nobody.

use crate::recorder::is_alive;
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;

/// Ends the service.
type End<'a> = &'a dyn Fn(&Supervised<'_>, Pid);

/// The next so many that are said, in any order.
#[track_caller]
fn expect(supervised: &mut Supervised<'_>, expected: &[String]) {
    let heard: BTreeSet<String> = expected.iter().map(|_| supervised.event().shown()).collect();
    assert_eq!(heard, expected.iter().cloned().collect());
}

#[test]
fn notify_is_told_of_each_start_and_each_end() {
    let service = Service::new().recording("notify");
    let mut supervised = service.supervise(&Suite::ours());
    let endings: [(End<'_>, &str); 3] = [
        (&|supervised, run| supervised.end(run, 0), "exit 0"),
        (&|supervised, run| supervised.end(run, 7), "exit 7"),
        (&|_, run| kill(run, Signal::SIGKILL).unwrap(), "killed 9"),
    ];
    // one of two says its word first
    let first = [supervised.event(), supervised.event()];
    let mut run = first.iter().find(|event| event.who == "run").unwrap().pid;
    let told = first.iter().find(|event| event.who == "notify").unwrap();
    assert_eq!(told.what, format!("started run start {run} 0"));
    for (end, says) in endings {
        end(&supervised, run);
        let (what, code) = says.split_once(' ').unwrap();
        let mut events = [supervised.event(), supervised.event(), supervised.event()].to_vec();
        let next = events.iter().find(|event| event.who == "run").unwrap().pid;
        events.retain(|event| event.who == "notify");
        let mut told: Vec<String> = events.into_iter().map(|event| event.what).collect();
        told.sort();
        let mut expected = [format!("started run {what} {run} {code}"), format!("started run start {next} 0")];
        expected.sort();
        assert_eq!(told, expected);
        run = next;
    }
    supervised.write("dx");
    expect(&mut supervised, &["run TERM".to_owned(), format!("notify started run exit {run} 0")]);
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn notify_is_told_of_scripts() {
    let service = Service::new().recording("notify").recording("start").recording("stop");
    service.put("start.exits", "0");
    service.put("stop.exits", "3");
    let mut supervised = service.supervise(&Suite::ours());
    let events: Vec<_> = (0..5).map(|_| supervised.event()).collect();
    let pid = |who: &str| events.iter().find(|event| event.who == who).unwrap().pid;
    let (start, run) = (pid("start"), pid("run"));
    let told = |events: &[crate::supervised::Event]| -> BTreeSet<String> {
        events.iter().filter(|event| event.who == "notify").map(|event| event.what.clone()).collect()
    };
    let expected = [
        format!("started start start {start} 0"),
        format!("started start exit {start} 0"),
        format!("started run start {run} 0"),
    ];
    assert_eq!(told(&events), expected.into());
    supervised.write("dx");
    let events: Vec<_> = (0..5).map(|_| supervised.event()).collect();
    let stop = events.iter().find(|event| event.who == "stop").unwrap().pid;
    let expected = [
        format!("started run exit {run} 0"),
        format!("started stop start {stop} 0"),
        format!("started stop exit {stop} 3"),
    ];
    assert_eq!(told(&events), expected.into());
    assert_eq!(supervised.rest(), (0, String::new()));
}

/// It neither keeps a service from being started nor supervise from ending, and it leaves no zombie.
#[test]
fn nobody_waits_for_notify() {
    let service = Service::new();
    // it ends when the test lets it
    service.script("notify", "echo notify $$ started $2; exec sleep 1000");
    let mut supervised = service.supervise(&Suite::ours());
    let mut sleeping = vec![];
    let mut run = None;
    while sleeping.is_empty() || run.is_none() {
        let event = supervised.event();
        if event.who == "run" {
            run = Some(event.pid);
        } else {
            sleeping.push(event.pid);
        }
    }
    supervised.end(run.unwrap(), 0);
    while sleeping.len() < 3 {
        let event = supervised.event();
        if event.who == "notify" {
            sleeping.push(event.pid);
        }
    }
    supervised.until_shown("up u");
    // what has ended is reaped
    kill(sleeping[0], Signal::SIGKILL).unwrap();
    crate::support::waiting::look_until("it is reaped", || crate::recorder::state(sleeping[0]).is_none());
    supervised.write("dxk");
    assert_eq!(supervised.kept.code(), 0);
    assert!(is_alive(sleeping[1]));
}

/// The service has it, so supervise was given it.
#[test]
fn notify_gets_the_standard_descriptors_only() {
    let service = Service::new();
    service.script("notify", "[ -e /proc/$$/fd/27 ] && had=had || had=none; echo notify $$ $had");
    let start = service.start(&Suite::ours()).entering(|| {
        // SAFETY: standard input is open.
        let mut copy = std::mem::ManuallyDrop::new(unsafe { std::os::fd::FromRawFd::from_raw_fd(27) });
        // SAFETY: as above.
        nix::unistd::dup2(unsafe { BorrowedFd::borrow_raw(0) }, &mut copy)
    });
    let mut supervised = Supervised::new(&service, start.go());
    let events = [supervised.event(), supervised.event()];
    let run = events.iter().find(|event| event.who == "run").unwrap();
    assert!(std::path::Path::new(&format!("/proc/{}/fd/27", run.pid)).exists());
    let told = events.iter().find(|event| event.who == "notify").unwrap();
    assert_eq!(told.what, "none");
    supervised.write("dxk");
    assert_eq!(supervised.kept.code(), 0);
}
