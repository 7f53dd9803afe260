//! `+` and `=`: signals to all of a service's process group, or to its process alone; and `L`, which speaks to a log
//! that is not there.

use crate::recorder::{Order, is_alive, order, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::waiting::look_until;
use nix::unistd::Pid;

/// A running service that has left a child in its process group. Both ignore TERM.
fn with_companion<'a>(service: &'a Service) -> (Supervised<'a>, Pid, Pid) {
    service.put("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    let pid = supervised.expect("run started");
    order(pid, Order::Leave, 0);
    let companion = supervised.expect("companion started");
    (supervised, pid, companion)
}

/// What both have heard, sorted, when all has been heard.
#[track_caller]
fn hear(supervised: &mut Supervised<'_>, count: usize, pids: [Pid; 2]) -> Vec<String> {
    let mut heard: Vec<String> = (0..count).map(|_| supervised.event().shown()).collect();
    for pid in pids {
        supervised.expect_silence_of(pid);
    }
    heard.sort();
    heard
}

#[test]
fn signals_after_a_plus_go_to_the_process_group() {
    let service = Service::new();
    let (mut supervised, pid, companion) = with_companion(&service);
    let cases: &[(&str, &[&str])] = &[
        ("t", &["run TERM"]),
        ("+t", &["companion TERM", "run TERM"]),
        ("t", &["run TERM"]),
        ("+a", &["companion ALRM", "run ALRM"]),
        ("+h", &["companion HUP", "run HUP"]),
        ("+i", &["companion INT", "run INT"]),
        ("+q", &["companion QUIT", "run QUIT"]),
        ("+1", &["companion USR1", "run USR1"]),
        ("+2", &["companion USR2", "run USR2"]),
        ("+w", &["companion WINCH", "run WINCH"]),
        ("+ht", &["companion HUP", "companion TERM", "run HUP", "run TERM"]),
        ("+t=h", &["companion TERM", "run HUP", "run TERM"]),
        ("=t", &["run TERM"]),
        ("t+", &["run TERM"]),
        ("+t=h+i", &["companion INT", "companion TERM", "run HUP", "run INT", "run TERM"]),
        // what a write says of the next signals ends with it
        ("+", &[]),
        ("t", &["run TERM"]),
        ("+d", &["companion CONT", "companion TERM", "run CONT", "run TERM"]),
    ];
    for (commands, heard) in cases {
        supervised.tell(commands);
        assert_eq!(hear(&mut supervised, heard.len(), [pid, companion]), *heard, "{commands}");
    }
    supervised.end(companion, 0);
    supervised.finish();
}

#[test]
fn a_process_group_is_paused_continued_and_killed_after_a_plus() {
    let service = Service::new();
    let (mut supervised, pid, companion) = with_companion(&service);
    supervised.tell("p");
    look_until("the service is stopped", || state(pid) == Some('T'));
    supervised.expect_silence_of(companion);
    supervised.tell("+p");
    look_until("all are stopped", || [pid, companion].iter().all(|pid| state(*pid) == Some('T')));
    supervised.tell("+c");
    let heard = hear(&mut supervised, 2, [pid, companion]);
    assert_eq!(heard, ["companion CONT", "run CONT"]);
    supervised.tell("+k");
    look_until("the companion has ended", || !is_alive(companion));
    supervised.expect("run started");
    supervised.finish();
}

/// The group is then supervise's own, or its caller's.
#[test]
fn without_a_session_of_its_own_a_service_alone_gets_signals_after_a_plus() {
    let service = Service::new().with("no-setsid", "");
    let (mut supervised, pid, companion) = with_companion(&service);
    supervised.tell("+th");
    let mut heard = [supervised.event().shown(), supervised.event().shown()];
    heard.sort();
    assert_eq!(heard, ["run HUP", "run TERM"]);
    supervised.expect_silence_of(pid);
    supervised.expect_silence_of(companion);
    assert!(supervised.kept.is_running());
    supervised.end(companion, 0);
    supervised.finish();
}

/// A supervise without a log child drops what is said to one.
#[test]
fn commands_to_a_log_that_is_not_there_do_nothing() {
    let service = Service::new().with("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    let pid = supervised.expect("run started");
    for commands in ["Lt", "Ld", "Lo", "Lx", "Lp", "Lk", "Lr", "L+t", "+Lt", "Ltdoxpkahiq12w"] {
        supervised.tell(commands);
        supervised.expect_silence_of(pid);
        assert_eq!(supervised.status().shown(), "up u", "{commands}");
        assert!(supervised.kept.is_running(), "{commands}");
    }
    supervised.tell("Ltlh");
    supervised.expect("run HUP");
    supervised.expect_silence_of(pid);
    supervised.tell("L");
    supervised.tell("t");
    supervised.expect("run TERM");
    supervised.expect_silence_of(pid);
    supervised.finish();

    let service = Service::new().with("down", "");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.tell("Lu");
    supervised.tell("Lo");
    assert_eq!(supervised.status().shown(), "down d");
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}

/// The file may come and go while the service runs: what counts is how that was started.
#[test]
fn the_process_group_is_that_with_which_the_service_was_started() {
    let service = Service::new().with("no-setsid", "");
    let (mut supervised, pid, companion) = with_companion(&service);
    service.take_away("no-setsid");
    supervised.tell("+h");
    supervised.expect("run HUP");
    supervised.expect_silence_of(pid);
    supervised.expect_silence_of(companion);
    supervised.end(companion, 0);
    supervised.finish();

    let service = Service::new();
    let (mut supervised, pid, companion) = with_companion(&service);
    service.put("no-setsid", "");
    supervised.tell("+h");
    assert_eq!(hear(&mut supervised, 2, [pid, companion]), ["companion HUP", "run HUP"]);
    supervised.end(companion, 0);
    supervised.finish();
}

/// Supervise and who has started it are in the same group then.
#[test]
fn killpg_does_nothing_to_a_group_that_is_not_the_services_own() {
    let service = Service::new().with("no-setsid", "").with("killpg", "");
    let (mut supervised, pid, companion) = with_companion(&service);
    supervised.tell("d");
    supervised.expect("run TERM");
    supervised.expect("run CONT");
    supervised.expect_silence_of(companion);
    supervised.tell("u");
    for ending in ["k", "exit"] {
        match ending {
            "exit" => supervised.end(supervised.status().pid(), 0),
            command => supervised.write(command),
        }
        let next = supervised.expect("run started");
        assert_ne!(next, pid);
        supervised.until("up", |status| status.pid() == next);
        supervised.expect_silence_of(companion);
        assert!(supervised.kept.is_running(), "{ending}");
    }
    supervised.end(companion, 0);
    supervised.finish();
}
