//! A `run` that cannot be run: the reason is said, it counts as a start, and nothing but the next start waits for
//! anything.

use crate::service::Service;
use crate::suite::Suite;
use crate::support::together::together;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

/// Puts something in the way.
type Spoil = fn(&Service);

/// With the reason that is given.
const CASES: &[(Spoil, &str)] = &[
    (|_| (), "file does not exist"),
    (|service| service.put("run", "#!/bin/sh\n"), "access denied"),
    (|service| fs::create_dir(service.at("run")).unwrap(), "access denied"),
    (|service| symlink("run", service.at("run")).unwrap(), "symbolic link loop"),
    (|service| symlink("missing", service.at("run")).unwrap(), "file does not exist"),
    (|service| service.script_of("run", ""), "exec format error"),
    // no shell stands in
    (|service| service.script_of("run", "echo no interpreter\n"), "exec format error"),
    (|service| service.script_of("run", "#!/nonexistent/interpreter\n"), "file does not exist"),
];

fn message(service: &Service, reason: &str) -> String {
    format!("supervise: fatal: unable to start {}/run: {reason}", service.path().display())
}

#[test]
fn a_run_that_cannot_be_run_is_said_with_its_reason() {
    together(&Suite::all(), |suite| {
        together(CASES, |(prepare, reason)| {
            let service = Service::empty();
            prepare(&service);
            let mut supervised = service.supervise(suite);
            let said = supervised.kept.error.next();
            assert_eq!(said, Some(message(&service, reason)), "{}", suite.name);
            supervised.until_shown("down u");
            supervised.write("dx");
            assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
            assert_eq!(service.status().shown(), "down d");
        });
    });
}

/// The reference shows the process that is about to fail.
#[test]
fn a_run_that_cannot_be_run_is_never_up() {
    let service = Service::empty();
    let mut supervised = service.supervise(&Suite::ours());
    // over two further starts
    let start = std::time::Instant::now();
    while start.elapsed() < Duration::from_millis(2500) {
        let status = supervised.status();
        assert_eq!((status.is_up(), status.phase()), (false, Some((0, 0))), "{}", status.shown());
        std::thread::sleep(Duration::from_millis(1));
    }
    supervised.finish();
}

/// Another reason is news. The reference says it each second.
#[test]
fn the_reason_is_said_when_it_changes_and_not_each_second() {
    let service = Service::empty();
    let mut supervised = service.supervise(&Suite::ours());
    assert_eq!(supervised.kept.error.next(), Some(message(&service, "file does not exist")));
    let more = supervised.kept.error.next_within(Duration::from_millis(2500));
    assert_eq!(more, None, "two starts later");
    fs::create_dir(service.at("run")).unwrap();
    fs::set_permissions(service.at("run"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(supervised.kept.error.next(), Some(message(&service, "access denied")));
    supervised.finish();
}

#[test]
fn a_run_that_appears_is_started_within_a_second() {
    together(&Suite::all(), |suite| {
        let service = Service::empty();
        let mut supervised = service.supervise(suite);
        assert!(supervised.kept.error.next().is_some());
        service.record("run");
        let pid = supervised.expect("run started");
        let status = supervised.until("up", |status| status.pid() == pid);
        assert_eq!(status.shown(), "up u", "{}", suite.name);
        supervised.finish();
    });
}

#[test]
fn a_run_that_cannot_be_run_once_is_not_tried_again() {
    together(&Suite::all(), |suite| {
        let service = Service::empty().with("down", "");
        let mut supervised = service.supervise(suite);
        supervised.write("o");
        assert_eq!(supervised.kept.error.next(), Some(message(&service, "file does not exist")), "{}", suite.name);
        supervised.until_shown("down -");
        assert_eq!(supervised.kept.error.next_within(Duration::from_millis(2200)), None, "{}", suite.name);
        supervised.write("x");
        assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
    });
}
