//! runit's sv drives our supervise as it drives runsv. It reads byte 18 as "TERM was sent", and says so of ours.

use crate::kept::Start;
use crate::service::Service;
use crate::suite::Suite;
use crate::support::peer;
use crate::support::together::together;

/// A call of sv, what it says with `@` for the service and numbers as `N`, what the service hears, and what the
/// status shows then.
struct Step {
    command: &'static str,
    says: &'static str,
    heard: &'static [&'static str],
    shown: &'static str,
}

const fn step(command: &'static str, says: &'static str, heard: &'static [&'static str], shown: &'static str) -> Step {
    Step { command, says, heard, shown }
}

/// In this order.
const STEPS: &[Step] = &[
    step("status", "run: @: (pid N) Ns", &[], "up u"),
    step("pause", "ok: run: @: (pid N) Ns, paused", &[], "up u paused"),
    step("status", "run: @: (pid N) Ns, paused", &[], "up u paused"),
    step("cont", "ok: run: @: (pid N) Ns", &["run CONT"], "up u"),
    step("status", "run: @: (pid N) Ns", &[], "up u"),
    step("up", "ok: run: @: (pid N) Ns", &[], "up u"),
    step("hup", "ok: run: @: (pid N) Ns", &["run HUP"], "up u"),
    step("alarm", "ok: run: @: (pid N) Ns", &["run ALRM"], "up u"),
    step("interrupt", "ok: run: @: (pid N) Ns", &["run INT"], "up u"),
    step("quit", "ok: run: @: (pid N) Ns", &["run QUIT"], "up u"),
    step("1", "ok: run: @: (pid N) Ns", &["run USR1"], "up u"),
    step("2", "ok: run: @: (pid N) Ns", &["run USR2"], "up u"),
    step("down", "ok: down: @: Ns, normally up", &["run TERM"], "down d"),
    step("status", "down: @: Ns, normally up", &[], "down d"),
    step("down", "ok: down: @: Ns, normally up", &[], "down d"),
    step("up", "ok: run: @: (pid N) Ns", &["run started"], "up u"),
    step("status", "run: @: (pid N) Ns", &[], "up u"),
    step("down", "ok: down: @: Ns, normally up", &["run TERM"], "down d"),
    step("exit", "ok: @: runsv not running", &[], "gone"),
];

/// What sv says and its exit code.
fn call(command: &str, service: &Service) -> (i32, String) {
    let file = peer("sv").unwrap();
    let mut sv = Start::new(&file).word("-w").word("30").word(command).word(service.path()).go();
    let code = sv.code();
    assert_eq!(sv.error.rest(), "");
    let said = sv.voice.rest().replace(service.path().to_str().unwrap(), "@").replace(", got TERM", "");
    let mut text = String::new();
    for character in said.trim_end().chars() {
        match character {
            '0'..='9' if text.ends_with('N') => {}
            '0'..='9' => text.push('N'),
            other => text.push(other),
        }
    }
    (code, text)
}

/// runit's own, and ours.
fn targets() -> Vec<Suite> {
    match (peer("sv"), Suite::runit()) {
        (Some(_), Some(runit)) => vec![runit, Suite::ours()],
        _ => vec![],
    }
}

#[test]
fn sv_drives_supervise_as_it_drives_runsv() {
    together(&targets(), |target| {
        let service = Service::new();
        let mut supervised = service.supervise(target);
        supervised.expect("run started");
        supervised.until_shown("up u");
        for step in STEPS {
            let context = format!("{}: sv {}", target.name, step.command);
            assert_eq!(call(step.command, &service), (0, step.says.to_owned()), "{context}");
            for heard in step.heard {
                supervised.expect(heard);
            }
            if step.shown == "gone" {
                assert_eq!(supervised.rest(), (0, String::new()), "{context}");
            } else {
                supervised.until_shown(step.shown);
            }
        }
        assert_eq!(call("status", &service), (1, "fail: @: runsv not running".to_owned()), "{}", target.name);
    });
}

#[test]
fn sv_sees_what_is_normally_down() {
    together(&targets(), |target| {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(target);
        supervised.settle();
        assert_eq!(call("status", &service), (0, "down: @: Ns".to_owned()), "{}", target.name);
        assert_eq!(call("start", &service), (0, "ok: run: @: (pid N) Ns, normally down".to_owned()), "{}", target.name);
        supervised.expect("run started");
        assert_eq!(call("stop", &service), (0, "ok: down: @: Ns".to_owned()), "{}", target.name);
        supervised.expect("run TERM");
        assert_eq!(call("exit", &service).0, 0);
        assert_eq!(supervised.rest(), (0, String::new()));
    });
}

/// It waits for a status that only runsv writes, in which "once" is the same as "want down", and then gives up; but
/// it has been obeyed at once.
#[test]
fn sv_once_is_obeyed() {
    together(&targets(), |target| {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(target);
        let file = peer("sv").unwrap();
        let mut sv = Start::new(&file).word("-w").word("1").word("once").word(service.path()).go();
        let run = supervised.expect("run started");
        let code = sv.code();
        assert!(target.is_ours || code == 0, "{}: {code}", target.name);
        supervised.end(run, 0);
        supervised.until("down", |status| !status.is_up());
        supervised.write("x");
        assert_eq!(supervised.rest(), (0, String::new()), "{}", target.name);
    });
}

/// runsv sends TERM to what still runs; ours, like daemontools, waits for its end.
#[test]
fn sv_exit_lets_supervise_end_with_its_service() {
    together(&targets(), |target| {
        let service = Service::new();
        let mut supervised = service.supervise(target);
        let run = supervised.expect("run started");
        let file = peer("sv").unwrap();
        let mut sv = Start::new(&file).word("-w").word("1").word("exit").word(service.path()).go();
        if target.is_ours {
            // before the word is given the service must not end, or it would be started again
            sv.code();
            supervised.expect_silence_of(run);
            supervised.end(run, 0);
        } else {
            supervised.expect("run TERM");
        }
        assert_eq!(supervised.rest(), (0, String::new()), "{}", target.name);
    });
}
