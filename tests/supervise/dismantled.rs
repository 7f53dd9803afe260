//! Service directories that are taken apart below a running supervise, as `rm -r` does it, in whatever order: nothing is put
//! back that would be in its way.

use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::waiting::look_until;
use std::fs;
use std::time::Duration;

/// Longer than it takes to put a removed `supervise/` back.
const LONG: Duration = Duration::from_secs(1);

#[track_caller]
fn expect_nothing_new(supervised: &mut Supervised<'_>) {
    supervised.expect_silence_for(LONG);
    assert!(!supervised.service.at("supervise").exists());
    assert!(supervised.kept.is_running());
}

#[test]
fn one_that_is_to_end_does_not_put_its_directory_back() {
    for commands in ["dx", "xd"] {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(&Suite::ours());
        let run = supervised.expect("run started");
        supervised.tell(commands);
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        fs::remove_dir_all(service.at("supervise")).unwrap();
        expect_nothing_new(&mut supervised);
        supervised.end(run, 0);
        assert_eq!(supervised.rest(), (0, String::new()));
        assert!(!service.at("supervise").exists(), "{commands}");
        assert_eq!(supervised.kept.error.rest(), "", "{commands}");
    }
}

#[test]
fn without_its_program_and_its_directory_a_service_counts_as_removed() {
    for first in ["run", "supervise"] {
        let service = Service::new();
        let mut supervised = service.supervise(&Suite::ours());
        let run = supervised.expect("run started");
        supervised.settle();
        if first == "run" {
            service.take_away("run");
        }
        fs::remove_dir_all(service.at("supervise")).unwrap();
        if first == "supervise" {
            service.take_away("run");
        }
        expect_nothing_new(&mut supervised);
        supervised.end(run, 0);
        let path = service.path().display();
        let says = format!("supervise: warning: {path} has been removed: ending when the service is down");
        assert_eq!(supervised.kept.error.next(), Some(says));
        assert_eq!(supervised.rest(), (0, String::new()), "{first}");
        assert!(!service.at("supervise").exists(), "{first}");
    }
}

/// As where all of it is replaced by another release.
#[test]
fn what_is_put_together_again_is_reached_again() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    supervised.settle();
    service.take_away("run");
    fs::remove_dir_all(service.at("supervise")).unwrap();
    expect_nothing_new(&mut supervised);
    service.record("run");
    look_until("it is supervised", || service.is_supervised());
    supervised.tell("h");
    assert_eq!(supervised.expect("run HUP"), run);
    supervised.finish();
    assert_eq!(supervised.kept.error.rest(), "");
}

#[test]
fn one_that_is_up_without_a_process_ends_when_it_is_removed() {
    let service = Service::empty().recording("start").with("start.exits", "0");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("start started");
    supervised.until("started", |status| status.phase() == Some((2, 0)));
    // what follows the status is written as well
    supervised.settle();
    fs::remove_dir_all(service.path()).unwrap();
    let path = service.path().display();
    let says = format!("supervise: warning: {path} has been removed: ending when the service is down");
    assert_eq!(supervised.kept.error.next(), Some(says));
    assert_eq!(supervised.rest(), (0, String::new()));
}

#[test]
fn one_that_is_down_ends_when_it_is_taken_apart() {
    let service = Service::new().with("down", "");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.settle();
    service.take_away("run");
    fs::remove_dir_all(service.at("supervise")).unwrap();
    assert_eq!(supervised.rest(), (0, String::new()));
    assert!(!service.at("supervise").exists());
}

/// A service that is replaced in its place goes without its program for a moment.
#[test]
fn without_its_program_alone_it_is_waited_for() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    service.take_away("run");
    supervised.end(run, 0);
    let path = service.path().display();
    let says = format!("supervise: fatal: unable to start {path}/run: file does not exist");
    assert_eq!(supervised.kept.error.next(), Some(says));
    service.record("run");
    supervised.expect("run started");
    supervised.finish();
}
