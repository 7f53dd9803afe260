//! Our own supervise, told and looked at by our own tools: what only these know of each other.

use crate::ground::Ground;
use crate::json::{Value, parse};
use crate::run::Ended;
use crate::service::Service;
use crate::supervised::{Supervised, until};
use crate::support::write_script;

/// A service of ours, in the process group of its supervise, so that it ends with the test.
fn supervised(ground: &Ground, service: &Service) -> Supervised {
    service.put("no-setsid", "");
    Supervised::start(&ground.ours("supervise").file, service)
}

fn object(ground: &Ground) -> Value {
    parse(ground.say("svstat --json web").stdout.trim_end())
}

#[track_caller]
fn assert_has(ground: &Ground, expected: &[(&str, &str)]) {
    let object = object(ground);
    for (key, value) in expected {
        assert_eq!(object.get(key).shown(), *value, "{key} in {object:?}");
    }
}

/// Says when it is ready, but not before it is told to.
const GATED: &str = "#!/bin/sh
trap 'echo TERM > heard; exit 3' TERM
echo begun > heard
read word < gate
echo >&5
echo ready > heard
while :; do sleep 1000 & wait $!; done
";

#[test]
fn a_service_is_ready_when_it_has_said_so() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.put("down", "");
    service.put("notification-fd", "5\n");
    write_script(&service.file("run"), GATED);
    nix::unistd::mkfifo(&service.file("gate"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let supervised = supervised(&ground, &service);
    assert_has(&ground, &[("up", "false"), ("ready", "null"), ("restarts", "0"), ("state", "\"stopped\"")]);
    let svc = ground.start("svc -u --wait=ready web");
    supervised.hear("begun");
    assert_eq!(ground.say("svwait -u web"), Ended::silent(0));
    svc.wait_for_sleep();
    assert!(svc.is_running());
    assert_eq!(ground.say("svwait -r -t 0 web").code, 99);
    assert_has(&ground, &[("up", "true"), ("ready", "false"), ("state", "\"running\"")]);
    service.put("gate", "go\n");
    supervised.hear("ready");
    assert_eq!(svc.finish(), Ended::silent(0));
    assert_has(&ground, &[("ready", "true"), ("restarts", "0"), ("last_exit", "null")]);

    // the next one is not ready because this one was
    let svc = ground.start("svc --restart --wait=ready web");
    supervised.hear("TERM");
    // it may speak before its supervise has told of it
    supervised.hear("begun");
    assert_eq!(ground.say("svwait web"), Ended::silent(0));
    svc.wait_for_sleep();
    assert!(svc.is_running());
    assert_has(&ground, &[("ready", "false"), ("restarts", "1"), ("last_exit", "3"), ("last_signal", "null")]);
    service.put("gate", "go\n");
    assert_eq!(svc.finish(), Ended::silent(0));
    assert_eq!(ground.say("svc -k web"), Ended::silent(0));
    supervised.hear("begun");
    assert_eq!(ground.say("svwait web"), Ended::silent(0));
    assert_has(&ground, &[("restarts", "2"), ("last_exit", "null"), ("last_signal", "9")]);
    assert_eq!(ground.say("svc -dx --wait=down web"), Ended::silent(0));
}

#[test]
fn every_command_does_what_it_says() {
    let ground = Ground::new();
    let service = ground.service("web");
    let mut supervised = supervised(&ground, &service);
    supervised.hear("up");
    assert_eq!(ground.say("svwait web"), Ended::silent(0));
    for (letter, word) in
        [("h", "HUP"), ("a", "ALRM"), ("i", "INT"), ("q", "QUIT"), ("1", "USR1"), ("2", "USR2"), ("w", "WINCH")]
    {
        assert_eq!(ground.say(&format!("svc -{letter} web")), Ended::silent(0));
        supervised.hear(word);
    }
    service.put("reload-signal", "USR2");
    assert_eq!(ground.say("svc --reload web"), Ended::silent(0));
    supervised.hear("USR2");
    let pid = until(&service, "it is up", |pid, _, _| pid != 0);
    assert_eq!(ground.say("svc --restart --wait=up web"), Ended::silent(0));
    supervised.hear("TERM");
    supervised.hear("up");
    assert_ne!(until(&service, "it is up", |pid, _, _| pid != 0), pid);
    assert_eq!(ground.say("svc -d --wait=down web"), Ended::silent(0));
    supervised.hear("TERM");
    let line = ground.say("svstat --encore web").stdout;
    assert!(line.starts_with("web: down ") && line.ends_with(" seconds, normally up, stopped\n"), "{line}");
    // down, it is started
    assert_eq!(ground.say("svc --restart --wait=up web"), Ended::silent(0));
    supervised.hear("up");
    assert_eq!(ground.say("svup web"), Ended::silent(0));
    assert_eq!(ground.say("svc -dx --wait=down web"), Ended::silent(0));
    supervised.wait_for_end();
    assert_eq!(ground.say("svok web"), Ended::silent(100));
}

#[test]
fn a_failure_for_good_is_told() {
    let ground = Ground::new();
    let service = ground.service("web");
    // `run` never comes up
    write_script(&service.file("start"), "#!/bin/sh\nexit 1\n");
    let _supervised = supervised(&ground, &service);
    let said = "svwait: fatal: unable to wait until web is ready: it has failed\n";
    assert_eq!(ground.say("svwait -r web"), Ended::with(1, "", said));
    assert_eq!(ground.say("svstat -q web"), Ended::silent(3));
    assert_has(&ground, &[("state", "\"failed\""), ("up", "false"), ("pid", "null"), ("want", "\"down\"")]);
    assert_eq!(ground.say("svwait -d web"), Ended::silent(0));
    // it fails once more, and that is not what it was before
    let said = "svc: fatal: unable to wait until web is up: it has failed\n";
    assert_eq!(ground.say("svc -u --wait=up web"), Ended::with(1, "", said));
}
