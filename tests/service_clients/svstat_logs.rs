//! A log that does not run is not hidden behind its service: notes in the table, and the exit code with `-L`.

use crate::ground::Ground;
use crate::json::parse;
use crate::run::{Ended, start};
use crate::service::Service;
use crate::status::{FAILED, STARTING, STOPPING, Status};
use crate::supervised::Supervised;
use crate::support::waiting::look_until;
use crate::support::write_script;
use nix::time::{ClockId, clock_gettime};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

/// The notes on the one service of a table.
#[track_caller]
fn notes(ground: &Ground) -> String {
    let ended = ground.say("svstat --table web");
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ended:?}");
    let column = lines[0].find("NOTES").unwrap();
    lines[1].get(column..).unwrap_or_default().to_owned()
}

/// Of the log, unless options say otherwise.
fn code(ground: &Ground, options: &str) -> i32 {
    let ended = ground.say(&format!("svstat {options} web"));
    assert_eq!(ended, Ended::silent(ended.code));
    ended.code
}

/// Nanoseconds.
const SECOND: i64 = 1_000_000_000;

/// For so long after a start one that has failed before counts as one that fails.
const PROBATION: i64 = 2 * SECOND;

/// The monotonic clock.
fn now() -> i64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    now.tv_sec() * SECOND + now.tv_nsec()
}

/// Seconds ago, as `info` has it.
fn started(seconds: i64) -> String {
    format!("started_mono_ns={}\n", now() - seconds * SECOND)
}

/// When it has been started last, as `info` has it.
fn started_at(service: &Service) -> Option<i64> {
    let info = fs::read_to_string(service.file("supervise/info")).ok()?;
    info.lines().find_map(|line| line.strip_prefix("started_mono_ns="))?.parse().ok()
}

fn with_log(ground: &Ground) -> [Service; 2] {
    let web = ground.service("web").supervised(&Status::up(7));
    let log = ground.service("web/log");
    log.put("run", "");
    [web, log.supervised(&Status::up(8))]
}

#[test]
fn what_is_wrong_with_a_log_is_noted_and_its_code_tells() {
    let ground = Ground::new();
    let [web, log] = with_log(&ground);
    let waiting = || Status::with_phase(0, b'u', 0);
    const NEVER: Option<i64> = None;
    // with how long ago it has been started, in seconds
    for (status, info, age, expected, expected_code) in [
        (Status::up(8), "restarts=0\n", NEVER, "", 0),
        (Status::up(8), "restarts=12\nlast_exit=111\n", Some(60), "", 0),
        // the first time it is started that is no failure
        (Status::up(8), "restarts=0\n", Some(0), "", 0),
        (Status::with_phase(8, b'u', STARTING), "restarts=0\n", NEVER, "", 0),
        (Status::with_phase(8, b'u', STOPPING).ending(&[STOPPING, 2]), "last_exit=1\n", NEVER, "log down (exit 1)", 1),
        // told to end, it runs still
        (Status::with_phase(8, b'd', STOPPING), "restarts=0\n", NEVER, "", 0),
        (Status::up(8).paused(), "restarts=0\n", NEVER, "log paused", 0),
        (Status::up(8), "restarts=12\nlast_exit=111\n", Some(0), "log down (exit 111, 12 restarts)", 1),
        (waiting(), "restarts=12\nlast_exit=111\n", NEVER, "log down (exit 111, 12 restarts)", 1),
        (waiting(), "restarts=1\nlast_signal=11\n", NEVER, "log down (SIGSEGV, 1 restart)", 1),
        (waiting(), "restarts=0\nlast_exit=0\n", NEVER, "log down (exit 0)", 1),
        (waiting(), "restarts=0\n", NEVER, "log down", 1),
        (Status::down(), "restarts=0\n", NEVER, "log down (want down)", 1),
        (Status::down(), "restarts=3\nlast_signal=15\n", NEVER, "log down (want down, SIGTERM, 3 restarts)", 1),
        (Status::with_phase(0, b'd', FAILED), "restarts=0\nlast_exit=100\n", NEVER, "log down (failed, exit 100)", 3),
        (Status::with_phase(0, b'd', FAILED), "restarts=0\n", NEVER, "log down (failed)", 3),
    ] {
        // anew before each look: what has just been started does not count as that for long
        let tell = || {
            log.status(&status).info(status.pid, &(info.to_owned() + &age.map(started).unwrap_or_default()));
        };
        tell();
        assert_eq!(notes(&ground), expected, "{status:?} {info}");
        tell();
        assert_eq!(code(&ground, "-q -L"), expected_code, "{status:?} {info}");
        // it is for the service itself to say how that is
        assert_eq!([code(&ground, "-q"), code(&ground, "-q -l"), code(&ground, "-q --table")], [0; 3], "{status:?}");
        // nor is it looked at where only the service is asked for
        assert!(!ground.say("svstat --table -l web").stdout.contains("log"));
    }
    // of a supervise of another kind only the moment is known
    fs::remove_file(log.file("supervise/info")).unwrap();
    for (status, expected) in [
        (Status::classic(8, b'u'), ""),
        (Status::classic(0, b'u'), "log down"),
        (Status::classic(0, b'd'), "log down (want down)"),
    ] {
        log.status(&status);
        assert_eq!(notes(&ground), expected, "{status:?}");
    }
    // behind what there is to say of the service
    web.put("down", "");
    assert_eq!(notes(&ground), "normally down, log down (want down)");
}

