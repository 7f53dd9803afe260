//! `svc --remove`: a service is taken out of svscan's sight, ended, and its log after it. The test is the supervise here; whole
//! trees are in tests/svscan.

use crate::ground::Ground;
use crate::run::{Ended, Side, run, start, unprivileged};
use crate::status::Status;
use crate::supervised::{Supervised, until};
use crate::support::waiting::look_until;
use crate::support::{is_root, leave_out, write_script};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn it_stands_alone() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    for words in [
        "-d --remove",
        "--remove -u",
        "--remove --check",
        "--remove --wait=down",
        "-L --remove",
        "--remove=x",
        "--remove=",
    ] {
        let ended = ground.say(&format!("svc {words} web"));
        assert_eq!((ended.code, ended.stdout.as_str()), (100, ""), "{words}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("svc: usage: svc "), "{words}: {}", ended.stderr);
    }
    assert!(service.path().exists());
    assert_eq!(service.commands(), "");
    assert_eq!(ground.say("svc --remove").code, 100);
}

#[test]
fn one_that_nobody_supervises_is_renamed() {
    let ground = Ground::new();
    for name in ["a", "b", "c", "d"] {
        ground.service(name).put("run", "");
    }
    ground.service("b").prepare();
    fs::create_dir(ground.at("b/log")).unwrap();
    symlink("c", ground.at("link")).unwrap();
    let full = ground.at("d");
    let hidden = ground.at(".d");
    let words = format!("svc --remove a ./b// link {}", full.display());
    let ended = ground.say(&words);
    let mut printed: Vec<&str> = ended.stdout.lines().collect();
    printed.sort_unstable();
    assert_eq!((ended.code, ended.stderr.as_str()), (0, ""));
    assert_eq!(printed, ["./.b", ".a", ".link", hidden.to_str().unwrap()]);
    for name in [".a/run", ".b/log", ".link", "c/run", ".d/run"] {
        assert!(ground.at(name).exists(), "{name}");
    }
    for name in ["a", "b", "link", "d"] {
        assert!(!ground.at(name).exists(), "{name}");
    }
    // once more is no more
    assert_eq!(ground.say("svc --remove .a"), Ended::with(0, ".a\n", ""));
}

#[test]
fn what_cannot_be_renamed_is_left_as_it_is() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    ground.service(".web");
    ground.service("other").put("run", "");
    ground.service("plain/inner").put("run", "");
    ground.service("plain/inner/log").put("run", "");
    ground.service("s6/event");
    ground.service("s6/supervise").put("status", [0; 35]);
    let file = ground.at("file");
    fs::write(file, "").unwrap();
    let why = ": a service is removed by its name in the directory above\n";
    for (words, says) in [
        ("web", "unable to rename web to .web: file already exists\n".to_owned()),
        ("nosuch", "unable to chdir to nosuch: file does not exist\n".to_owned()),
        ("no/such", "unable to chdir to no/: file does not exist\n".to_owned()),
        ("file", "unable to chdir to file: not a directory\n".to_owned()),
        ("plain", "unable to remove plain: it is no service directory\n".to_owned()),
        (
            "plain/inner/log/",
            "unable to remove plain/inner/log/: it is the log of a service, and goes with it\n".to_owned(),
        ),
        ("s6", "unable to remove s6: not a daemontools service (s6)\n".to_owned()),
        (".", format!("unable to remove .{why}")),
        ("web/..", format!("unable to remove web/..{why}")),
        ("/", format!("unable to remove /{why}")),
    ] {
        let ended = ground.say(&format!("svc --remove {words}"));
        assert_eq!(ended, Ended::with(111, "", &format!("svc: fatal: {says}")), "{words}");
    }
    assert_eq!(service.commands(), "");
    assert!(service.path().join("supervise").exists());
    // the next one is removed all the same
    let ended = ground.say("svc --remove nosuch other");
    assert_eq!(ended, Ended::with(111, ".other\n", "svc: fatal: unable to chdir to nosuch: file does not exist\n"));
}

