//! A service whose supervise has been killed, or has let go of it, and the next supervise: it goes on with what runs.

use crate::kept::Start;
use crate::recorder::{is_alive, made_at, state};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::Path;

/// Kills the first supervise and starts a second one.
#[track_caller]
fn succeed<'a>(first: &mut Supervised<'a>) -> Supervised<'a> {
    first.settle();
    first.send(Signal::SIGKILL);
    first.kept.code();
    let mut second = first.service.supervise(&Suite::ours());
    second.settle();
    second
}

/// A service that is up, and its process.
fn running(service: &Service) -> (Supervised<'_>, Pid) {
    let mut first = service.supervise(&Suite::ours());
    let run = first.expect("run started");
    first.until("up", |status| status.pid() == run);
    (first, run)
}

/// There is no second one. What it says still goes to where the first supervise has had its output.
#[test]
fn a_service_that_was_let_go_or_whose_supervise_was_killed_goes_on() {
    together(&[Signal::SIGQUIT, Signal::SIGKILL], |&signal| {
        let service = Service::new().with("stubborn", "");
        let (mut first, run) = running(&service);
        let before = service.status();
        first.settle();
        first.send(signal);
        first.kept.code();

        let mut second = service.supervise(&Suite::ours());
        second.settle();
        assert_eq!(service.status(), before, "{signal}");
        assert_eq!(service.info()["pid"], run.to_string());
        assert_eq!(service.info()["supervise"], second.pid().to_string());
        for (command, heard) in [("h", "run HUP"), ("1", "run USR1"), ("+i", "run INT")] {
            second.tell(command);
            assert_eq!(first.expect(heard), run);
        }
        second.tell("d");
        first.expect("run TERM");
        first.expect("run CONT");
        second.until_shown("up d");
        second.tell("u");
        second.until_shown("up u");
        kill(run, Signal::SIGKILL).unwrap();
        let successor = second.expect("run started");
        second.until("its status", |status| status.pid() == successor);
        assert_eq!(service.info()["restarts"], "1");
        second.finish();
        // all that came of the first has ended
        first.kept.wait_for_all();
    });
}

/// Its start was the first supervise's, but that is no reason to start the next one sooner.
#[test]
fn the_successor_of_an_adopted_service_is_not_started_within_a_second() {
    let service = Service::new();
    let (mut first, run) = running(&service);
    let made = made_at(run).unwrap();
    let mut second = succeed(&mut first);
    first.end(run, 0);
    let successor = second.expect("run started");
    let gap = made_at(successor).unwrap() - made;
    assert!(gap >= 99, "{gap}");
    second.finish();
}

#[test]
fn what_was_wanted_is_still_wanted() {
    together(&["o", "d", "p", "op"], |commands| {
        let service = Service::new().with("stubborn", "");
        let (mut first, run) = running(&service);
        first.tell(commands);
        let before = service.status();
        let mut second = succeed(&mut first);
        assert_eq!(service.status(), before, "{commands}");
        if commands.contains('p') {
            assert_eq!(state(run), Some('T'), "{commands}");
            second.tell("c");
            first.expect("run CONT");
        }
        if *commands == "d" {
            first.expect("run TERM");
            first.expect("run CONT");
        }
        first.expect_silence_of(run);
        first.end(run, 0);
        match *commands {
            "o" | "op" => drop(second.until_shown("down -")),
            "d" => drop(second.until_shown("down d")),
            _ => drop(second.expect("run started")),
        }
        second.finish();
    });
}

/// A file `down` is for a start, and this is none.
#[test]
fn down_does_not_end_what_runs() {
    let service = Service::new();
    let (mut first, run) = running(&service);
    service.put("down", "");
    let mut second = succeed(&mut first);
    assert!(is_alive(run));
    assert_eq!(service.status().shown(), "up u");
    second.write("dx");
    first.expect("run TERM");
    assert_eq!(second.rest(), (0, String::new()));
}

#[test]
fn a_signal_to_the_second_supervise_ends_the_service() {
    let service = Service::new();
    let (mut first, _) = running(&service);
    let mut second = succeed(&mut first);
    second.send(Signal::SIGTERM);
    first.expect("run TERM");
    assert_eq!(second.rest(), (0, String::new()));
    assert_eq!(service.status().shown(), "down d");
}

#[test]
fn exit_waits_for_the_end_of_an_adopted_service() {
    let service = Service::new();
    let (mut first, run) = running(&service);
    let mut second = succeed(&mut first);
    second.tell("x");
    first.expect_silence_of(run);
    assert!(second.kept.is_running());
    first.end(run, 0);
    assert_eq!(second.rest(), (0, String::new()));
}