#[test]
fn a_log_that_nobody_supervises_is_down() {
    let ground = Ground::new();
    let [web, log] = with_log(&ground);
    log.end();
    assert_eq!(
        (notes(&ground), code(&ground, "-q -L"), code(&ground, "-q")),
        ("log down (not supervised)".into(), 2, 0)
    );
    fs::remove_dir_all(log.file("supervise")).unwrap();
    assert_eq!((notes(&ground), code(&ground, "-q -L")), ("log down (not supervised)".into(), 2));
    // with nothing to run in it, it is a directory of that name
    fs::remove_file(log.file("run")).unwrap();
    assert_eq!((notes(&ground), code(&ground, "-q -L")), (String::new(), 2));
    log.prepare();
    assert_eq!(notes(&ground), "log down (not supervised)");
    fs::remove_dir_all(log.path()).unwrap();
    assert_eq!(notes(&ground), "");
    fs::write(web.file("log"), "").unwrap();
    assert_eq!(notes(&ground), "");
}

/// Nor is it hidden behind a service that is not supervised.
#[test]
fn what_is_wrong_with_a_log_is_noted_beside_what_is_wrong_with_the_service() {
    let ground = Ground::new();
    let [web, log] = with_log(&ground);
    web.end();
    assert_eq!(notes(&ground), "supervise not running");
    log.status(&Status::with_phase(0, b'u', 0)).info(0, "restarts=2\nlast_exit=111\n");
    assert_eq!(notes(&ground), "supervise not running, log down (exit 111, 2 restarts)");
    log.end();
    assert_eq!(notes(&ground), "supervise not running");
}

