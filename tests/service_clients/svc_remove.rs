//! `svc --remove`: a service is taken out of svscan's sight, ended, and its log after it. The test is the supervise here; whole
//! trees are in tests/svscan.

use crate::ground::Ground;
use crate::run::{Ended, Side};
use crate::status::Status;
use crate::supervised::{Supervised, until};
use crate::support::write_script;
use std::fs;
use std::os::unix::fs::symlink;

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
    assert_eq!(ground.say("svc --remove"), Ended::silent(0));
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
    assert_eq!(ground.say(&words), Ended::with(0, &format!(".a\n./.b\n.link\n{}\n", hidden.display()), ""));
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
    ground.service("other");
    let file = ground.at("file");
    fs::write(file, "").unwrap();
    let why = ": a service is removed by its name in the directory above\n";
    for (words, says) in [
        ("web", "unable to rename web to .web: file already exists\n".to_owned()),
        ("nosuch", "unable to chdir to nosuch: file does not exist\n".to_owned()),
        ("no/such", "unable to chdir to no/: file does not exist\n".to_owned()),
        ("file", "unable to chdir to file: not a directory\n".to_owned()),
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
    let log = ground.service("web/log").supervised(&Status::up(8));
    let svc = ground.start("svc --remove web");
    svc.wait_for_sleep();
    service.end_at(&ground.at(".web/supervise"));
    assert_eq!(log.next_commands(), "dx");
    log.end_at(&ground.at(".web/log/supervise"));
    // before that, it says once what it waits for
    let says = format!("svc: warning: waiting for web/log to end: {}\n", named(8));
    assert_eq!(svc.finish(), Ended::with(0, ".web\n", &says));
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
