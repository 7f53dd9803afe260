//! `svstat --encore`, `-l` and `-L`: what daemontools-encore says besides, and the logs of services.

use crate::ground::Ground;
use crate::run::Ended;
use crate::status::{FAILED, RUNNING, STARTED, STARTING, STOPPED, STOPPING, Status};
use std::fs;

#[track_caller]
fn check(ground: &Ground, call: &str, lines: &str) {
    assert_eq!(ground.say(call), Ended::with(0, lines, ""), "{call}");
}

#[test]
fn what_a_service_is_doing_is_said_if_it_is_asked_for() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (status, line, more) in [
        (Status::with_phase(7, b'u', RUNNING), "up (pid 7) 0 seconds", ", running"),
        (Status::with_phase(7, b'u', STARTING), "up (pid 7) 0 seconds", ", starting"),
        (Status::with_phase(7, b'd', STOPPING), "up (pid 7) 0 seconds, want down", ", stopping"),
        (Status::with_phase(7, 0, RUNNING), "up (pid 7) 0 seconds", ", once, running"),
        (Status::with_phase(7, 0, RUNNING).paused(), "up (pid 7) 0 seconds, paused", ", once, running"),
        (Status::with_phase(0, b'd', STOPPED), "down 0 seconds, normally up", ", stopped"),
        (Status::with_phase(0, 0, STOPPED), "down 0 seconds, normally up", ", stopped"),
        (Status::with_phase(0, b'u', STARTED), "down 0 seconds, normally up, want up", ", started"),
        (Status::with_phase(0, b'd', FAILED), "down 0 seconds, normally up", ", failed"),
        // in 19 bytes, too
        (Status::classic(7, 0).ending(&[RUNNING]), "up (pid 7) 0 seconds", ", once, running"),
        // where nobody tells it
        (Status::classic(7, b'u'), "up (pid 7) 0 seconds", ""),
        (Status::classic(7, 0), "up (pid 7) 0 seconds", ""),
        // runit's
        (Status::classic(7, b'u').ending(&[0, 1]), "up (pid 7) 0 seconds", ""),
        (Status::classic(7, b'd').ending(&[1, 1]), "up (pid 7) 0 seconds, want down, got TERM", ""),
    ] {
        service.status(&status);
        check(&ground, "svstat web", &format!("web: {line}\n"));
        for options in ["--encore", "-l", "--encore -l"] {
            check(&ground, &format!("svstat {options} web"), &format!("web: {line}{more}\n"));
        }
    }
}

#[test]
fn a_log_in_the_same_supervise_has_a_line_of_its_own() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    service.replace("status", Status::up(7).with_log(&Status::with_phase(8, b'd', STOPPING).paused()));
    let (main, log) = ("web: up (pid 7) 0 seconds", "web log: up (pid 8) 0 seconds, paused, want down");
    check(&ground, "svstat web", &format!("{main}\n{log}\n"));
    check(&ground, "svstat --encore web", &format!("{main}, running\n{log}, stopping\n"));
    check(&ground, "svstat -l web", &format!("{main}, running\n"));
    check(&ground, "svstat -L web", &format!("{log}, stopping\n"));
    // the last one counts
    check(&ground, "svstat -lL web", &format!("{log}, stopping\n"));
    check(&ground, "svstat -L -l web", &format!("{main}, running\n"));
    // `down` is the service's, and speaks for both
    service.put("down", "");
    service.replace("status", Status::up(7).with_log(&Status::down()));
    check(&ground, "svstat web", "web: up (pid 7) 0 seconds, normally down\nweb log: down 0 seconds\n");
}

#[test]
fn a_log_with_a_directory_is_told_of_if_it_is_asked_for() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    check(&ground, "svstat -L web", "web: no log service\n");
    let log = ground.service("web/log");
    check(&ground, "svstat -L web", "web log: unable to open supervise/ok: file does not exist\n");
    let log = log.supervised(&Status::up(8));
    log.put("down", "");
    check(&ground, "svstat web", "web: up (pid 7) 0 seconds\n");
    check(&ground, "svstat -l web", "web: up (pid 7) 0 seconds, running\n");
    check(&ground, "svstat -L web", "web log: up (pid 8) 0 seconds, normally down, running\n");
    check(
        &ground,
        "svstat -L web web/log",
        "web log: up (pid 8) 0 seconds, normally down, running\nweb/log: no log service\n",
    );
}

#[test]
fn without_its_service_a_log_is_told_of_where_it_has_a_directory() {
    let ground = Ground::new();
    ground.service("web").prepare();
    check(
        &ground,
        "svstat -L web nosuch",
        "web: supervise not running\nnosuch: unable to chdir: file does not exist\n",
    );
    let log = ground.service("web/log").supervised(&Status::up(8));
    check(&ground, "svstat -L web", "web log: up (pid 8) 0 seconds, running\n");
    check(&ground, "svstat -l web", "web: supervise not running\n");
    // a log that is a program
    drop(log);
    fs::remove_dir_all(ground.at("web/log")).unwrap();
    fs::write(ground.at("web/log"), "").unwrap();
    check(&ground, "svstat -L web", "web: supervise not running\n");
}

#[test]
fn a_bad_option_is_wrong_usage() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    for wrong in
        ["svstat -x web", "svstat --nonsense web", "svstat --json=1 web", "svstat -q --watch web", "svstat -lx web"]
    {
        let ended = ground.say(wrong);
        assert_eq!((ended.code, ended.stdout.as_str()), (100, ""), "{wrong}");
        assert!(ended.stderr.lines().last().unwrap().starts_with("svstat: usage: svstat [-lLq] "), "{ended:?}");
    }
}