#[test]
fn it_waits_for_the_end_of_the_supervise_and_then_of_the_logs() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let log = ground.service("web/log").supervised(&Status::up(8));
    let svc = ground.start("svc --remove web");
    svc.wait_for_sleep();
    assert_eq!((service.commands(), log.commands()), ("dx".to_owned(), String::new()));
    assert!(!ground.at("web").exists() && ground.at(".web").exists());
    service.end_at(&ground.at(".web/supervise"));
    svc.wait_for_sleep();
    assert!(svc.is_running());
    log.end_at(&ground.at(".web/log/supervise"));
    assert_eq!(svc.finish(), Ended::with(0, ".web\n", ""));
}

/// As daemontools' svscan leaves it.
#[test]
fn a_log_that_nobody_ends_is_told_when_it_has_read_all() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    // one that does not read by itself
    let mut reader = Command::new("sleep").arg("1000").stdin(Stdio::piped()).spawn().unwrap();
    reader.stdin.as_mut().unwrap().write_all(b"the last line\n").unwrap();
    let log = ground.service("web/log").supervised(&Status::up(reader.id()));
    let svc = ground.start("svc --remove web");
    svc.wait_for_sleep();
    service.end_at(&ground.at(".web/supervise"));
    // longer than it takes where there is nothing to be read
    std::thread::sleep(Duration::from_secs(8));
    assert_eq!(log.commands(), "");
    let who = named(reader.id());
    let mut line = [0; 14];
    let mut pipe = fs::File::open(format!("/proc/{}/fd/0", reader.id())).unwrap();
    pipe.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"the last line\n");
    assert_eq!(log.next_commands(), "dx");
    log.end_at(&ground.at(".web/log/supervise"));
    // before that, it says once what it waits for
    let says = format!("svc: warning: waiting for web/log to end: {who}\n");
    assert_eq!(svc.finish(), Ended::with(0, ".web\n", &says));
    reader.kill().unwrap();
    reader.wait().unwrap();
}

/// A process with its name, if there is one with this number.
fn named(pid: u32) -> String {
    match fs::read_to_string(format!("/proc/{pid}/comm")) {
        Ok(name) => format!("pid {pid} ({})", name.trim_end()),
        Err(_) => format!("pid {pid}"),
    }
}

#[test]
fn a_time_limit_ends_the_wait_and_the_new_name_takes_it_up() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let says = "svc: fatal: unable to remove web: timed out; it is called .web by now\n";
    assert_eq!(ground.say("svc --remove=0.05 web"), Ended::with(99, "", says));
    assert_eq!(service.commands(), "dx");
    let svc = ground.start("svc --remove=100 .web");
    svc.wait_for_sleep();
    assert_eq!(service.commands(), "dx");
    service.end_at(&ground.at(".web/supervise"));
    assert_eq!(svc.finish(), Ended::with(0, ".web\n", ""));
}

/// At whichever moment of its start. Before it has the lock it may come too late for it, and has started nothing then.
#[test]
fn a_supervise_that_has_just_been_started_is_told() {
    let too_late = "supervise: fatal: unable to acquire web/supervise/lock: temporary failure\n";
    for moment in ["web/supervise", "web/supervise/control"] {
        for _ in 0..10 {
            let ground = Ground::new();
            let service = ground.service("web");
            write_script(&service.file("run"), "#!/bin/sh\nexec sleep 1000\n");
            let supervise = ground.start("supervise web");
            look_until("it begins", || ground.at(moment).exists());
            assert_eq!(ground.say("svc --remove=60 web"), Ended::with(0, ".web\n", ""));
            // without a word of svc it would run on
            let ended = supervise.finish();
            if moment == "web/supervise" && ended.code != 0 {
                assert_eq!(ended, Ended::with(111, "", too_late));
                assert!(!ground.at(".web/supervise/status").exists());
            } else {
                assert_eq!(ended, Ended::silent(0), "{moment}");
            }
        }
    }
}

/// Nobody would end what it has left, and nobody may say that it has ended.
#[test]
fn a_supervise_that_is_killed_meanwhile_is_not_the_end_of_its_service() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.put("no-setsid", "");
    write_script(&service.file("run"), "#!/bin/sh\ntrap '' TERM\necho up > heard\nwhile :; do sleep 1000; done\n");
    let mut supervised = Supervised::start(&ground.ours("supervise").file, &service);
    supervised.hear("up");
    let pid = until(&service, "it is up", |pid, _, _| pid != 0);
    let svc = ground.start("svc --remove web");
    svc.wait_for_sleep();
    supervised.kill_alone();
    look_until("it waits for the service", || svc.is_running() && svc.said().contains("its supervise has ended"));
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    let says = format!("svc: warning: waiting for web to end; its supervise has ended, but not pid {pid} (run)\n");
    assert_eq!(svc.finish(), Ended::with(0, ".web\n", &says));
}

