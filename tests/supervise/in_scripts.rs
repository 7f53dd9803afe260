//! Commands while `start`, `stop` or `finish` runs: signals go to the script, and what is wanted counts when it has
//! ended.

use crate::recorder::state;
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::waiting::look_until;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// The commands that are signals, and what a script hears of them.
const SIGNALS: [(&str, &str); 8] = [
    ("a", "ALRM"),
    ("h", "HUP"),
    ("t", "TERM"),
    ("i", "INT"),
    ("q", "QUIT"),
    ("1", "USR1"),
    ("2", "USR2"),
    ("w", "WINCH"),
];

/// A service that this script is running for, and the script's process. TERM does not end anything.
fn in_script<'a>(service: &'a Service, script: &str) -> (Supervised<'a>, Pid) {
    service.record(script);
    service.put("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    if script == "start" {
        let start = supervised.expect("start started");
        supervised.until("its status", |status| status.pid() == start);
        return (supervised, start);
    }
    let run = supervised.expect("run started");
    supervised.until_shown("up u");
    // stop runs only if nothing follows; and then it can be wanted up again
    if script == "stop" {
        supervised.tell("o");
    }
    supervised.end(run, 0);
    let pid = supervised.event().pid;
    supervised.until("its status", |status| status.pid() == pid);
    if script == "stop" {
        supervised.tell("u");
        supervised.until_shown("up u");
    }
    (supervised, pid)
}

const SCRIPTS: [&str; 3] = ["start", "stop", "finish"];

#[test]
fn signals_go_to_the_script() {
    for script in SCRIPTS {
        let service = Service::new();
        let (mut supervised, pid) = in_script(&service, script);
        let before = supervised.status();
        for (command, signal) in SIGNALS {
            supervised.tell(command);
            assert_eq!(supervised.expect(&format!("{script} {signal}")), pid);
            supervised.expect_silence_of(pid);
        }
        supervised.tell("p");
        look_until("it is stopped", || state(pid) == Some('T'));
        supervised.tell("c");
        supervised.expect(&format!("{script} CONT"));
        assert_eq!(supervised.status(), before, "{script}");
        // nothing is done about it but that
        supervised.tell("r?+=Lt");
        supervised.expect_silence_of(pid);
        supervised.end(pid, 0);
        let next = supervised.expect("run started");
        supervised.until("its status", |status| status.pid() == next && status.shown() == "up u");
        service.put(&format!("{script}.exits"), "0");
        supervised.finish();
    }
}

#[test]
fn a_script_can_be_killed() {
    for script in SCRIPTS {
        let service = Service::new();
        let (mut supervised, _) = in_script(&service, script);
        supervised.write("k");
        if script == "start" {
            supervised.until("failed", |status| status.phase() == Some((5, 0)));
            supervised.write("x");
            assert_eq!(supervised.rest(), (0, String::new()));
        } else {
            supervised.expect("run started");
            service.put(&format!("{script}.exits"), "0");
            supervised.finish();
        }
    }
}

#[test]
fn down_is_no_signal_and_counts_when_the_script_has_ended() {
    for script in SCRIPTS {
        let service = Service::new();
        let (mut supervised, pid) = in_script(&service, script);
        supervised.tell("d");
        supervised.expect_silence_of(pid);
        assert_eq!(supervised.status().shown(), "up d", "{script}");
        supervised.end(pid, 0);
        let status = supervised.until_shown("down d");
        assert_eq!(status.phase(), Some((0, 0)), "{script}");
        supervised.write("x");
        assert_eq!(supervised.rest(), (0, String::new()), "{script}: nothing else was run");
    }
}

#[test]
fn up_counts_when_the_script_has_ended() {
    for script in ["stop", "finish"] {
        let service = Service::new();
        let (mut supervised, pid) = in_script(&service, script);
        supervised.tell("d");
        supervised.tell("u");
        assert_eq!(supervised.status().shown(), "up u", "{script}");
        supervised.expect_silence_of(pid);
        supervised.end(pid, 0);
        let run = supervised.expect("run started");
        supervised.until("its status", |status| status.pid() == run && status.shown() == "up u");
        service.put(&format!("{script}.exits"), "0");
        supervised.finish();
    }
}

#[test]
fn once_counts_when_start_has_ended() {
    let service = Service::new();
    let (mut supervised, pid) = in_script(&service, "start");
    supervised.tell("o");
    assert_eq!(supervised.status().shown(), "up -");
    supervised.end(pid, 0);
    let run = supervised.expect("run started");
    supervised.until("its status", |status| status.pid() == run && status.shown() == "up -");
    supervised.end(run, 0);
    supervised.until_shown("down -");
    supervised.finish();
}

/// A service that was wanted up is not started again.
#[test]
fn supervise_exits_when_the_script_has_ended() {
    for script in SCRIPTS {
        let service = Service::new();
        let (mut supervised, pid) = in_script(&service, script);
        supervised.tell("x");
        supervised.expect_silence_of(pid);
        assert!(supervised.kept.is_running());
        supervised.end(pid, 0);
        assert_eq!(supervised.rest(), (0, String::new()), "{script}");
    }
}

#[test]
fn a_signal_to_end_supervise_waits_for_the_script() {
    for script in SCRIPTS {
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            let service = Service::new();
            let (mut supervised, pid) = in_script(&service, script);
            supervised.send(signal);
            supervised.until_shown("up d");
            supervised.expect_silence_of(pid);
            supervised.end(pid, 0);
            assert_eq!(supervised.rest(), (0, String::new()), "{script}, {signal}");
            assert_eq!(service.status().shown(), "down d");
        }
    }
}
