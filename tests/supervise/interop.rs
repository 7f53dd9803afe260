//! Programs of one make drive the supervise of another: svc, svstat and svok of daemontools and of ours, each with
//! each; and both with runit's runsv.

use crate::cases::{Case, Driver, State, check_all};
use crate::kept::Start;
use crate::service::Service;
use crate::status::Status;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use crate::table;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::SystemTime;

/// Each svc with each supervise.
#[test]
fn every_option_of_svc_to_every_supervise() {
    let suites = Suite::all();
    for target in &suites {
        together(&suites, |driver| {
            for state in [State::Down, State::Running, State::Paused] {
                check_all(&table::letters(state), target, Driver::Svc(driver));
            }
        });
    }
}

/// The order of the options is that of the commands.
#[test]
fn several_options_of_svc_are_commands_in_their_order() {
    const CASES: &[Case] = &[
        Case { state: State::Running, commands: b"du", outcome: "TERM CONT; up u" },
        Case { state: State::Running, commands: b"ud", outcome: "TERM CONT; up d" },
        Case { state: State::Running, commands: b"ou", outcome: "; up u" },
        Case { state: State::Running, commands: b"uo", outcome: "; up -" },
        Case { state: State::Running, commands: b"ht", outcome: "HUP TERM; up u" },
        Case { state: State::Paused, commands: b"tc", outcome: "TERM CONT; up u" },
        Case { state: State::Down, commands: b"dx", outcome: "; gone" },
        Case { state: State::Down, commands: b"ox", outcome: "started; up -" },
    ];
    let suites = Suite::all();
    for target in &suites {
        together(&suites, |driver| check_all(CASES, target, Driver::Svc(driver)));
    }
}

/// runsv has no "once" in its status: that is "want down".
#[test]
fn every_option_of_svc_to_runsv() {
    const CASES: &[(State, &[u8], &str)] = &[
        (State::Down, b"u", "started; up u"),
        (State::Down, b"d", "; down d"),
        (State::Down, b"o", "started; up d"),
        (State::Down, b"x", "; gone"),
        (State::Running, b"u", "; up u"),
        (State::Running, b"d", "TERM CONT; up d"),
        (State::Running, b"o", "; up d"),
        (State::Running, b"p", "; up u paused"),
        (State::Running, b"c", "CONT; up u"),
        (State::Running, b"a", "ALRM; up u"),
        (State::Running, b"h", "HUP; up u"),
        (State::Running, b"t", "TERM; up u"),
        (State::Running, b"i", "INT; up u"),
        (State::Running, b"k", "started; up u"),
        (State::Paused, b"c", "CONT; up u"),
        (State::Paused, b"h", "HUP; up u paused"),
    ];
    let Some(runit) = Suite::runit() else { return };
    let cases: Vec<_> = CASES.iter().map(|&(state, commands, outcome)| Case { state, commands, outcome }).collect();
    check_all(&cases, &runit, Driver::Fifo);
    for driver in Suite::all() {
        check_all(&cases, &runit, Driver::Svc(&driver));
    }
}

/// What a tool of a suite says about a service, and its exit code.
#[track_caller]
fn ask(suite: &Suite, tool: &str, service: &Service) -> (i32, String) {
    let mut kept = Start::of(suite, tool).word(service.path()).go();
    let code = kept.code();
    assert_eq!(kept.error.rest(), "", "{} of {}", tool, suite.name);
    (code, kept.voice.rest())
}

/// Asserts that every svstat says this of a service, with `P` for the process and `S` for the seconds, and that every
/// svok knows whether there is a supervise.
#[track_caller]
fn assert_said(target: &Suite, service: &Service, says: &str) {
    for driver in Suite::all() {
        let context = format!("{} by svstat of {}", target.name, driver.name);
        let before = fs::read(service.at("supervise/status")).map(Status).unwrap_or(Status(vec![]));
        let (code, said) = ask(&driver, "svstat", service);
        let line = said.strip_prefix(&format!("{}: ", service.path().display())).unwrap_or(&said);
        let line = line.strip_suffix('\n').unwrap_or_else(|| panic!("{context}: {said:?}"));
        assert_eq!(code, 0, "{context}");
        // which is what byte 18 says in a status of runsv's, and nobody else tells it
        let is_told = driver.is_ours && target.name == "runit" && says.starts_with("up") && before.0[18] == 1;
        let says = if is_told { format!("{says}, got TERM") } else { says.to_owned() };
        assert_eq!(without_numbers(&before, line, &context), says, "{context}");
        let is_there = says.starts_with("up")
            || says.starts_with("down")
            || says.contains("/status: ")
            || says.contains("stat down");
        let expected = if is_there { 0 } else { 100 };
        assert_eq!(ask(&driver, "svok", service), (expected, String::new()), "svok of {context}");
    }
}

/// The line with the right process and the right number of seconds taken out. The status was read before it was asked
/// for, and may have another time since.
#[track_caller]
fn without_numbers(before: &Status, line: &str, context: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let Some(place) = words.iter().position(|word| word.starts_with("second")) else { return line.to_owned() };
    let seconds: u64 = words[place - 1].parse().unwrap_or_else(|_| panic!("{context}: {line}"));
    // whole seconds of the clock, not of the time between
    let second = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let age = second(SystemTime::now()) - second(before.since());
    assert!((age.saturating_sub(60)..=age).contains(&seconds), "{context}: {line}, after {age} s");
    let mut words: Vec<String> = words.into_iter().map(str::to_owned).collect();
    words[place - 1] = "S".to_owned();
    words.join(" ").replace(&format!("(pid {})", before.pid()), "(pid P)")
}

