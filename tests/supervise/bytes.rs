//! `supervise/status` byte by byte, and at every moment.

use crate::recorder::is_alive;
use crate::service::Service;
use crate::status::Status;
use crate::suite::Suite;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// What is after the time stamp, as each make writes it.
#[track_caller]
fn assert_rest(suite: &Suite, status: &Status, pid: Pid, paused: u8, want: u8, phase: [u8; 2]) {
    let mut expected = pid.as_raw().to_le_bytes().to_vec();
    expected.extend([paused, want]);
    if suite.is_ours {
        expected.extend(phase);
    }
    assert_eq!(status.0[12..], expected, "{}", suite.name);
}

const NOBODY: Pid = Pid::from_raw(0);

#[test]
fn each_byte_is_as_it_should_be() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "").with("stubborn", "");
        let before = SystemTime::now();
        let mut supervised = service.supervise(suite);
        supervised.settle();
        let first = supervised.status();
        assert_rest(suite, &first, NOBODY, 0, b'd', [0, 0]);
        assert!((before..=SystemTime::now()).contains(&first.since()), "{}", suite.name);

        let before = SystemTime::now();
        supervised.tell("u");
        let pid = supervised.expect("run started");
        let up = supervised.until_shown("up u");
        assert_rest(suite, &up, pid, 0, b'u', [3, 1]);
        assert!((before..=SystemTime::now()).contains(&up.since()), "{}", suite.name);

        // the time is that of a change of process, and of nothing else
        let steps: &[(&str, u8, u8, [u8; 2])] = &[
            ("p", 1, b'u', [3, 1]),
            ("c", 0, b'u', [3, 1]),
            ("o", 0, 0, [3, 1]),
            ("p", 1, 0, [3, 1]),
            ("u", 1, b'u', [3, 1]),
            ("c", 0, b'u', [3, 1]),
            ("thaix?", 0, b'u', [3, 1]),
            ("p", 1, b'u', [3, 1]),
            ("d", 0, b'd', [4, 1]),
            ("p", 1, b'd', [4, 1]),
            ("c", 0, b'd', [4, 1]),
        ];
        for (commands, paused, want, phase) in steps {
            supervised.tell(commands);
            let status = supervised.status();
            assert_rest(suite, &status, pid, *paused, *want, *phase);
            assert_eq!(status.stamp(), up.stamp(), "{}, {commands}", suite.name);
        }

        let before = SystemTime::now();
        supervised.write("k");
        supervised.kept.code();
        let down = supervised.status();
        assert_rest(suite, &down, NOBODY, 0, b'd', [0, 0]);
        assert!((before..=SystemTime::now()).contains(&down.since()), "{}", suite.name);
    });
}

#[test]
fn each_process_gets_a_time_and_so_does_its_end() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        let mut last = SystemTime::UNIX_EPOCH;
        for _ in 0..3 {
            let pid = supervised.expect("run started");
            let status = supervised.until("up", |status| status.pid() == pid);
            assert!(status.since() > last, "{}", suite.name);
            last = status.since();
            // the reference may be deaf for a second, and then this is its end's time
            supervised.settle();
            supervised.end(pid, 0);
        }
        supervised.expect("run started");
        supervised.tell("o");
        let up = supervised.until_shown("up -");
        let before = SystemTime::now();
        supervised.end(up.pid(), 0);
        let down = supervised.until_shown("down -");
        assert!((before..=SystemTime::now()).contains(&down.since()), "{}", suite.name);
        supervised.finish();
    });
}

/// The commands that are refused a process change nothing at all.
#[test]
fn a_status_that_would_be_the_same_is_not_written() {
    let service = Service::new().with("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    let pid = supervised.expect("run started");
    supervised.until_shown("up u");
    supervised.settle();
    let identity = || {
        let metadata = fs::metadata(service.at("supervise/status")).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.ctime_nsec())
    };
    let before = identity();
    for commands in ["u", "uuuu", "c", "thai", "q12w", "+=", "?", "uc"] {
        supervised.tell(commands);
        assert_eq!(identity(), before, "{commands}");
    }
    supervised.tell("p");
    assert_ne!(identity(), before);
    kill(pid, Signal::SIGKILL).unwrap();
    supervised.finish();
}

/// Reads as fast as it can while the status changes all the time.
#[test]
fn a_reader_finds_a_whole_status_at_every_moment() {
    together(&Suite::all(), |suite| {
        let size = if suite.is_ours { 20 } else { 18 };
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(suite);
        let first = supervised.expect("run started");
        supervised.until_shown("up u");
        supervised.settle();
        let is_over = AtomicBool::new(false);
        let path = service.at("supervise/status");
        let seen = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut seen = std::collections::BTreeSet::new();
                while !is_over.load(Ordering::Relaxed) {
                    let status = Status(fs::read(&path).unwrap());
                    assert_eq!(status.0.len(), size, "{status:?}");
                    assert!(status.since() > SystemTime::UNIX_EPOCH);
                    seen.insert((status.pid(), status.shown()));
                }
                seen
            });
            for _ in 0..300 {
                supervised.tell("pcopcu");
            }
            // and new processes
            for _ in 0..2 {
                supervised.write("k");
                while supervised.event().what != "started" {}
                supervised.settle();
            }
            is_over.store(true, Ordering::Relaxed);
            reader.join().unwrap()
        });
        // not all can be seen, but what is seen has been so
        let shown = ["up u", "up -", "up u paused", "up - paused", "down u"];
        for (pid, status) in &seen {
            assert!(shown.contains(&status.as_str()), "{}: {status}", suite.name);
            assert_eq!(pid.as_raw() == 0, status == "down u", "{}: {seen:?}", suite.name);
        }
        assert!(seen.iter().any(|(pid, _)| *pid == first) && seen.len() > 1, "{}: {seen:?}", suite.name);
        supervised.finish();
    });
}

#[test]
fn nothing_transient_is_left() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        for _ in 0..2 {
            let pid = supervised.expect("run started");
            supervised.end(pid, 0);
            look_until("it has ended", || !is_alive(pid));
        }
        supervised.expect("run started");
        supervised.finish();
        let left: Vec<_> = service.list("supervise").into_keys().filter(|name| name.contains(".new")).collect();
        assert!(left.is_empty(), "{}: {left:?}", suite.name);
    });
}

#[test]
fn the_time_of_a_status_is_the_clocks() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(suite);
        let since = supervised.status().since();
        let age = SystemTime::now().duration_since(since).unwrap();
        assert!(age < Duration::from_secs(60), "{}: {age:?}", suite.name);
        supervised.finish();
    });
}
