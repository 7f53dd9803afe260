//! daemontools' supervise, told by daemontools' svc and by ours, and looked at by both: every command, and the lines that
//! come of it.

use crate::ground::Ground;
use crate::run::{Ended, Program, Side};
use crate::service::Service;
use crate::supervised::{Supervised, until};
use crate::support::peer;
use crate::support::waiting::look_until;

/// The line of the one svstat and of the other, both of the same second.
#[track_caller]
fn same_line(ground: &Ground, name: &str) -> String {
    let programs = ground.both("svstat");
    let mut found = String::new();
    look_until("all lines are of one second", || {
        let lines: Vec<Ended> = programs.iter().map(|program| ground.run(program, &[name])).collect();
        assert!(lines.iter().all(|line| line.code == 0 && line.stderr.is_empty()), "{lines:?}");
        found = lines[0].stdout.clone();
        // only the seconds may differ, and not for long
        lines.iter().all(|line| line.stdout == found)
    });
    let words: Vec<&str> = found.split(' ').collect();
    let is_number = |word: &&str| word.parse::<u64>().is_ok();
    words.into_iter().map(|word| if is_number(&word) { "S" } else { word }).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn tell(ground: &Ground, svc: &Program, options: &[&str]) {
    let words = [options, &["web"]].concat();
    assert_eq!(ground.run(svc, &words), Ended::silent(0), "{svc:?} {words:?}");
}

#[track_caller]
fn up(service: &Service) -> u32 {
    until(service, "it is up", |pid, _, _| pid != 0)
}

/// Here and there the same.
#[test]
fn every_command_of_the_reference_does_what_it_says() {
    every_command_does_what_it_says(Side::Reference);
}

#[test]
fn every_command_of_ours_does_what_it_says() {
    every_command_does_what_it_says(Side::Ours);
}

fn every_command_does_what_it_says(side: Side) {
    let Some(supervise) = peer("supervise") else { return };
    let ground = Ground::new();
    if let Some(svc) = ground.both("svc").into_iter().find(|svc| svc.side == side) {
        let service = ground.service("web");
        let mut supervised = Supervised::start(&supervise, &service);
        let mut pid = up(&service);
        supervised.hear("up");
        assert_eq!(same_line(&ground, "web"), format!("web: up (pid {pid}) S seconds\n"));

        for (letter, signal) in [("-h", "HUP"), ("-a", "ALRM"), ("-i", "INT")] {
            tell(&ground, &svc, &[letter]);
            supervised.hear(signal);
        }
        tell(&ground, &svc, &["-p"]);
        until(&service, "it is paused", |_, paused, _| paused == 1);
        assert_eq!(same_line(&ground, "web"), format!("web: up (pid {pid}) S seconds, paused\n"));
        // one that is stopped hears nothing until it goes on
        tell(&ground, &svc, &["-h"]);
        tell(&ground, &svc, &["-c"]);
        supervised.hear("HUP");
        until(&service, "it goes on", |_, paused, _| paused == 0);

        for letter in ["-t", "-k"] {
            tell(&ground, &svc, &[letter]);
            let before = pid;
            pid = until(&service, "it is started again", |pid, _, _| pid != 0 && pid != before);
            supervised.hear("up");
        }
        tell(&ground, &svc, &["-o"]);
        until(&service, "it is not wanted again", |_, _, want| want == 0);
        assert_eq!(same_line(&ground, "web"), format!("web: up (pid {pid}) S seconds\n"));
        tell(&ground, &svc, &["-k"]);
        until(&service, "it is down", |pid, _, _| pid == 0);
        assert_eq!(same_line(&ground, "web"), "web: down S seconds, normally up\n");

        tell(&ground, &svc, &["-u"]);
        up(&service);
        supervised.hear("up");
        tell(&ground, &svc, &["-d"]);
        supervised.hear("TERM");
        until(&service, "it is down", |pid, _, want| pid == 0 && want == b'd');
        service.put("down", "");
        assert_eq!(same_line(&ground, "web"), "web: down S seconds\n");
        tell(&ground, &svc, &["-u"]);
        pid = up(&service);
        supervised.hear("up");
        assert_eq!(same_line(&ground, "web"), format!("web: up (pid {pid}) S seconds, normally down\n"));

        // in its order: the exit waits for the end that the other brings
        tell(&ground, &svc, &["-dx"]);
        supervised.hear("TERM");
        supervised.wait_for_end();
        for svstat in ground.both("svstat") {
            assert_eq!(ground.run(&svstat, &["web"]), Ended::with(0, "web: supervise not running\n", ""));
        }
        for svok in ground.both("svok") {
            assert_eq!(ground.run(&svok, &["web"]), Ended::silent(100));
        }
    }
}

/// TERM and CONT, or `u` if it is down: the reference's supervise does not know the letter that ours has.
#[test]
fn a_restart_ends_and_starts_anew_what_the_reference_supervises() {
    let Some(supervise) = peer("supervise") else { return };
    let ground = Ground::new();
    let service = ground.service("web");
    // of an earlier supervise of ours, which is gone
    service.put("down", "");
    service.prepare().replace("info", "version=1\npid=0\nsupervise=1\nsupervise_starttime=18446744073709551615\n");
    let supervised = Supervised::start(&supervise, &service);
    assert_eq!(ground.say("svc --restart --wait=up web"), Ended::silent(0));
    supervised.hear("up");
    let before = until(&service, "it is up", |pid, _, want| pid != 0 && want == b'u');
    assert_eq!(ground.say("svc --restart --wait=ready,50 web"), Ended::silent(0));
    supervised.hear("TERM");
    supervised.hear("up");
    let after = until(&service, "it is up", |pid, _, _| pid != 0);
    assert_ne!(before, after);
    assert_eq!(ground.say("svc -du --wait=up web"), Ended::silent(0));
    assert_ne!(after, until(&service, "it is up", |pid, _, _| pid != 0));
    assert_eq!(ground.say("svc -dx --wait=down web"), Ended::silent(0));
}

#[test]
fn waiting_for_what_the_reference_supervises() {
    let Some(supervise) = peer("supervise") else { return };
    let ground = Ground::new();
    let service = ground.service("web");
    service.put("down", "");
    let waiting = ground.start("svwait --appear web");
    waiting.wait_for_sleep();
    let mut supervised = Supervised::start(&supervise, &service);
    assert_eq!(ground.say("svwait -d web"), Ended::silent(0));
    assert_eq!(
        ground.say("svwait -t 0 web"),
        Ended::with(99, "", "svwait: fatal: unable to wait until web is up: timed out\n")
    );
    assert!(waiting.is_running());
    assert_eq!(ground.say("svup web"), Ended::silent(100));
    ground.say("svc -u web");
    assert_eq!(waiting.finish(), Ended::silent(0));
    assert_eq!(ground.say("svup web"), Ended::silent(0));
    // nobody says there whether it is ready
    assert_eq!(ground.say("svwait -r web"), Ended::silent(0));
    let waiting = ground.start("svwait -d web");
    waiting.wait_for_sleep();
    ground.say("svc -dx web");
    assert_eq!(waiting.finish(), Ended::silent(0));
    supervised.wait_for_end();
}

#[test]
fn a_supervise_of_the_reference_that_is_killed_ends_the_wait() {
    let Some(supervise) = peer("supervise") else { return };
    let ground = Ground::new();
    let service = ground.service("web");
    service.put("down", "");
    let supervised = Supervised::start(&supervise, &service);
    let waiting = ground.start("svwait -r web");
    waiting.wait_for_sleep();
    drop(supervised);
    let said = "svwait: fatal: unable to wait until web is ready: supervise not running\n";
    assert_eq!(waiting.finish(), Ended::with(102, "", said));
}
