//! `svc --wait`: what has been commanded is waited for, and what was before is not taken for it. The test is the supervise.

use crate::ground::Ground;
use crate::run::Ended;
use crate::status::{FAILED, RUNNING, STARTING, STOPPING, Status};

fn unable(goal: &str, why: &str) -> String {
    format!("svc: fatal: unable to wait until web is {goal}: {why}\n")
}

#[test]
fn commands_are_sent_before_the_wait_begins() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let svc = ground.start("svc -dx --wait=down web");
    svc.wait_for_sleep();
    assert_eq!(service.commands(), "dx");
    assert!(svc.is_running());
    service.status(&Status::with_phase(7, b'd', STOPPING));
    svc.wait_for_sleep();
    service.status(&Status::down());
    assert_eq!(svc.finish(), Ended::silent(0));
}

#[test]
fn the_wait_ends_with_its_time_or_its_supervise() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    assert_eq!(ground.say("svc -d --wait=down,0.05 web"), Ended::with(99, "", &unable("down", "timed out")));
    assert_eq!(ground.say("svc --wait=ready,0 web"), Ended::silent(0));
    service.status(&Status::with_phase(7, b'u', STARTING));
    let svc = ground.start("svc -u --wait=ready web");
    svc.wait_for_sleep();
    assert!(svc.is_running());
    service.end();
    assert_eq!(svc.finish(), Ended::with(102, "", &unable("ready", "supervise not running")));
}

#[test]
fn a_service_that_nobody_supervises_is_down_and_will_not_be_up() {
    let ground = Ground::new();
    ground.service("web").prepare();
    ground.service("never");
    for (name, why) in [("web", "supervise not running"), ("never", "file does not exist")] {
        let warning = format!("svc: warning: unable to control {name}: {why}\n");
        for command in ["-d", "-dx", "-u", "--"] {
            assert_eq!(ground.say(&format!("svc --wait=down {command} {name}")), Ended::with(0, "", &warning));
            for goal in ["up", "ready", "up,5", "ready,0"] {
                let said = format!("{warning}svc: fatal: no supervise runs for {name}\n");
                let ended = ground.say(&format!("svc --wait={goal} {command} {name}"));
                assert_eq!(ended, Ended::with(111, "", &said), "{goal} {command}");
            }
        }
    }
}

/// The first service of several that cannot come to it ends the wait; the others have been told all the same.
#[test]
fn one_service_without_supervise_ends_the_wait_for_all() {
    let ground = Ground::new();
    let web = ground.service("web").supervised(&Status::down());
    ground.service("never");
    let said = "svc: warning: unable to control never: file does not exist\nsvc: fatal: no supervise runs for never\n";
    assert_eq!(ground.say("svc -u --wait=up web never"), Ended::with(111, "", said));
    assert_eq!(web.commands(), "u");
}

/// It is the service that is waited for, not its log.
#[test]
fn a_log_without_supervise_does_not_keep_from_waiting_for_the_service() {
    let ground = Ground::new();
    let web = ground.service("web").supervised(&Status::up(7));
    ground.service("web/log");
    let warning = "svc: warning: unable to control web/log: file does not exist\n";
    assert_eq!(ground.say("svc -Lu --wait=up web"), Ended::with(0, "", warning));
    web.end();
    let said = format!("{warning}svc: fatal: no supervise runs for web\n");
    assert_eq!(ground.say("svc -Lu --wait=up web"), Ended::with(111, "", &said));
}

#[test]
fn a_directory_that_cannot_be_told_is_not_waited_for() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    let said = "svc: warning: unable to chdir to nosuch: file does not exist\n";
    assert_eq!(ground.say("svc -d --wait=down nosuch web"), Ended::with(111, "", said));
    assert_eq!(service.commands(), "d");
    assert_eq!(ground.say("svc -d --wait=down"), Ended::silent(0));
}

/// After these the process that was up cannot be what is waited for.
#[test]
fn a_process_that_is_told_to_end_does_not_count_as_up() {
    let ground = Ground::new();
    let service = ground.service("web");
    let before = Status::up(7).since(1_000_000_000, 1);
    for options in ["--restart", "-du", "-k", "-+k", "-dxu"] {
        for (goal, after) in [
            ("up", Status::up(8)),
            ("ready", Status::up(8)),
            // the number may come again
            ("up", Status::up(7).since(1_000_000_000, 2)),
            ("up", Status::up(7).since(1_000_000_001, 1)),
        ] {
            let service = ground.service("web").supervised(&before);
            let svc = ground.start(&format!("svc {options} --wait={goal} web"));
            svc.wait_for_sleep();
            assert!(svc.is_running(), "{options}");
            // changes of what is wanted are none of the process
            service.status(&before.clone().paused());
            svc.wait_for_sleep();
            service.status(&Status::with_phase(0, b'u', 0));
            svc.wait_for_sleep();
            assert!(svc.is_running(), "{options}");
            service.status(&after);
            assert_eq!(svc.finish(), Ended::silent(0), "{options} {goal}");
        }
    }
    // what need not end it leaves it up
    let _service = service.supervised(&before);
    for options in ["-u", "-h", "-t", "-o", "-p", "--reload", "--"] {
        assert_eq!(ground.say(&format!("svc --wait=up {options} web")), Ended::silent(0), "{options}");
    }
}

#[test]
fn a_failure_before_the_command_is_no_failure_of_it() {
    let ground = Ground::new();
    let failed = |since: u32| Status::with_phase(0, b'd', FAILED).since(1_000_000_000, since);
    for options in ["-u", "-o", "--restart"] {
        let service = ground.service("web").supervised(&failed(1));
        let svc = ground.start(&format!("svc {options} --wait=up web"));
        svc.wait_for_sleep();
        assert!(svc.is_running(), "{options}");
        service.status(&Status::with_phase(8, b'u', STARTING));
        svc.wait_for_sleep();
        service.status(&failed(2));
        assert_eq!(svc.finish(), Ended::with(1, "", &unable("up", "it has failed")), "{options}");
    }
    // without a command that starts it, it stays what it is
    let service = ground.service("web").supervised(&failed(1));
    for options in ["--wait=up", "-h --wait=ready"] {
        assert_eq!(ground.say(&format!("svc {options} web")).code, 1);
    }
    assert_eq!(service.commands(), "h");
}

#[test]
fn all_services_are_waited_for() {
    let ground = Ground::new();
    let [web, mail] = ["web", "mail"].map(|name| ground.service(name).supervised(&Status::down()));
    let svc = ground.start("svc -u --wait=up web mail");
    svc.wait_for_sleep();
    mail.status(&Status::with_phase(8, b'u', RUNNING));
    svc.wait_for_sleep();
    assert!(svc.is_running());
    web.status(&Status::with_phase(7, b'u', RUNNING));
    assert_eq!(svc.finish(), Ended::silent(0));
    assert_eq!([web.commands(), mail.commands()], ["u", "u"]);
}
