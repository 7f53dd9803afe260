//! Signals to supervise itself. Those that end it end its service first; QUIT lets go of it.

use crate::recorder::{is_alive, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use std::fs;

const ENDING: [Signal; 3] = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP];

#[test]
fn term_int_and_hup_end_the_service_and_then_supervise() {
    for signal in ENDING {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(&Suite::ours());
        let pid = supervised.expect("run started");
        supervised.send(signal);
        assert_eq!(supervised.expect("run TERM"), pid, "{signal}");
        assert_eq!(supervised.expect("run CONT"), pid, "{signal}");
        assert_eq!(supervised.until_shown("up d").phase(), Some((4, 1)), "{signal}");
        // it waits as long as it takes
        supervised.expect_silence_of(pid);
        assert!(supervised.kept.is_running(), "{signal}");
        supervised.end(pid, 0);
        assert_eq!(supervised.rest(), (0, String::new()), "{signal}");
        assert_eq!(service.status().shown(), "down d", "{signal}");
        assert!(!service.is_supervised());
    }
}

#[test]
fn a_supervise_whose_service_is_down_ends_at_once() {
    for signal in ENDING {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(&Suite::ours());
        supervised.send(signal);
        assert_eq!(supervised.rest(), (0, String::new()), "{signal}");
    }
}

#[test]
fn a_supervise_that_waits_for_a_restart_ends_at_once() {
    for signal in ENDING {
        let service = Service::new().with("run.exits", "1");
        let mut supervised = service.supervise(&Suite::ours());
        supervised.expect("run started");
        supervised.until_shown("down u");
        supervised.send(signal);
        let (code, _) = supervised.rest();
        assert_eq!(code, 0, "{signal}");
        assert_eq!(service.status().shown(), "down d", "{signal}");
    }
}

#[test]
fn a_paused_service_is_ended_too() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let pid = supervised.expect("run started");
    supervised.tell("p");
    look_until("it is stopped", || state(pid) == Some('T'));
    supervised.send(Signal::SIGTERM);
    supervised.expect("run TERM");
    assert_eq!(supervised.rest().0, 0);
}

/// However supervise was started, as by nohup or in the background of a shell.
#[test]
fn signals_that_were_ignored_or_blocked_end_supervise_all_the_same() {
    for ending in ENDING {
        let service = Service::new();
        let start = service.start(&Suite::ours()).entering(move || {
            // SAFETY: no handler is installed.
            unsafe { signal(ending, SigHandler::SigIgn) }?;
            let blocked: SigSet = ENDING.into_iter().collect();
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None)
        });
        let mut supervised = Supervised::new(&service, start.go());
        supervised.expect("run started");
        supervised.send(ending);
        supervised.expect("run TERM");
        assert_eq!(supervised.rest().0, 0, "{ending}");
    }
}

#[test]
fn quit_lets_go_of_the_service() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let pid = supervised.expect("run started");
    supervised.until_shown("up u");
    supervised.settle();
    let files = service.list("supervise");
    let bytes = ["supervise/status", "supervise/info"].map(|name| fs::read(service.at(name)).unwrap());
    supervised.send(Signal::SIGQUIT);
    supervised.kept.code();
    supervised.expect_silence_of(pid);
    assert!(is_alive(pid));
    assert_eq!(service.list("supervise"), files);
    assert_eq!(["supervise/status", "supervise/info"].map(|name| fs::read(service.at(name)).unwrap()), bytes);
    assert!(!service.is_supervised());
}

/// A warning to somebody who has gone must not end it.
#[test]
fn supervise_survives_a_standard_error_without_a_reader() {
    let service = Service::empty();
    let start = service.start(&Suite::ours()).entering(|| {
        let (reader, writer) = nix::unistd::pipe()?;
        nix::unistd::dup2_stderr(&writer)?;
        drop((reader, writer));
        Ok(())
    });
    let mut supervised = Supervised::new(&service, start.go());
    // the first start has failed, and its message has too
    service.record("run");
    supervised.expect("run started");
    supervised.finish();
}

/// What does not concern it does nothing: among them a death of somebody that it knows nothing about.
#[test]
fn other_signals_that_come_with_children_and_terminals_are_survived() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let pid = supervised.expect("run started");
    for signal in [Signal::SIGCHLD, Signal::SIGWINCH, Signal::SIGURG, Signal::SIGCONT, Signal::SIGPIPE] {
        supervised.send(signal);
    }
    supervised.tell("h");
    assert_eq!(supervised.expect("run HUP"), pid);
    supervised.expect_silence_of(pid);
    assert_eq!(supervised.status().shown(), "up u");
    supervised.finish();
}

/// As it is where somebody has second thoughts before supervise has begun.
#[test]
fn a_signal_that_waits_for_supervise_ends_it() {
    together(&ENDING, |&ending| {
        let service = Service::new();
        let start = service.start(&Suite::ours()).entering(move || {
            let blocked: SigSet = [ending].into_iter().collect();
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None)?;
            kill(nix::unistd::getpid(), ending)
        });
        let mut kept = start.go();
        assert_eq!(kept.code(), 0, "{ending}");
        // neither the service nor anything else is left, whether it was started or not
        kept.wait_for_all();
        assert_eq!(service.status().shown(), "down d", "{ending}");
    });
}

/// At whatever moment of its start.
#[test]
fn a_signal_during_the_start_leaves_no_service_behind() {
    for round in 0..60_u64 {
        let service = Service::new();
        let mut kept = service.start(&Suite::ours()).go();
        // up to two milliseconds, in which it does all it has to do
        let until = std::time::Instant::now() + std::time::Duration::from_micros(round * 35);
        while std::time::Instant::now() < until {}
        kill(kept.pid(), Signal::SIGTERM).unwrap();
        let code = kept.code();
        // it may not have got far enough to know about signals, but then it has started nothing
        kept.wait_for_all();
        let heard = kept.voice.rest();
        assert!(code == 0 || code == 1000 + libc::SIGTERM && heard.is_empty(), "{round}: {code}, {heard:?}");
    }
}
