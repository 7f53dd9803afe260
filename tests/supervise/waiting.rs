//! What an order waits for is said once, whatever it is that does not end; and killed in time where that is asked for.

use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::waiting::PATIENCE;
use nix::sys::signal::Signal;
use std::time::{Duration, Instant};

#[track_caller]
fn expect_word(supervised: &mut Supervised<'_>, what: &str) {
    let path = supervised.service.path().display();
    let line = supervised.kept.error.next().unwrap();
    assert!(line.starts_with(&format!("supervise: warning: waiting for {path}/{what}: pid ")), "{line}");
}

#[test]
fn a_script_that_an_order_has_brought_about_is_waited_for_by_name() {
    for script in ["stop", "finish"] {
        let service = Service::new().recording(script).with("stubborn", "");
        let mut supervised = service.supervise(&Suite::ours());
        let run = supervised.expect("run started");
        supervised.send(Signal::SIGTERM);
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        supervised.end(run, 0);
        let pid = supervised.event().pid;
        expect_word(&mut supervised, &format!("{script} to end"));
        supervised.end(pid, 0);
        assert_eq!(supervised.rest(), (0, String::new()), "{script}");
        assert_eq!(supervised.kept.error.rest(), "", "{script}");
    }
}

/// It runs only because of the order.
#[test]
fn a_stop_script_behind_a_start_script_is_killed_in_time() {
    let service = Service::empty().recording("start").recording("stop").with("start.exits", "0");
    service.put("timeout-kill", "2000");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("start started");
    supervised.until("started", |status| status.phase() == Some((2, 0)));
    let begin = Instant::now();
    supervised.send(Signal::SIGTERM);
    supervised.expect("stop started");
    assert_eq!(supervised.rest(), (0, String::new()));
    assert!(begin.elapsed() < PATIENCE);
}

/// Who says it again does not put it off; and it is said of a process once.
#[test]
fn an_order_that_is_repeated_is_said_in_time_and_once() {
    let service = Service::new().with("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("run started");
    let begin = Instant::now();
    let mut said = None;
    while said.is_none() {
        assert!(begin.elapsed() < PATIENCE);
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        said = supervised.kept.error.next_within(Duration::from_secs(2));
    }
    for _ in 0..3 {
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        assert_eq!(supervised.kept.error.next_within(Duration::from_secs(2)), None);
    }
    supervised.finish();
    assert_eq!(supervised.kept.error.rest(), "");
}

#[test]
fn an_order_that_was_taken_back_is_not_waited_for() {
    let service = Service::new().with("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("run started");
    supervised.tell("du");
    assert_eq!(supervised.kept.error.next_within(Duration::from_secs(6)), None);
    supervised.write("dxk");
    supervised.rest();
    assert_eq!(supervised.kept.error.rest(), "");
}

/// The time that it has begins anew.
#[test]
fn a_successor_goes_on_with_an_order() {
    let service = Service::new().with("stubborn", "").with("timeout-kill", "500");
    let mut first = service.supervise(&Suite::ours());
    let run = first.expect("run started");
    first.until("up", |status| status.pid() == run);
    service.put("timeout-kill", "1000000");
    first.tell("d");
    first.send(Signal::SIGKILL);
    first.kept.code();
    service.put("timeout-kill", "500");
    let mut second = service.supervise(&Suite::ours());
    second.until_shown("down d");
    second.finish();
    first.kept.wait_for_all();
}
