//! What happens all the time keeps no one from ending in time, and what a program does itself does not wake it.

use crate::ground::Ground;
use crate::run::{Ended, Running, has_ended_within};
use crate::service::{Service, replace};
use crate::status::Status;
use crate::support::waiting::{PATIENCE, look_until};
use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use std::fs;
use std::os::unix::net::UnixListener;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Hundredths of a second of processor time that a program has had (proc(5), /proc/PID/stat, fields 14 and 15).
fn processor_time(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    fields.split(' ').skip(14 - 3).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
}

/// Asserts that it sleeps, and does so on its own: for a while it has next to nothing to do.
#[track_caller]
fn assert_idle(running: &Running, what: &str) {
    running.wait_for_sleep();
    let before = (running.sleeps(), processor_time(running.child.id()));
    assert!(!has_ended_within(&running.child, Duration::from_millis(300)), "{what}");
    let after = (running.sleeps(), processor_time(running.child.id()));
    assert_eq!(after, before, "{what}");
}

/// For a program that opens it, that is an event in its own watch.
#[test]
fn what_is_no_fifo_wakes_nobody() {
    let ground = Ground::new();
    let service = ground.service("web");
    for what in ["a file", "a socket", "a file of two names"] {
        fs::create_dir_all(service.file("supervise")).unwrap();
        let ok = service.file("supervise/ok");
        match what {
            "a file" => fs::write(ok, "").unwrap(),
            "a socket" => drop(UnixListener::bind(ok).unwrap()),
            _ => {
                service.put("target", "");
                fs::hard_link(service.file("target"), ok).unwrap();
            }
        }
        let late = "svwait: fatal: unable to wait until web is up: timed out\n";
        assert_eq!(ground.say("svwait --appear -t 0.2 web"), Ended::with(99, "", late), "{what}");
        let svwait = ground.start("svwait --appear web");
        let svstat = [ground.start("svstat --watch web"), ground.start("svstat --json --watch web")];
        assert_idle(&svwait, what);
        for svstat in &svstat {
            assert_idle(svstat, what);
        }
        // others who look do not wake it either
        let sleeps = svwait.sleeps();
        for line in ["svok web", "svstat web", "svwait -d web", "svup web", "svc -u web"] {
            ground.say(line);
        }
        // which the reference's tools do by opening it
        for program in ["svok", "svstat"].iter().flat_map(|name| ground.both(name)) {
            ground.run(&program, &["web"]);
        }
        svwait.wait_for_sleep();
        assert_eq!(svwait.sleeps(), sleeps, "{what}");
        // and what takes its place is noticed
        fs::remove_dir_all(service.file("supervise")).unwrap();
        let service = ground.service("web").supervised(&Status::up(7));
        assert_eq!(svwait.finish(), Ended::silent(0), "{what}");
        service.end();
        fs::remove_dir_all(service.file("supervise")).unwrap();
    }
}

/// An open may be an act: a tape is wound back by it.
#[test]
fn what_is_no_fifo_is_not_opened() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    service.end();
    let seen = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).unwrap();
    for name in ["supervise/ok", "supervise/control"] {
        fs::remove_file(service.file(name)).unwrap();
        service.put(name, "");
        seen.add_watch(&service.file(name), AddWatchFlags::IN_OPEN).unwrap();
    }
    for line in ["svok web", "svup web", "svstat web", "svc -u web", "svwait web", "svwait --appear -t 0.1 web"] {
        ground.say(line);
        assert_eq!(seen.read_events().unwrap_err(), Errno::EAGAIN, "{line}");
    }
}

/// Runs `act` while files of a service are written without a pause: those that matter, and others.
fn in_a_flood<T>(service: &Service, act: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    let bytes = Status::down().bytes();
    let [status, info, other] = ["status", "info", "other"].map(|name| service.file("supervise").join(name));
    let write = || {
        while !is_over.load(Ordering::Relaxed) {
            replace(&status, &bytes);
            fs::write(&status, &bytes).unwrap();
            fs::write(&info, "version=1\n").unwrap();
            fs::write(&other, "other").unwrap();
        }
    };
    thread::scope(|scope| {
        scope.spawn(write);
        let outcome = catch_unwind(AssertUnwindSafe(act));
        is_over.store(true, Ordering::Relaxed);
        outcome.unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The same service under many names: by the time that all have been looked at, something has happened again.
#[test]
fn a_limit_holds_whatever_happens_meanwhile() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let names = " web".repeat(1000);
    let assert_late = |line: &str| {
        let start = Instant::now();
        let ended = ground.say(&format!("{line}{names}"));
        let ours =
            ended.stderr.lines().filter(|line| line.ends_with(": fatal: unable to wait until web is up: timed out"));
        assert_eq!((ended.code, ours.count()), (99, 1000), "{line}");
        assert!(start.elapsed() >= Duration::from_millis(300), "{line}");
    };
    in_a_flood(&service, || {
        for line in ["svwait -t 0.3", "svwait -o -t 0.3", "svc --wait=up,0.3"] {
            assert_late(line);
        }
    });
    // and where it is a supervise that is waited for
    service.end();
    in_a_flood(&service, || assert_late("svwait --appear -t 0.3"));
}

#[test]
fn a_lost_reader_is_noticed_whatever_happens_meanwhile() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let mut command = ground.line("svstat --json --watch web");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    crate::run::wait_for_sleep(&child);
    in_a_flood(&service, || {
        drop(child.stdout.take());
        assert!(has_ended_within(&child, PATIENCE));
    });
    assert_eq!(crate::run::code(child.wait().unwrap()), 0);
}

#[test]
fn what_is_reached_within_a_flood_is_noticed() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let other = ground.service("other").supervised(&Status::down());
    in_a_flood(&service, || {
        let svwait = ground.start("svwait -o web other");
        look_until("it looks", || processor_time(svwait.child.id()) > 0 || !svwait.is_running());
        assert!(svwait.is_running());
        other.status(&Status::up(7));
        assert_eq!(svwait.finish(), Ended::silent(0));
    });
}
