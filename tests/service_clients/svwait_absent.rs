//! svwait where no supervise runs: none that ever did, one that has ended, and one that has left its service running.

use crate::ground::Ground;
use crate::run::{Ended, Running, run, start};
use crate::service::{boot, info, own_identity};
use crate::status::{FAILED, Status, now};
use crate::supervised::{Supervised, until};
use crate::support::waiting::look_until;
use crate::support::{peer, write_script};
use crate::svwait::codes;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

#[track_caller]
fn still(waiting: &Running) {
    waiting.wait_for_sleep();
    assert!(waiting.is_running());
}

fn none_for(name: &str) -> String {
    format!("svwait: fatal: no supervise runs for {name}\n")
}

/// Nothing is waited for in silence that may never come.
#[test]
fn without_supervise_a_service_is_down_and_not_waited_for() {
    let ground = Ground::new();
    let service = ground.service("web");
    let assert_unsupervised = |what: &str| {
        assert_eq!(codes(&ground), [111, 0, 111], "{what}");
        // not because of the limit
        for options in ["", "-u", "-r", "-o", "-t 1000"] {
            assert_eq!(ground.say(&format!("svwait {options} web")), Ended::with(111, "", &none_for("web")), "{what}");
        }
        for options in ["", "-r"] {
            assert_eq!(ground.say(&format!("svwait --appear -t 0 {options} web")).code, 99, "{what}");
        }
        assert_eq!(ground.say("svwait --appear -d web"), Ended::silent(0), "{what}");
    };
    assert_unsupervised("without a directory");
    service.prepare();
    assert_unsupervised("without a status");
    // whatever an earlier one has left
    service.status(&Status::up(7));
    assert_unsupervised("with a status");
    service.status(&Status::with_phase(0, b'd', FAILED));
    assert_unsupervised("with a failure");
    fs::remove_file(service.file("supervise/ok")).unwrap();
    service.put("supervise/ok", "");
    assert_unsupervised("with a file that is no FIFO");
}

#[test]
fn of_several_services_one_without_supervise_is_one_that_fails() {
    let ground = Ground::new();
    let web = ground.service("web").supervised(&Status::down());
    ground.service("never");
    assert_eq!(ground.say("svwait web never"), Ended::with(111, "", &none_for("never")));
    // out of the race, and the other one is waited for
    let waiting = ground.start("svwait -o never web");
    still(&waiting);
    web.status(&Status::up(7));
    assert_eq!(waiting.finish(), Ended::silent(0));
    assert_eq!(ground.say("svwait web never"), Ended::with(111, "", &none_for("never")));
    web.end();
    let said = none_for("never") + &none_for("web");
    assert_eq!(ground.say("svwait -o never web"), Ended::with(111, "", &said));
    // those that have come are in it
    let waiting = ground.start("svwait --appear web never");
    still(&waiting);
    web.status(&Status::up(7)).begin();
    still(&waiting);
    let never = ground.service("never").supervised(&Status::down());
    still(&waiting);
    never.end();
    let said = "svwait: fatal: unable to wait until never is up: supervise not running\n";
    assert_eq!(waiting.finish(), Ended::with(102, "", said));
}

#[test]
fn a_service_of_s6_cannot_be_waited_for() {
    let ground = Ground::new();
    let service = ground.service("web");
    fs::create_dir(service.file("event")).unwrap();
    for (options, goal) in [("", "up"), ("-d", "down"), ("--appear -r", "ready")] {
        let said = format!("svwait: fatal: unable to wait until web is {goal}: not a daemontools service (s6)\n");
        assert_eq!(ground.say(&format!("svwait {options} web")), Ended::with(111, "", &said));
    }
}

/// A program that sleeps, and is killed when the test is over.
struct Sleeper(Child);

