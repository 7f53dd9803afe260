//! Several commands in one write, and what becomes of the service when it ends after a command.

use crate::cases::{Case, Driver, State, check_all};
use crate::recorder::is_alive;
use crate::service::Service;
use crate::suite::Suite;
use crate::support::together::together;
use nix::sys::signal::{Signal, kill};

const fn case(state: State, commands: &'static [u8], outcome: &'static str) -> Case {
    Case { state, commands, outcome }
}

/// Signals that may be pending together are here in the order of their numbers, in which they are heard.
const SEQUENCES: &[Case] = &[
    case(State::Running, b"du", "TERM CONT; up u"),
    case(State::Running, b"ud", "TERM CONT; up d"),
    case(State::Running, b"do", "TERM CONT; up -"),
    case(State::Running, b"od", "TERM CONT; up d"),
    case(State::Running, b"ou", "; up u"),
    case(State::Running, b"uo", "; up -"),
    case(State::Running, b"xu", "; up u"),
    case(State::Running, b"dxu", "TERM CONT; up u"),
    case(State::Running, b"pc", "CONT; up u"),
    case(State::Running, b"ht", "HUP TERM; up u"),
    case(State::Running, b"ph", "HUP; up u paused"),
    case(State::Running, b"pd", "TERM CONT; up d"),
    case(State::Running, b"?h\0\n", "HUP; up u"),
    case(State::Paused, b"tc", "TERM CONT; up u"),
    case(State::Paused, b"du", "TERM CONT; up u"),
    case(State::Paused, b"ht", "HUP TERM; up u paused"),
    case(State::Down, b"du", "started; up u"),
    case(State::Down, b"uo", "started; up -"),
    case(State::Down, b"ou", "started; up u"),
    case(State::Down, b"pu", "started; up u"),
    case(State::Down, b"po", "started; up -"),
    case(State::Down, b"uu", "started; up u"),
    case(State::Down, b"ux", "started; up u"),
    case(State::Down, b"ox", "started; up -"),
    case(State::Down, b"htkiacpd", "; down d"),
    case(State::Down, b"?z\0u", "started; up u"),
    case(State::Down, b"dx", "; gone"),
    case(State::Down, b"xu", "; gone"),
];

#[test]
fn commands_apply_in_the_order_of_the_write() {
    together(&Suite::all(), |suite| {
        check_all(SEQUENCES, suite, Driver::Fifo);
    });
}

/// However it ends: by a code, or by a signal.
#[test]
fn a_service_that_is_wanted_up_is_started_again() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        for code in [0, 1, 99, 111] {
            let pid = supervised.expect("run started");
            supervised.end(pid, code);
        }
        for signal in [Signal::SIGKILL, Signal::SIGSTOP] {
            let pid = supervised.expect("run started");
            kill(pid, signal).unwrap();
            // a stop is not an end
            if signal == Signal::SIGSTOP {
                supervised.settle();
                assert_eq!(supervised.status().pid(), pid);
                kill(pid, Signal::SIGKILL).unwrap();
            }
        }
        let pid = supervised.expect("run started");
        assert_eq!(supervised.until(suite.name, |status| status.pid() == pid).shown(), "up u");
        supervised.finish();
    });
}

#[test]
fn a_service_that_is_wanted_once_stays_down_when_it_ends() {
    together(&Suite::all(), |suite| {
        for is_down in [false, true] {
            let service = Service::new();
            if is_down {
                service.put("down", "");
            }
            let mut supervised = service.supervise(suite);
            supervised.tell("o");
            let pid = supervised.expect("run started");
            supervised.until_shown("up -");
            supervised.end(pid, 0);
            supervised.until_shown("down -");
            // and can be started again, both ways
            for (command, shown) in [("o", "up -"), ("u", "up u")] {
                supervised.tell(command);
                let pid = supervised.expect("run started");
                supervised.until_shown(shown);
                supervised.tell("o");
                supervised.end(pid, 0);
                supervised.until_shown("down -");
            }
            supervised.write("x");
            assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
        }
    });
}

#[test]
fn down_ends_a_service_and_up_starts_it_again() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        for _ in 0..2 {
            supervised.expect("run started");
            supervised.write("d");
            supervised.expect("run TERM");
            supervised.until_shown("down d");
            supervised.write("u");
        }
        let pid = supervised.expect("run started");
        supervised.until("its status", |status| status.pid() == pid && status.shown() == "up u");
        supervised.finish();
    });
}

/// What was wanted last counts when the service ends, not that it was told to.
#[test]
fn up_before_a_service_has_ended_that_was_told_to_starts_it_again() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(suite);
        let pid = supervised.expect("run started");
        supervised.tell("d");
        assert_eq!([supervised.expect("run TERM"), supervised.expect("run CONT")], [pid, pid]);
        supervised.until_shown("up d");
        supervised.tell("u");
        supervised.until_shown("up u");
        supervised.end(pid, 0);
        assert_ne!(supervised.expect("run started"), pid);
        supervised.until_shown("up u");
        supervised.finish();
    });
}

#[test]
fn exit_leaves_the_service_alone_and_waits_for_its_end() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        let pid = supervised.expect("run started");
        supervised.tell("x");
        supervised.expect_silence_of(pid);
        assert!(supervised.kept.is_running() && is_alive(pid), "{}", suite.name);
        assert_eq!(supervised.status().shown(), "up u");
        supervised.end(pid, 0);
        // though the service is still wanted up
        assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
        assert!(!service.is_supervised());
        assert_eq!(service.status().shown(), "down u");
    });
}

#[test]
fn commands_are_heard_while_supervise_waits_to_exit() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(suite);
        let pid = supervised.expect("run started");
        supervised.tell("x");
        supervised.tell("h");
        assert_eq!(supervised.expect("run HUP"), pid);
        supervised.tell("d");
        supervised.expect("run TERM");
        supervised.expect("run CONT");
        supervised.write("k");
        assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
        assert_eq!(service.status().shown(), "down d");
    });
}

/// Commands that nobody has read are not lost while supervise itself is stopped.
#[test]
fn commands_wait_for_a_stopped_supervise() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(suite);
        let pid = supervised.expect("run started");
        supervised.settle();
        supervised.send(Signal::SIGSTOP);
        crate::support::waiting::look_until("it is stopped", || crate::recorder::state(supervised.pid()) == Some('T'));
        for command in ["h", "t", "o"] {
            supervised.write(command);
        }
        supervised.expect_silence_of(pid);
        assert_eq!(supervised.status().shown(), "up u");
        supervised.send(Signal::SIGCONT);
        supervised.expect("run HUP");
        supervised.expect("run TERM");
        supervised.until_shown("up -");
        supervised.finish();
    });
}