#[test]
fn a_log_that_cannot_be_looked_at_is_unknown() {
    let ground = Ground::new();
    let web = ground.service("web").supervised(&Status::up(7));
    std::os::unix::fs::symlink("log", web.file("log")).unwrap();
    assert_eq!(notes(&ground), "log unknown (unable to chdir: symbolic link loop)");
    fs::remove_file(web.file("log")).unwrap();
    let log = ground.service("web/log");
    log.prepare().begin().replace("status", "short");
    assert_eq!(notes(&ground), "log unknown (unable to read supervise/status: bad format)");
    assert_eq!(code(&ground, "-q -L"), 111);
    let mut closed = ground.line("svstat --table web");
    fs::set_permissions(web.file("supervise"), Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(web.file("supervise/ok"), Permissions::from_mode(0o622)).unwrap();
    fs::set_permissions(log.path(), Permissions::from_mode(0o700)).unwrap();
    let ended = crate::run::run(crate::run::unprivileged(&mut closed));
    if crate::support::is_root() {
        assert!(ended.stdout.ends_with("  log unknown (unable to chdir: access denied)\n"), "{ended:?}");
    }
}

/// A log in the care of the same supervise has a row of its own besides.
#[test]
fn a_log_inside_is_noted_too() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    service.replace("status", Status::up(7).with_log(&Status::with_phase(0, b'u', 0)));
    let ended = ground.say("svstat --table web");
    let rows: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows[1][0], &rows[1][6..]), ("web", &["log", "down"][..]), "{ended:?}");
    assert_eq!((rows[2][0], rows[2][1]), ("web/log", "stopped"), "{ended:?}");
    assert_eq!(rows.len(), 3);
}

/// Whenever one looks: between two starts, and in the moments in which it runs.
#[test]
fn a_log_that_fails_every_second_is_never_taken_for_one_that_runs() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    let log = ground.service("web/log");
    // long enough to be found up
    write_script(&log.file("run"), "#!/bin/sh\necho up > heard\nsleep 0.3\nexit 111\n");
    log.put("no-setsid", "");
    let supervised = Supervised::start(&ground.ours("supervise").file, &log);
    for _ in 0..2 {
        supervised.hear("up");
    }
    look_until("both states have been seen", {
        let mut states = Vec::new();
        let ground = &ground;
        let log = &log;
        move || {
            let before = started_at(log);
            let object = parse(ground.say("svstat --json web").stdout.trim_end());
            let found = notes(ground);
            let code = code(ground, "-q -L");
            // where there is no time for a short sleep it is not short
            if before.is_none_or(|before| now() - before >= PROBATION) {
                return false;
            }
            assert!(found.starts_with("log down"), "{found:?}");
            assert_eq!(code, 1);
            // an object tells of the moment, and how often that has come
            let up = object.get("log").get("up").shown();
            let restarts = object.get("log").get("restarts").shown();
            if restarts != "null" {
                assert!(restarts.parse::<u64>().unwrap() > 0, "{object:?}");
                assert_eq!(object.get("log").get("last_exit").shown(), "111");
                assert!(found.contains("exit 111, ") || found == "log down", "{found:?}");
            }
            if !states.contains(&up) {
                states.push(up);
            }
            states.len() == 2
        }
    });
}

/// Where nothing happens, either.
#[test]
fn a_log_that_has_been_mended_is_shown_so_when_it_has_lasted() {
    let ground = Ground::new();
    let [_web, log] = with_log(&ground);
    let watching = start(&mut ground.line("svstat --watch web"));
    let tables = || watching.output().matches("NAME").count();
    let mut told = 0;
    look_until("it is down", || {
        // once more where a look has come too late for that
        if now() - told >= PROBATION {
            told = now();
            log.info(8, &("restarts=3\nlast_exit=111\n".to_owned() + &started(0)));
        }
        watching.output().contains("log down (exit 111, 3 restarts)")
    });
    let before = tables();
    look_until("it is up", || tables() > before);
    let last = watching.output();
    assert!(last.lines().last().unwrap().starts_with("web   running  7 "), "{last}");
    assert!(!last.lines().last().unwrap().contains("log"), "{last}");
    let shown = tables();
    // and then there is nothing more to look at
    watching.wait_for_sleep();
    let sleeps = watching.sleeps();
    assert!(!crate::run::has_ended_within(&watching.child, std::time::Duration::from_millis(1500)));
    assert_eq!((watching.sleeps(), tables()), (sleeps, shown));
    // it fails again, and that is seen at once
    log.status(&Status::with_phase(0, b'u', 0)).info(0, "restarts=3\nlast_exit=111\n");
    look_until("it is down again", || watching.output().lines().last().unwrap().contains("log down"));
}
