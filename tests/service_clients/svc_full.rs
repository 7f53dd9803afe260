//! FIFOs that are full, because supervise has been stopped, and those that lose their reader.

use crate::ground::Ground;
use crate::run::Ended;
use crate::service::Service;
use crate::status::Status;
use crate::support::waiting::look_until;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::time::{Duration, Instant};

/// Fills the FIFO for commands with some that nobody knows.
fn fill(service: &Service) {
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let control = open(&service.file("supervise/control"), flags, Mode::empty()).unwrap();
    loop {
        match nix::unistd::write(&control, &[b'.'; 4096]) {
            Ok(count) => assert_eq!(count, 4096),
            Err(reason) => break assert_eq!(reason, Errno::EAGAIN),
        }
    }
}

/// The reference would wait for ever.
#[test]
fn a_full_fifo_is_given_up_after_five_seconds_and_the_next_service_is_told() {
    let ground = Ground::new();
    let stopped = ground.service("stopped").supervised(&Status::up(7));
    let web = ground.service("web").supervised(&Status::up(7));
    fill(&stopped);
    let start = Instant::now();
    let ended = ground.say("svc -dx stopped web");
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(ended, Ended::with(0, "", "svc: warning: unable to control stopped: timed out\n"));
    assert_eq!(web.commands(), "dx");
}

#[test]
fn commands_arrive_as_soon_as_there_is_room() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    fill(&service);
    let svc = ground.start("svc -dx web");
    svc.wait_for_sleep();
    assert!(svc.is_running());
    let mut commands = service.next_commands();
    while !commands.ends_with('x') {
        commands += &service.next_commands();
    }
    assert_eq!(commands.trim_start_matches('.'), "dx");
    assert_eq!(svc.finish(), Ended::silent(0));
}

#[test]
fn a_supervise_that_ends_meanwhile_is_said_not_to_run() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::up(7));
    fill(&service);
    let svc = ground.start("svc -d --check web");
    svc.wait_for_sleep();
    service.end();
    // SIGPIPE does not kill it
    assert_eq!(svc.finish(), Ended::with(100, "", "svc: warning: unable to control web: supervise not running\n"));
}

/// While another service keeps svc from waiting.
#[test]
fn what_a_supervise_does_between_the_command_and_the_wait_counts() {
    let ground = Ground::new();
    let slow = ground.service("slow").supervised(&Status::up(7));
    // one that was told has ended
    let web = ground.service("web").supervised(&Status::down());
    fill(&slow);
    let svc = ground.start("svc -u --wait=up web slow");
    assert_eq!(web.next_commands(), "u");
    svc.wait_for_sleep();
    web.end();
    slow.next_commands();
    let said = "svc: fatal: unable to wait until web is up: supervise not running\n";
    assert_eq!(svc.finish(), Ended::with(102, "", said));
    // one that comes now was not told
    slow.commands();
    fill(&slow);
    let svc = ground.start("svc -u --wait=up web slow");
    look_until("it has found no supervise", || svc.said().contains("supervise not running"));
    web.status(&Status::up(8)).begin();
    slow.next_commands();
    let said = "svc: warning: unable to control web: supervise not running\nsvc: fatal: no supervise runs for web\n";
    assert_eq!(svc.finish(), Ended::with(111, "", said));
    assert_eq!(web.commands(), "");
}
