//! `orphanage`: what a service has left behind is waited for, wherever it has gone.

use crate::lines::look_until;
use crate::recorder::{Order, order, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::together::together;
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