#[test]
fn svstat_says_how_a_running_service_is() {
    let targets: Vec<_> = Suite::all().into_iter().chain(Suite::runit()).collect();
    together(&targets, |target| {
        let service = Service::new().with("stubborn", "");
        let mut supervised = service.supervise(target);
        supervised.expect("run started");
        supervised.until_shown("up u");
        supervised.settle();
        let once = if target.name == "runit" { ", want down" } else { "" };
        let steps = [
            ("u", "up (pid P) S seconds".to_owned()),
            ("p", "up (pid P) S seconds, paused".to_owned()),
            ("c", "up (pid P) S seconds".to_owned()),
            ("o", format!("up (pid P) S seconds{once}")),
            ("u", "up (pid P) S seconds".to_owned()),
            ("d", "up (pid P) S seconds, want down".to_owned()),
            ("p", "up (pid P) S seconds, paused, want down".to_owned()),
        ];
        for (command, says) in &steps {
            supervised.tell(command);
            assert_said(target, &service, says);
        }
        service.put("down", "");
        assert_said(target, &service, "up (pid P) S seconds, normally down, paused, want down");
        supervised.tell("cu");
        assert_said(target, &service, "up (pid P) S seconds, normally down");
        supervised.write("dxk");
        assert_eq!(supervised.kept.code(), 0);
    });
}

#[test]
fn svstat_says_how_a_service_is_that_is_down() {
    let targets: Vec<_> = Suite::all().into_iter().chain(Suite::runit()).collect();
    together(&targets, |target| {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(target);
        supervised.settle();
        assert_said(target, &service, "down S seconds");
        service.take_away("down");
        assert_said(target, &service, "down S seconds, normally up");
        supervised.write("o");
        let run = supervised.expect("run started");
        supervised.until("up", |status| status.pid() == run);
        supervised.settle();
        supervised.end(run, 0);
        supervised.until("down", |status| !status.is_up());
        assert_said(target, &service, "down S seconds, normally up");
        supervised.write("x");
        assert_eq!(supervised.kept.code(), 0);
        assert_said(target, &service, "supervise not running");
    });
}

/// A supervise of ours shows a start that is put off; daemontools is deaf then, and shows the process that has ended.
#[test]
fn svstat_says_that_a_service_is_wanted_that_is_down() {
    let target = Suite::ours();
    let service = Service::empty();
    let mut supervised = service.supervise(&target);
    supervised.until_shown("down u");
    assert_said(&target, &service, "down S seconds, normally up, want up");
    service.put("down", "");
    assert_said(&target, &service, "down S seconds, want up");
    supervised.finish();
}

#[test]
fn svstat_says_what_is_in_the_way() {
    for target in Suite::all() {
        let service = Service::new();
        assert_said(&target, &service, "unable to open supervise/ok: file does not exist");
        let mut supervised = service.supervise(&target);
        supervised.expect("run started");
        // the reference writes its status once more a second after the start, when it has begun to listen
        supervised.tell("h");
        supervised.expect("run HUP");
        symlink("down", service.at("down")).unwrap();
        assert_said(&target, &service, "unable to stat down: symbolic link loop");
        service.take_away("down");
        fs::write(service.at("supervise/status"), "short").unwrap();
        assert_said(&target, &service, "unable to read supervise/status: bad format");
        supervised.finish();
        assert_said(&target, &service, "supervise not running");
        fs::rename(service.path(), service.place().join("elsewhere")).unwrap();
        for driver in Suite::all() {
            let says = format!("{}: unable to chdir: file does not exist\n", service.path().display());
            assert_eq!(ask(&driver, "svstat", &service), (0, says), "{}", driver.name);
            let mut svok = Start::of(&driver, "svok").word(service.path()).go();
            assert_eq!(svok.code(), 111, "{}", driver.name);
            let says = format!("svok: fatal: unable to chdir to {}: file does not exist\n", service.path().display());
            assert_eq!(svok.error.rest(), says, "{}", driver.name);
        }
    }
}

/// svc says what is in the way, and exits with 0 all the same.
#[test]
fn svc_warns_of_a_service_that_is_not_supervised() {
    for target in Suite::all() {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(&target);
        supervised.finish();
        for driver in Suite::all() {
            let mut svc = Start::of(&driver, "svc").word("-u").word(service.path()).go();
            let says = format!("svc: warning: unable to control {}: supervise not running\n", service.path().display());
            assert_eq!((svc.code(), svc.error.rest()), (0, says), "{} by {}", target.name, driver.name);
        }
    }
}

/// Not used by anybody else, so that what is compared is one program.
#[test]
fn a_service_moves_from_one_supervise_to_the_other_and_back() {
    let all = Suite::all();
    let service = Service::new();
    for suite in all.iter().chain(all.iter().rev()) {
        let mut supervised: Supervised<'_> = service.supervise(suite);
        let run = supervised.expect("run started");
        supervised.until("up", |status| status.pid() == run);
        assert_said(suite, &service, "up (pid P) S seconds");
        supervised.write("dx");
        supervised.expect("run TERM");
        assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
        assert_eq!(service.status().shown(), "down d");
    }
}
