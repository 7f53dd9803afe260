//! `orphanage`: what a service has left behind is waited for, wherever it has gone.

use crate::recorder::{Order, order, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A service that has ended and left a process in a session of its own. Gives that.
fn leaving(service: &Service) -> (Supervised<'_>, Pid) {
    service.put("orphanage", "");
    service.put("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    order(run, Order::Leave, 1);
    let left = supervised.expect("companion started");
    supervised.end(run, 0);
    supervised.until("stopping", |status| (status.pid().as_raw(), status.phase().unwrap().0) == (0, 4));
    supervised.settle();
    (supervised, left)
}

#[test]
fn a_restart_waits_for_what_is_left() {
    let service = Service::new();
    let (mut supervised, left) = leaving(&service);
    supervised.expect_silence_of(left);
    supervised.expect_silence_for(std::time::Duration::from_millis(1200));
    supervised.end(left, 0);
    let run = supervised.expect("run started");
    let status = supervised.until("up", |status| status.pid() == run);
    assert_eq!((status.shown().as_str(), status.phase()), ("up u", Some((3, 1))));
    // supervise has reaped it
    assert_eq!(state(left), None);
    supervised.finish();
}

#[test]
fn what_a_leftover_has_left_behind_is_waited_for_too() {
    let service = Service::new();
    let (mut supervised, left) = leaving(&service);
    order(left, Order::Leave, 1);
    let second = supervised.expect("companion started");
    supervised.end(left, 0);
    look_until("it has been reaped", || state(left).is_none());
    supervised.expect_silence_of(second);
    supervised.end(second, 0);
    supervised.expect("run started");
    supervised.finish();
}

#[test]
fn signals_go_to_what_is_left() {
    let service = Service::new();
    let (mut supervised, left) = leaving(&service);
    for (command, signal) in [("h", "HUP"), ("t", "TERM"), ("1", "USR1")] {
        supervised.tell(command);
        supervised.expect(&format!("companion {signal}"));
        supervised.expect_silence_of(left);
    }
    supervised.tell("d");
    assert_eq!(supervised.status().want(), b'd');
    supervised.expect("companion TERM");
    supervised.expect("companion CONT");
    supervised.write("k");
    supervised.until_shown("down d");
    supervised.until("stopped", |status| status.phase() == Some((0, 0)));
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn supervise_ends_when_nothing_is_left() {
    let service = Service::new();
    let (mut supervised, left) = leaving(&service);
    supervised.tell("dx");
    supervised.expect("companion TERM");
    supervised.expect("companion CONT");
    assert!(supervised.kept.is_running());
    supervised.expect_silence_of(left);
    supervised.end(left, 0);
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn scripts_wait_for_what_is_left() {
    let service = Service::new().recording("finish");
    let (mut supervised, left) = leaving(&service);
    supervised.expect_silence_of(left);
    supervised.end(left, 0);
    let finish = supervised.expect("finish started 0 0");
    // and what a script leaves is waited for likewise
    order(finish, Order::Leave, 1);
    let second = supervised.expect("companion started");
    supervised.end(finish, 0);
    look_until("it has been reaped", || state(finish).is_none());
    supervised.expect_silence_of(second);
    service.put("finish.exits", "0");
    supervised.end(second, 0);
    supervised.expect("run started");
    supervised.finish();
}

/// Without that file it is nobody's business here.
#[test]
fn without_an_orphanage_a_restart_waits_for_nothing() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        let run = supervised.expect("run started");
        order(run, Order::Leave, 1);
        let left = supervised.expect("companion started");
        supervised.end(run, 0);
        supervised.expect("run started");
        supervised.expect_silence_of(left);
        kill(left, Signal::SIGKILL).unwrap();
        supervised.finish();
    });
}

/// Killing what is left is a matter of the same time limit.
#[test]
fn what_is_left_is_killed_when_its_time_is_up() {
    let service = Service::new().with("timeout-kill", "200");
    let (mut supervised, _) = leaving(&service);
    supervised.write("dx");
    assert_eq!(supervised.rest().0, 0);
}

/// A running service that has a process in a session of its own.
fn with_process_apart(service: &Service) -> (Supervised<'_>, Pid, Pid) {
    service.put("orphanage", "");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    order(run, Order::Leave, 1);
    let apart = supervised.expect("companion started");
    (supervised, run, apart)
}

/// All that is said, sorted, once so much has been.
fn heard(supervised: &mut Supervised<'_>, count: usize) -> Vec<String> {
    let mut heard: Vec<String> = (0..count).map(|_| supervised.event().shown()).collect();
    heard.sort();
    heard
}

/// A tree would wait for it for ever otherwise.
#[test]
fn what_is_left_is_told_to_end_as_the_service_was() {
    for end in ["TERM to supervise", "dx", "d"] {
        let service = Service::new();
        let (mut supervised, ..) = with_process_apart(&service);
        match end {
            "TERM to supervise" => supervised.send(Signal::SIGTERM),
            commands => supervised.write(commands),
        }
        supervised.expect("run TERM");
        supervised.expect("companion TERM");
        if end == "d" {
            supervised.until("stopped", |status| status.phase() == Some((0, 0)));
            supervised.write("x");
        }
        assert_eq!(supervised.rest(), (0, String::new()), "{end}");
    }
}

#[test]
fn a_restart_by_command_ends_what_is_left_first() {
    let service = Service::new();
    let (mut supervised, run, apart) = with_process_apart(&service);
    supervised.write("r");
    assert_eq!(supervised.expect("run TERM"), run);
    assert_eq!(supervised.expect("companion TERM"), apart);
    supervised.expect("run started");
    assert_eq!((state(run), state(apart)), (None, None));
    supervised.until_shown("up u");
    supervised.finish();
}

/// An end that nobody has ordered is no order; and what follows an order that was taken back is none.
#[test]
fn what_is_left_is_not_told_without_an_order() {
    let service = Service::new();
    let (mut supervised, run, apart) = with_process_apart(&service);
    supervised.end(run, 0);
    supervised.until("stopping", |status| status.phase().unwrap().0 == 4);
    supervised.settle();
    supervised.expect_silence_of(apart);
    supervised.end(apart, 0);

    let run = supervised.expect("run started");
    order(run, Order::Leave, 1);
    let apart = supervised.expect("companion started");
    service.put("stubborn", "");
    supervised.tell("du");
    assert_eq!(heard(&mut supervised, 2), ["run CONT", "run TERM"]);
    supervised.end(run, 0);
    supervised.until("stopping", |status| status.phase().unwrap().0 == 4);
    supervised.settle();
    supervised.expect_silence_of(apart);
    supervised.end(apart, 0);
    supervised.expect("run started");
    supervised.finish();
}

/// It becomes a child of supervise when its own parent ends.
#[test]
fn what_a_leftover_leaves_behind_is_told_too() {
    let service = Service::new();
    let (mut supervised, left) = leaving(&service);
    order(left, Order::Leave, 1);
    let second = supervised.expect("companion started");
    supervised.tell("d");
    assert_eq!(supervised.expect("companion TERM"), left);
    assert_eq!(supervised.expect("companion CONT"), left);
    supervised.expect_silence_of(second);
    supervised.end(left, 0);
    assert_eq!(supervised.expect("companion TERM"), second);
    assert_eq!(supervised.expect("companion CONT"), second);
    supervised.end(second, 0);
    supervised.until("stopped", |status| status.phase() == Some((0, 0)));
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}

/// Each of the two has as long as that, and also where the order is a restart.
#[test]
fn what_does_not_heed_an_order_is_killed_in_time() {
    for command in ["r", "dx"] {
        let service = Service::new().with("timeout-kill", "2000").with("stubborn", "");
        let (mut supervised, run, apart) = with_process_apart(&service);
        supervised.write(command);
        assert_eq!(heard(&mut supervised, 2), ["run CONT", "run TERM"]);
        assert_eq!(supervised.expect("companion TERM"), apart);
        assert_eq!(supervised.expect("companion CONT"), apart);
        if command == "dx" {
            assert_eq!(supervised.rest(), (0, String::new()));
        } else {
            supervised.expect("run started");
            supervised.finish();
        }
        assert_eq!((state(run), state(apart)), (None, None), "{command}");
    }
}

#[test]
fn what_is_waited_for_is_said_and_shown() {
    let service = Service::new();
    let (mut supervised, left) = leaving(&service);
    supervised.until("its number", |_| service.info().get("left_pid") == Some(&left.to_string()));
    assert_eq!(service.info()["left"], "1");
    let path = service.path().display();
    let says = format!("supervise: warning: waiting for what {path}/run has left behind: pid {left} (run)");
    assert_eq!(supervised.kept.error.next(), Some(says));
    supervised.end(left, 0);
    let run = supervised.expect("run started");
    supervised.until("up", |status| status.pid() == run);
    supervised.until("none", |_| !service.info().contains_key("left"));

    // and so is what does not heed an order
    supervised.tell("d");
    assert_eq!(heard(&mut supervised, 2), ["run CONT", "run TERM"]);
    let says = format!("supervise: warning: waiting for {path}/run to end: pid {run} (run)");
    assert_eq!(supervised.kept.error.next(), Some(says));
    supervised.finish();
    assert_eq!(supervised.kept.error.rest(), "");
}

/// It is not by that that the first order is taken back.
#[test]
fn a_restart_that_is_wanted_up_as_well_still_ends_what_is_left() {
    let service = Service::new();
    let (mut supervised, ..) = with_process_apart(&service);
    supervised.write("ru");
    supervised.expect("run TERM");
    supervised.expect("companion TERM");
    supervised.expect("run started");
    supervised.finish();
}

#[test]
fn what_a_failed_start_has_left_is_told_to_end() {
    let service = Service::new().recording("start").with("orphanage", "");
    let mut supervised = service.supervise(&Suite::ours());
    let start = supervised.expect("start started");
    order(start, Order::Leave, 1);
    supervised.expect("companion started");
    supervised.end(start, 1);
    supervised.expect("companion TERM");
    supervised.until("failed", |status| status.phase() == Some((5, 0)));
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}

/// No second copy is started beside it.
#[test]
fn a_successor_goes_on_with_what_was_waited_for() {
    let service = Service::new();
    let (mut first, left) = leaving(&service);
    first.until("its number", |_| service.info().get("left_pid") == Some(&left.to_string()));
    first.send(Signal::SIGKILL);
    first.kept.code();
    let mut second = service.supervise(&Suite::ours());
    second.until("it", |status| status.pid() == left);
    second.expect_silence_for(std::time::Duration::from_millis(1200));
    second.tell("d");
    first.expect("companion TERM");
    first.expect("companion CONT");
    first.end(left, 0);
    second.until("down", |status| status.pid().as_raw() == 0);
    second.finish();
    first.kept.wait_for_all();
}
