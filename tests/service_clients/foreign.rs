//! Services of others: runit's runsv, which our tools can drive, and s6-supervise, which they tell apart.

use crate::ground::Ground;
use crate::run::Ended;
use crate::status::{FUTURE, Status};
use crate::supervised::{Supervised, until};
use crate::support::waiting::look_until;
use crate::support::{peer, write_script};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

#[test]
fn a_service_of_runit_is_told_and_waited_for() {
    let Some(runsv) = peer("runsv") else { return };
    let ground = Ground::new();
    let service = ground.service("web");
    let mut supervised = Supervised::start(&runsv, &service);
    supervised.hear("up");
    assert_eq!(ground.say("svwait web"), Ended::silent(0));
    let pid = until(&service, "it is up", |pid, _, _| pid != 0);
    // its byte 18 is no phase
    let line = ground.say("svstat --encore web").stdout;
    assert!(line.starts_with(&format!("web: up (pid {pid}) ")) && line.ends_with(" seconds\n"), "{line}");
    for (letter, signal) in [("-h", "HUP"), ("-a", "ALRM"), ("-q", "QUIT"), ("-1", "USR1"), ("-2", "USR2")] {
        assert_eq!(ground.say(&format!("svc {letter} web")), Ended::silent(0));
        supervised.hear(signal);
    }
    assert_eq!(ground.say("svc -p web"), Ended::silent(0));
    until(&service, "it is paused", |_, paused, _| paused == 1);
    let line = ground.say("svstat web").stdout;
    assert!(line.ends_with(" seconds, paused\n"), "{line}");
    assert_eq!(ground.say("svc -c web"), Ended::silent(0));
    until(&service, "it goes on", |_, paused, _| paused == 0);
    assert_eq!(ground.say("svc -d --wait=down web"), Ended::silent(0));
    let line = ground.say("svstat web").stdout;
    assert!(line.starts_with("web: down ") && line.ends_with(" seconds, normally up\n"), "{line}");
    assert_eq!(ground.say("svc --restart --wait=up web"), Ended::silent(0));
    assert_eq!(ground.say("svc -x --wait=down web"), Ended::silent(0));
    supervised.wait_for_end();
}

/// runsv writes that it has sent TERM where daemontools-encore has a phase; the reference does not look.
#[test]
fn a_term_that_runit_has_sent_is_told() {
    let ground = Ground::new();
    let cases: [(&[u8], u32, &str, &str); 7] = [
        (&[1, 1], 7, "up (pid 7) 0 seconds, want down, got TERM", "up (pid 7) 0 seconds, want down"),
        (&[1, 2], 7, "up (pid 7) 0 seconds, want down, got TERM", "up (pid 7) 0 seconds, want down"),
        (&[0, 1], 7, "up (pid 7) 0 seconds, want down", "up (pid 7) 0 seconds, want down"),
        (&[0, 2], 7, "up (pid 7) 0 seconds, want down", "up (pid 7) 0 seconds, want down"),
        // daemontools-encore's, and ours
        (&[1, 0], 7, "up (pid 7) 0 seconds, want down", "up (pid 7) 0 seconds, want down"),
        (&[4, 1], 7, "up (pid 7) 0 seconds, want down", "up (pid 7) 0 seconds, want down"),
        (&[0, 0], 0, "down 0 seconds, normally up", "down 0 seconds, normally up"),
    ];
    for (rest, pid, ours, reference) in cases {
        let status = Status::classic(pid, b'd').ending(rest).since(FUTURE, 5);
        let _service = ground.service("web").supervised(&status);
        for svstat in ground.both("svstat") {
            let line = if svstat.side == crate::run::Side::Ours { ours } else { reference };
            assert_eq!(ground.run(&svstat, &["web"]), Ended::with(0, &format!("web: {line}\n"), ""), "{rest:?}");
        }
    }
}

#[test]
fn a_service_of_s6_is_named_as_such() {
    let Some(supervise) = peer("s6-supervise") else { return };
    let ground = Ground::new();
    let service = ground.service("web");
    service.put("down", "");
    write_script(&service.file("run"), "#!/bin/sh\nexec sleep 1000\n");
    let mut command = Command::new(supervise);
    command.arg(service.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().unwrap();
    look_until("s6-supervise has begun", || service.file("supervise/status").exists());
    let seen = ground.say("svstat web");
    killpg(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGKILL).unwrap();
    child.wait().unwrap();
    assert_eq!(seen, Ended::with(0, "web: not a daemontools service (s6)\n", ""));
}

#[test]
fn what_tells_a_service_of_s6() {
    let ground = Ground::new();
    let s6 = "not a daemontools service (s6)";
    // by its directory for events, as long as there is no `ok`
    let service = ground.service("event");
    std::fs::create_dir(service.file("event")).unwrap();
    assert_eq!(ground.say("svstat event").stdout, format!("event: {s6}\n"));
    let service = service.supervised(&Status::up(7));
    assert_eq!(ground.say("svstat event").stdout, "event: up (pid 7) 0 seconds\n");
    // by the length of its status
    service.replace("status", [0; 35]);
    assert_eq!(ground.say("svstat event").stdout, format!("event: {s6}\n"));
    for length in [34, 36] {
        service.replace("status", [0; 36].split_at(length).0);
        let line = ground.say("svstat event").stdout;
        assert!(line.starts_with("event: down "), "{line}");
    }
    std::fs::remove_dir(service.file("event")).unwrap();
    service.replace("status", [0; 35]);
    assert_eq!(ground.say("svstat event").stdout, format!("event: {s6}\n"));
    assert_eq!(ground.say("svstat -q event"), Ended::silent(2));
}