/// A script is not run twice either, and what follows it follows.
#[test]
fn scripts_are_adopted_too() {
    together(&["start", "stop", "finish"], |script| {
        let service = Service::new().recording(script);
        let mut first = service.supervise(&Suite::ours());
        if *script != "start" {
            let run = first.expect("run started");
            first.until("up", |status| status.pid() == run);
            first.tell("o");
            first.end(run, 0);
        }
        let event = first.event();
        assert_eq!(event.who, *script);
        first.until("the script", |status| status.pid() == event.pid);
        let before = service.status();
        let mut second = succeed(&mut first);
        assert_eq!(service.status(), before, "{script}");
        first.expect_silence_of(event.pid);
        second.tell("u");
        first.end(event.pid, 0);
        // after an end by `stop` and `finish` everything begins anew; how `start` has ended nobody can know
        let next = second.event();
        assert_eq!(next.what, "started", "{script}");
        assert_eq!(next.who, "run", "{script}");
        service.put(&format!("{script}.exits"), "0");
        second.until("up", |status| status.pid() == next.pid);
        second.finish();
        first.kept.wait_for_all();
    });
}

/// And again, by whoever comes next.
#[test]
fn a_service_can_be_adopted_many_times() {
    let service = Service::new();
    let (mut first, run) = running(&service);
    let mut last = succeed(&mut first);
    for _ in 0..5 {
        let next = succeed(&mut last);
        assert_eq!(service.status().pid(), run);
        last = next;
    }
    last.tell("h");
    first.expect("run HUP");
    first.expect_silence_of(run);
    last.write("dx");
    first.expect("run TERM");
    assert_eq!(last.rest(), (0, String::new()));
}

#[test]
fn what_has_ended_meanwhile_is_not_adopted() {
    let service = Service::new();
    let (mut first, run) = running(&service);
    first.settle();
    first.send(Signal::SIGKILL);
    first.kept.code();
    kill(run, Signal::SIGKILL).unwrap();
    first.kept.wait_for_all();
    // nobody has written that it has ended
    assert_eq!(service.status().pid(), run);
    let mut second = service.supervise(&Suite::ours());
    let next = second.expect("run started");
    second.until("its status", |status| status.pid() == next);
    second.send(Signal::SIGKILL);
    second.kept.code();
    kill(next, Signal::SIGKILL).unwrap();
    look_until("it has ended", || !is_alive(next));
    service.put("down", "");
    let mut third = service.supervise(&Suite::ours());
    third.settle();
    assert_eq!(third.status().shown(), "down d");
    third.finish();
}

/// svscan says x to a logger's supervise, and closes the pipe, as soon as that has its FIFO: what was left of the logger has
/// ended of it before anybody could go on with it, and is not started once more.
#[test]
fn what_has_ended_meanwhile_is_not_started_by_a_supervise_that_has_been_told_to_exit() {
    let service = Service::new();
    let (mut first, run) = running(&service);
    first.settle();
    let fifo = std::fs::File::options().read(true).write(true).open(service.at("supervise/control")).unwrap();
    first.send(Signal::SIGKILL);
    first.kept.code();
    kill(run, Signal::SIGKILL).unwrap();
    first.kept.wait_for_all();
    nix::unistd::write(&fifo, b"x").unwrap();
    let mut second = service.start(&Suite::ours()).go();
    assert_eq!(second.code(), 0);
    assert_eq!(second.voice.rest(), "", "nothing was started");
}

/// The process of that number is somebody else's now: it was made at another time.
#[test]
fn a_stranger_with_the_same_number_is_not_adopted() {
    let service = Service::new().with("down", "");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.settle();
    let status = service.status();
    supervised.finish();
    let mut stranger = Start::new(Path::new("/bin/sleep")).word("1000").go();
    let pid = stranger.pid();
    let mut bytes = status.0.clone();
    bytes[12..16].copy_from_slice(&pid.as_raw().to_le_bytes());
    std::fs::write(service.at("supervise/status"), &bytes).unwrap();
    let made = made_at(pid).unwrap() - 1;
    let info = format!("version=1\npid={pid}\npid_starttime={made}\nsupervise=1\nsupervise_starttime=1\nprogram=run\n");
    std::fs::write(service.at("supervise/info"), info).unwrap();
    let mut supervised = service.supervise(&Suite::ours());
    supervised.settle();
    assert_eq!(service.status().shown(), "down d");
    // and gets no signal
    supervised.tell("tkd");
    supervised.finish();
    assert!(stranger.is_running());
}
