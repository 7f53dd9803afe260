//! svup, as daemontools-encore specifies it: silent; 0 if it is up, 100 if not, 111 if that cannot be told.

use crate::ground::Ground;
use crate::run::{Ended, run, unprivileged};
use crate::status::{FAILED, RUNNING, STARTED, STARTING, STOPPED, STOPPING, Status};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_process_or_a_phase_that_is_up_decides() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (status, is_up) in [
        (Status::classic(7, b'u'), true),
        (Status::classic(7, b'd'), true),
        (Status::classic(u32::MAX, 0).paused(), true),
        (Status::classic(0x0100_0000, b'u'), true),
        (Status::classic(0, b'u'), false),
        (Status::classic(0, b'd'), false),
        // 19 bytes are enough for the phase
        (Status::classic(0, b'u').ending(&[STARTED]), true),
        (Status::classic(0, b'u').ending(&[RUNNING]), true),
        (Status::classic(0, b'u').ending(&[STOPPING]), false),
        (Status::with_phase(0, b'u', STARTED), true),
        (Status::with_phase(0, b'u', RUNNING), true),
        (Status::with_phase(0, b'u', STOPPED), false),
        (Status::with_phase(0, b'u', STARTING), false),
        (Status::with_phase(0, b'd', STOPPING), false),
        (Status::with_phase(0, b'd', FAILED), false),
        (Status::with_phase(7, b'u', STARTING), true),
        (Status::with_phase(7, b'd', STOPPING), true),
        (Status::with_phase(7, b'd', STOPPED), true),
        (Status::with_phase(0, b'd', 6), false),
    ] {
        service.status(&status);
        for options in ["", "-l "] {
            let expected = Ended::silent(if is_up { 0 } else { 100 });
            assert_eq!(ground.say(&format!("svup {options}web")), expected, "{status:?}");
        }
    }
}

#[test]
fn a_log_in_the_same_supervise_counts_unless_one_is_asked_for() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (main, log, codes) in [
        (Status::up(7), Status::up(8), [0, 0, 0]),
        (Status::up(7), Status::down(), [100, 0, 100]),
        (Status::down(), Status::up(8), [100, 100, 0]),
        (Status::down(), Status::down(), [100, 100, 100]),
        (Status::with_phase(0, b'u', STARTED), Status::with_phase(0, b'u', RUNNING), [0, 0, 0]),
    ] {
        service.replace("status", main.with_log(&log));
        for (options, code) in ["", "-l ", "-L "].into_iter().zip(codes) {
            assert_eq!(ground.say(&format!("svup {options}web")), Ended::silent(code), "{options} {main:?} {log:?}");
        }
        // the last one counts
        assert_eq!(ground.say("svup -Ll web"), Ended::silent(codes[1]));
        assert_eq!(ground.say("svup -l -L web"), Ended::silent(codes[2]));
    }
}

#[test]
fn a_log_with_a_directory_counts_if_it_is_asked_for() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    assert_eq!(ground.say("svup -L web"), Ended::silent(100), "no log");
    let log = ground.service("web/log");
    assert_eq!(ground.say("svup -L web"), Ended::silent(100), "not supervised");
    let log = log.supervised(&Status::down());
    assert_eq!(["", "-l ", "-L "].map(|options| ground.say(&format!("svup {options}web")).code), [0, 0, 100]);
    log.status(&Status::up(8));
    service.status(&Status::down());
    assert_eq!(["", "-l ", "-L "].map(|options| ground.say(&format!("svup {options}web")).code), [100, 100, 0]);
    log.replace("status", "short");
    let said = "svup: fatal: unable to read web/log/supervise/status: bad format\n";
    assert_eq!(ground.say("svup -L web"), Ended::with(111, "", said));
    // a log that is a program has no directory
    drop(log);
    fs::remove_dir_all(service.file("log")).unwrap();
    service.put("log", "");
    assert_eq!(ground.say("svup -L web"), Ended::silent(100));
}

#[test]
fn what_cannot_be_told_is_an_error() {
    let ground = Ground::new();
    let service = ground.service("web");
    assert_eq!(ground.say("svup web"), Ended::silent(100), "without supervise");
    service.prepare().replace("status", Status::up(7).bytes());
    assert_eq!(ground.say("svup web"), Ended::silent(100), "supervise does not run");
    service.begin();
    assert_eq!(ground.say("svup web"), Ended::silent(0));
    for length in [0, 1, 17] {
        service.replace("status", &Status::up(7).bytes()[..length]);
        let said = "svup: fatal: unable to read web/supervise/status: bad format\n";
        assert_eq!(ground.say("svup web"), Ended::with(111, "", said), "{length}");
    }
    fs::remove_file(service.file("supervise/status")).unwrap();
    assert_eq!(ground.say("svup web"), Ended::silent(100), "without status");
    fs::create_dir(service.file("supervise/status")).unwrap();
    let said = "svup: fatal: unable to read web/supervise/status: is a directory\n";
    assert_eq!(ground.say("svup web"), Ended::with(111, "", said));
    let said = "svup: fatal: unable to chdir to nosuch: file does not exist\n";
    assert_eq!(ground.say("svup nosuch"), Ended::with(111, "", said));
    fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o000)).unwrap();
    let said = "svup: fatal: unable to open web/supervise/ok: access denied\n";
    assert_eq!(run(unprivileged(&mut ground.line("svup web"))), Ended::with(111, "", said));
    fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn how_it_is_called() {
    let ground = Ground::new();
    let _web = ground.service("web").supervised(&Status::up(7));
    for wrong in ["svup", "svup -l", "svup -x web", "svup --long web"] {
        let ended = ground.say(wrong);
        assert_eq!((ended.code, ended.stdout.as_str()), (100, ""), "{wrong}");
        assert!(ended.stderr.lines().last().unwrap().starts_with("svup: usage: svup [-lL] DIR"), "{ended:?}");
    }
    let warning = "svup: warning: ignoring nosuch: one directory at a time\n";
    assert_eq!(ground.say("svup web nosuch"), Ended::with(0, "", warning));
}