impl Sleeper {
    fn start() -> Self {
        Self(Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap())
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// When the kernel started it (proc(5), /proc/PID/stat, field 22).
    fn started(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(22 - 3).unwrap().parse().unwrap()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn waiting_for(pid: u32) -> String {
    format!("svwait: warning: no supervise runs for web: waiting for the end of process {pid}\n")
}

/// By the files that a killed supervise has left. The test has started the process, and not that supervise.
#[test]
fn a_process_counts_by_its_number_and_its_start() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.prepare();
    let (own, own_start) = own_identity();
    let files = |pid: u32, text: String, status: &Status| {
        service.status(status).replace("info", text);
        let ended = ground.say("svwait -d -t 0 web");
        let late = "svwait: fatal: unable to wait until web is down: timed out\n";
        match ended.code {
            0 => assert_eq!(ended, Ended::silent(0)),
            _ => assert_eq!(ended, Ended::with(99, "", &(waiting_for(pid) + late))),
        }
        ended.code
    };
    let sleeper = Sleeper::start();
    let (pid, start, began) = (sleeper.pid(), sleeper.started(), now());
    let written = |pid: u32, start: u64| {
        info(pid, own, own_start, &format!("pid_starttime={start}\nrestarts=0\nstate=running\n"))
    };
    let long_ago = Status::up(pid).since(began - 1000, 0);
    assert_eq!(files(pid, written(pid, start), &long_ago), 99, "the process");
    assert_eq!(files(pid, written(pid, start + 1), &long_ago), 99, "within the tolerance");
    // killed between the two files
    assert_eq!(
        files(pid, written(pid, start), &Status::down().since(began - 1000, 0)),
        99,
        "that status does not know yet"
    );
    assert_eq!(files(pid, written(pid, start + 500), &long_ago), 0, "another one by its start");
    assert_eq!(files(pid, written(pid, start - 500), &long_ago), 0, "another one by its start");
    let other_boot = written(pid, start).replace(&format!("boot={}", boot()), "boot=5");
    assert_eq!(files(pid, other_boot, &long_ago), 0, "of another start of the machine");
    assert_eq!(files(pid, written(0, 0), &Status::down()), 0, "none");
    assert_eq!(files(pid, String::new(), &Status::up(i32::MAX.unsigned_abs())), 0, "no process");
    assert_eq!(files(pid, String::new(), &Status::up(u32::MAX)), 0, "no number of a process");
    // where nobody has written `info`: by the clock of the day
    for (status, expected) in [
        (Status::up(pid).since(began, 0), 99),
        (Status::classic(pid, b'u').since(began - 2, 0), 99),
        (Status::classic(pid, b'd').since(began + 2, 0), 99),
        (Status::classic(pid, b'u').since(began - 60, 0), 0),
        (Status::classic(pid, b'u').since(began + 60, 0), 0),
    ] {
        assert_eq!(files(pid, String::new(), &status), expected, "{status:?}");
    }
    // one that has ended, and is still to be waited for, runs no more
    service.status(&long_ago).replace("info", written(pid, start));
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGKILL).unwrap();
    assert_eq!(ground.say("svwait -d web").code, 0);
    assert_eq!(ground.say("svwait -d web"), Ended::silent(0));
}

/// A service that stays when its supervise is killed: it has a session of its own, or none if that is a matter of the supervise.
fn killed(supervise: &Path, ground: &Ground) -> (Supervised, u32) {
    let service = ground.service("web");
    write_script(&service.file("run"), "#!/bin/sh\nexec sleep 1000\n");
    service.put("no-setsid", "");
    let mut supervised = Supervised::start(supervise, &service);
    let pid = until(&service, "it is up", |pid, _, _| pid != 0);
    supervised.kill_alone();
    (supervised, pid)
}

fn end(pid: u32) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), Signal::SIGTERM).unwrap();
}

#[test]
fn a_killed_supervise_leaves_a_service_that_is_not_down() {
    let ground = Ground::new();
    let reference = peer("supervise");
    for supervise in [Some(ground.ours("supervise").file), reference, peer("runsv")].into_iter().flatten() {
        let (_supervised, pid) = killed(&supervise, &ground);
        assert_eq!(ground.say("svwait web"), Ended::with(111, "", &none_for("web")));
        assert_eq!(ground.say("svwait -d -t 0.05 web").code, 99, "{supervise:?}");
        let [svwait, svc] = ["svwait -d web", "svc -d --wait=down web"].map(|line| ground.start(line));
        for waiting in [&svwait, &svc] {
            look_until("the process is named", || waiting.said().contains("waiting for the end of process"));
            still(waiting);
        }
        end(pid);
        assert_eq!(svwait.finish(), Ended::with(0, "", &waiting_for(pid)));
        let said = format!(
            "svc: warning: unable to control web: supervise not running\n{}",
            waiting_for(pid).replace("svwait", "svc")
        );
        assert_eq!(svc.finish(), Ended::with(0, "", &said));
        assert_eq!(ground.say("svwait -d web"), Ended::silent(0));
        fs::remove_dir_all(ground.at("web")).unwrap();
    }
}

#[test]
fn a_supervise_that_is_killed_in_the_wait_does_not_end_it() {
    let ground = Ground::new();
    let supervise = ground.ours("supervise").file;
    let service = ground.service("web");
    write_script(&service.file("run"), "#!/bin/sh\nexec sleep 1000\n");
    service.put("no-setsid", "");
    let mut supervised = Supervised::start(&supervise, &service);
    let pid = until(&service, "it is up", |pid, _, _| pid != 0);
    let waiting = ground.start("svwait -d web");
    still(&waiting);
    supervised.kill_alone();
    look_until("the process is named", || waiting.said().contains("waiting for the end of process"));
    still(&waiting);
    // nothing is done until it ends
    let sleeps = waiting.sleeps();
    assert!(!crate::run::has_ended_within(&waiting.child, Duration::from_millis(300)));
    assert_eq!(waiting.sleeps(), sleeps);
    // one that takes it over is asked from then on
    let second = start(Command::new(&supervise).arg(service.path()));
    look_until("there is another supervise", || ground.say("svok web").code == 0);
    still(&waiting);
    assert_eq!(run(&mut ground.line("svc -dx web")), Ended::silent(0));
    assert_eq!(waiting.finish(), Ended::with(0, "", &waiting_for(pid)));
    assert_eq!(second.finish().code, 0);
}