/// It would wait for ever for what it could not order.
#[test]
fn who_may_not_command_a_service_does_not_hide_it() {
    if !is_root() {
        return leave_out("a service of another account: not root");
    }
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    fs::set_permissions(ground.path(), everybody).unwrap();
    let ended = run(unprivileged(&mut ground.line("svc --remove web")));
    assert_eq!(ended, Ended::with(111, "", "svc: fatal: unable to control web: access denied\n"));
    assert_eq!((service.path().exists(), service.commands()), (true, String::new()));
}

#[test]
fn files_elsewhere_are_found_again_under_the_former_name() {
    let ground = Ground::new();
    let base = ground.at("base");
    fs::create_dir(&base).unwrap();
    let service = ground.service("web");
    service.put("run", "");
    let path = fs::canonicalize(ground.at("web")).unwrap();
    let files = base.join(path.to_str().unwrap()[1..].replace('/', ":"));
    // what the test plays lies elsewhere
    let played = ground.service("played").supervised(&Status::up(7));
    symlink(played.file("supervise"), &files).unwrap();
    let call = |line: &str| {
        let mut command = ground.line(line);
        command.env("SUPERVISEDIR", &base);
        command
    };
    let says = "svc: fatal: unable to remove web: timed out; it is called .web by now\n";
    assert_eq!(run(&mut call("svc --remove=0.05 web")), Ended::with(99, "", says));
    assert_eq!(played.commands(), "dx");
    let svc = start(&mut call("svc --remove .web"));
    svc.wait_for_sleep();
    assert_eq!(played.commands(), "dx");
    played.end();
    assert_eq!(svc.finish(), Ended::with(0, ".web\n", ""));
}

#[test]
fn a_name_that_cannot_be_told_is_a_failure() {
    let ground = Ground::new();
    ground.service("web").put("run", "");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = ground.line("svc --remove web");
    let output = command.stdout(full).output().unwrap();
    let says =
        "svc: fatal: unable to remove web: unable to write output: out of disk space; it is called .web by now\n";
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap().as_str()), (Some(111), says));
}

#[test]
fn it_says_what_it_waits_for() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(std::process::id()));
    let svc = ground.start("svc --remove=6 web");
    let ended = svc.finish();
    let pid = named(std::process::id());
    let says = format!(
        "svc: warning: waiting for web to end: {pid}\nsvc: fatal: unable to remove web: timed out; it is called .web by now\n"
    );
    assert_eq!(ended, Ended::with(99, "", &says));
    assert_eq!(service.commands(), "dx");
}

/// Only a supervise could end it.
#[test]
fn a_service_that_runs_without_its_supervise_is_not_removed() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.put("no-setsid", "");
    write_script(&service.file("run"), "#!/bin/sh\necho up > heard\nexec sleep 1000\n");
    let mut supervised = Supervised::start(&ground.ours("supervise").file, &service);
    supervised.hear("up");
    let pid = until(&service, "it is up", |pid, _, _| pid != 0);
    supervised.kill_alone();
    assert_eq!(ground.say("svok web"), Ended::silent(100));
    let says = format!("svc: fatal: unable to remove web: it runs without a supervise: pid {pid}\n");
    assert_eq!(ground.say("svc --remove web"), Ended::with(111, "", &says));
    assert!(service.path().exists());
}

#[test]
fn a_service_of_ours_and_one_of_the_reference_end() {
    for supervise in Ground::new().both("supervise") {
        let ground = Ground::new();
        let program = if supervise.side == Side::Ours { ground.ours("supervise") } else { supervise };
        let service = ground.service("web");
        service.put("no-setsid", "");
        let mut supervised = Supervised::start(&program.file, &service);
        until(&service, "it is up", |pid, _, _| pid != 0);
        assert_eq!(ground.say("svc --remove web"), Ended::with(0, ".web\n", ""), "{program:?}");
        supervised.wait_for_end();
    }
}
