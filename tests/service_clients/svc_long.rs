//! `svc --restart` and `--reload`: commands that have different letters for different supervises and services.

use crate::ground::Ground;
use crate::run::{Ended, run, unprivileged};
use crate::service::{info, own_identity};
use crate::status::{FAILED, STOPPED, Status};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_restart_is_a_letter_of_its_own_only_for_a_supervise_of_ours_that_runs() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let restart = |expected: &str, what: &str| {
        assert_eq!(ground.say("svc --restart web"), Ended::silent(0), "{what}");
        assert_eq!(service.commands(), expected, "{what}");
    };
    restart("tc", "without info");
    service.info(7, "");
    restart("r", "with info");
    service.status(&Status::down());
    restart("r", "with info, down");
    let (pid, start) = own_identity();
    for (text, what) in [
        (info(7, pid, start + 100, ""), "of an earlier process"),
        (info(7, 0, 0, ""), "of nobody"),
        (info(7, pid, start, "boot=5\n"), "of an earlier start of the machine"),
        (info(7, pid, start, "version=9\n"), "of another version"),
    ] {
        service.replace("info", text);
        service.status(&Status::up(7));
        restart("tc", what);
        service.status(&Status::classic(7, b'd'));
        restart("tc", what);
        // what is down has to be started
        for status in [
            Status::down(),
            Status::classic(0, b'd'),
            Status::with_phase(0, b'd', FAILED),
            Status::with_phase(0, b'u', STOPPED),
        ] {
            service.status(&status);
            restart("u", what);
        }
    }
}

#[test]
fn long_and_short_commands_keep_their_order() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for (options, letters) in [
        ("--restart -x", "tcx"),
        ("-x --restart", "xtc"),
        ("-t --reload -k", "thk"),
        ("--reload --reload -h", "hh"),
        ("--reload --restart --check", "htc"),
        ("--rest --rel", "tch"),
    ] {
        assert_eq!(ground.say(&format!("svc {options} web")), Ended::silent(0), "{options}");
        assert_eq!(service.commands(), letters, "{options}");
    }
}

#[test]
fn a_reload_sends_the_signal_that_the_file_names() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    assert_eq!(ground.say("svc --reload web"), Ended::silent(0));
    assert_eq!(service.commands(), "h", "without a file");
    for (text, letter) in [
        ("HUP\n", "h"),
        ("HUP", "h"),
        ("SIGHUP\n", "h"),
        ("1\n", "h"),
        ("USR1\n", "1"),
        ("USR2\n", "2"),
        ("10", "1"),
        ("12", "2"),
        ("INT\n", "i"),
        ("QUIT\n", "q"),
        ("ALRM\n", "a"),
        ("TERM\n", "t"),
        ("KILL\n", "k"),
        ("WINCH\n", "w"),
        ("CONT\n", "c"),
        ("STOP\n", "p"),
        ("USR1 \n", "1"),
        ("USR1\nand more", "1"),
        ("", "h"),
        ("\n", "h"),
    ] {
        service.put("reload-signal", text);
        assert_eq!(ground.say("svc --reload web"), Ended::silent(0), "{text:?}");
        assert_eq!(service.commands(), letter, "{text:?}");
    }
    let senseless = "svc: warning: unable to use web/reload-signal: no signal that a command can send\n";
    for text in [
        "hup",
        "HUP USR1",
        "SEGV",
        "64",
        "0",
        "-1",
        "999999999999999999999",
        "\u{0}HUP",
        &"H".repeat(100),
        &format!("{}15", "0".repeat(31)),
    ] {
        service.put("reload-signal", text);
        let ended = ground.say("svc --reload -d web");
        assert_eq!((ended, service.commands()), (Ended::with(0, "", senseless), String::new()), "{text:?}");
        assert_eq!(ground.say("svc --reload --check web").code, 111);
    }
}

#[test]
fn a_reload_signal_that_cannot_be_read_is_not_guessed() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    fs::create_dir(service.file("reload-signal")).unwrap();
    let said = "svc: warning: unable to read web/reload-signal: is a directory\n";
    assert_eq!(ground.say("svc --reload web"), Ended::with(0, "", said));
    fs::remove_dir(service.file("reload-signal")).unwrap();
    service.put("reload-signal", "USR1");
    fs::set_permissions(service.file("reload-signal"), Permissions::from_mode(0o000)).unwrap();
    let mut command = ground.line("svc --reload web");
    let said = "svc: warning: unable to read web/reload-signal: access denied\n";
    assert_eq!(run(unprivileged(&mut command)), Ended::with(0, "", said));
    assert_eq!(service.commands(), "");
}

/// The log's own file, if it has a directory; one in the same supervise has none.
#[test]
fn a_log_is_reloaded_and_restarted_for_itself() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let log = ground.service("web/log").supervised(&Status::down());
    service.put("reload-signal", "USR1");
    log.put("reload-signal", "ALRM");
    assert_eq!(ground.say("svc --reload -L --reload --restart web"), Ended::silent(0));
    assert_eq!([service.commands(), log.commands()], ["1", "au"]);
    fs::remove_dir_all(log.path()).unwrap();
    service.replace("status", Status::down().with_log(&Status::up(8)));
    assert_eq!(ground.say("svc --reload --restart -L --reload --restart web"), Ended::silent(0));
    assert_eq!(service.commands(), "1uLhtc");
}
