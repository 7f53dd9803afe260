//! How a service is told to end: `down-signal`, `timeout-kill`, `killpg`.

use crate::cases::hundredths;
use crate::recorder::{Order, is_alive, order};
use crate::service::Service;
use crate::suite::Suite;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::Signal;
use std::time::Duration;

#[test]
fn down_sends_the_signal_of_the_file_and_cont() {
    for text in ["INT", "SIGINT", "2", "INT\n"] {
        let service = Service::new().with("stubborn", "").with("down-signal", text);
        let mut supervised = service.supervise(&Suite::ours());
        let run = supervised.expect("run started");
        for command in ["d", "r"] {
            supervised.tell(command);
            supervised.expect("run INT");
            supervised.expect("run CONT");
            supervised.expect_silence_of(run);
        }
        supervised.send(Signal::SIGTERM);
        supervised.expect("run INT");
        supervised.expect("run CONT");
        // asked for by name it is itself
        supervised.tell("t");
        supervised.expect("run TERM");
        supervised.finish();
    }
}

/// It is read when it matters.
#[test]
fn a_senseless_signal_is_a_warning_and_term_is_sent() {
    let service = Service::new().with("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("run started");
    for text in ["TERMINATE", "0", "65", "int"] {
        service.put("down-signal", text);
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        let said = supervised.kept.error.next().unwrap();
        assert!(said.starts_with("supervise: warning: ") && said.contains("down-signal"), "{text}: {said}");
    }
    service.put("down-signal", "USR1");
    supervised.tell("d");
    supervised.expect("run USR1");
    supervised.expect("run CONT");
    supervised.finish();
}

#[test]
fn what_does_not_end_in_time_is_killed() {
    for ending in ["d", "dx", "TERM"] {
        let service = Service::new().with("stubborn", "").with("timeout-kill", "2000");
        let mut supervised = service.supervise(&Suite::ours());
        supervised.expect("run started");
        let start = hundredths();
        if ending == "TERM" {
            supervised.send(Signal::SIGTERM);
        } else {
            supervised.write(ending);
        }
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        if ending == "d" {
            supervised.until("told", |_| service.info().get("last_signal").is_some_and(|signal| signal == "9"));
        } else {
            assert_eq!(supervised.rest(), (0, String::new()));
        }
        assert!(hundredths() - start >= 199, "{ending}: after {} hundredths", hundredths() - start);
        assert_eq!(service.info()["last_signal"], "9", "{ending}");
    }
}

#[test]
fn what_has_ended_in_time_is_not_followed_by_a_kill() {
    let service = Service::new().with("timeout-kill", "1500");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("run started");
    supervised.write("d");
    supervised.expect("run TERM");
    supervised.until_shown("down d");
    supervised.write("u");
    let run = supervised.expect("run started");
    supervised.expect_silence_for(Duration::from_millis(1600));
    supervised.expect_silence_of(run);
    supervised.finish();
}

/// A signal by itself is not an order to end.
#[test]
fn other_commands_set_no_time_limit() {
    let service = Service::new().with("stubborn", "").with("timeout-kill", "100");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    supervised.tell("tox");
    supervised.expect("run TERM");
    supervised.expect_silence_for(Duration::from_millis(400));
    supervised.expect_silence_of(run);
    supervised.finish();
}

#[test]
fn no_limit_is_zero_or_no_number() {
    for text in ["0", "", "soon"] {
        let service = Service::new().with("stubborn", "").with("timeout-kill", text);
        let mut supervised = service.supervise(&Suite::ours());
        let run = supervised.expect("run started");
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        supervised.expect_silence_for(Duration::from_millis(300));
        supervised.expect_silence_of(run);
        supervised.finish();
    }
}

#[test]
fn without_killpg_what_a_service_leaves_behind_stays() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(suite);
        let run = supervised.expect("run started");
        order(run, Order::Leave, 0);
        let companion = supervised.expect("companion started");
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        supervised.write("kx");
        assert_eq!(supervised.kept.code(), 0);
        supervised.expect_silence_of(companion);
    });
}

#[test]
fn with_killpg_down_and_kill_are_for_the_group() {
    let service = Service::new().with("stubborn", "").with("killpg", "");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    order(run, Order::Leave, 0);
    let companion = supervised.expect("companion started");
    supervised.tell("d");
    let mut heard: Vec<String> = (0..4).map(|_| supervised.event().shown()).collect();
    heard.sort();
    assert_eq!(heard, ["companion CONT", "companion TERM", "run CONT", "run TERM"]);
    // but other signals are not
    supervised.tell("h");
    supervised.expect("run HUP");
    supervised.expect_silence_of(companion);
    supervised.write("kx");
    assert_eq!(supervised.rest(), (0, String::new()));
}

/// By itself, by a signal, and because it was told to: the group does not survive its leader.
#[test]
fn with_killpg_nothing_of_the_group_is_left_when_the_service_has_ended() {
    let service = Service::new().with("stubborn", "").with("killpg", "");
    let mut supervised = service.supervise(&Suite::ours());
    for ending in ["exit", "k"] {
        let run = supervised.expect("run started");
        order(run, Order::Leave, 0);
        let companion = supervised.expect("companion started");
        order(run, Order::Leave, 1);
        let apart = supervised.expect("companion started");
        match ending {
            "exit" => supervised.end(run, 0),
            command => supervised.write(command),
        }
        look_until("the companion has ended", || !is_alive(companion));
        // who has a session of its own is not of the group
        assert!(is_alive(apart));
        supervised.end(apart, 0);
    }
    supervised.expect("run started");
    supervised.finish();
}

#[test]
fn with_killpg_and_a_time_limit_the_whole_group_is_killed() {
    let service = Service::new().with("stubborn", "").with("killpg", "").with("timeout-kill", "2000");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    order(run, Order::Leave, 0);
    supervised.expect("companion started");
    supervised.write("dx");
    let (code, said) = supervised.rest();
    assert_eq!((code, said.lines().count()), (0, 4), "{said}");
}
