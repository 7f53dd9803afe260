//! What svwait notices, and what wakes it: nothing but what matters. Where it cannot be told, it looks by itself.

use crate::ground::Ground;
use crate::run::{Ended, Running, has_ended_within, start, unprivileged};
use crate::service::{Service, replace};
use crate::status::{FAILED, RUNNING, STARTING, STOPPING, Status};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use std::fs::{self, File, Permissions};
use std::io::{Seek, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

/// A svwait that waits.
#[track_caller]
fn waiting(ground: &Ground, options: &str) -> Running {
    let waiting = ground.start(&format!("svwait {options} web"));
    still(&waiting);
    waiting
}

/// Asserts that it goes on waiting.
#[track_caller]
fn still(waiting: &Running) {
    waiting.wait_for_sleep();
    assert!(waiting.is_running());
}

#[test]
fn a_status_is_noticed_however_it_is_written() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let status = service.file("supervise/status");
    // renamed
    let svwait = waiting(&ground, "");
    service.status(&Status::with_phase(7, b'u', STARTING));
    still(&svwait);
    service.status(&Status::up(8));
    assert_eq!(svwait.finish(), Ended::silent(0));
    // in place, as ours does on a full disk
    let svwait = waiting(&ground, "-d");
    let mut file = File::options().write(true).open(&status).unwrap();
    file.write_all(&Status::with_phase(8, b'd', STOPPING).bytes()).unwrap();
    still(&svwait);
    file.rewind().unwrap();
    file.write_all(&Status::down().bytes()).unwrap();
    assert_eq!(svwait.finish(), Ended::silent(0));
    // cut and written, as daemontools-encore does
    let svwait = waiting(&ground, "");
    let mut file = File::create(&status).unwrap();
    still(&svwait);
    file.write_all(&Status::up(9).bytes()).unwrap();
    assert_eq!(svwait.finish(), Ended::silent(0));
}

#[test]
fn readiness_is_noticed() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let svwait = waiting(&ground, "-r");
    // as supervise does it: first what it has to say of the process
    service.info(7, "ready=0\n");
    service.status(&Status::up(7));
    still(&svwait);
    // it ends before it is ready
    service.status(&Status::down());
    service.info(8, "ready=0\n");
    service.status(&Status::up(8));
    still(&svwait);
    service.info(8, "ready=1\n");
    assert_eq!(svwait.finish(), Ended::silent(0));
}

#[test]
fn a_failure_ends_the_wait() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    for (options, goal) in [("", "up"), ("-r", "ready")] {
        service.status(&Status::down());
        let svwait = waiting(&ground, options);
        service.status(&Status::with_phase(7, b'u', STARTING));
        still(&svwait);
        service.status(&Status::with_phase(0, b'd', FAILED));
        let said = format!("svwait: fatal: unable to wait until web is {goal}: it has failed\n");
        assert_eq!(svwait.finish(), Ended::with(1, "", &said));
    }
}

#[test]
fn the_end_of_supervise_ends_the_wait() {
    let ground = Ground::new();
    for (options, status, ended) in [
        (
            "",
            Status::down(),
            Ended::with(102, "", "svwait: fatal: unable to wait until web is up: supervise not running\n"),
        ),
        (
            "-r",
            Status::with_phase(7, b'd', STOPPING),
            Ended::with(102, "", "svwait: fatal: unable to wait until web is ready: supervise not running\n"),
        ),
        // then it is down
        ("-d", Status::up(7), Ended::silent(0)),
    ] {
        let service = ground.service("web").supervised(&status);
        let svwait = waiting(&ground, options);
        service.end();
        assert_eq!(svwait.finish(), ended);
    }
}

#[test]
fn a_supervise_that_begins_is_noticed_at_every_step() {
    let ground = Ground::new();
    let service = ground.service("web");
    // from nothing at all
    let svwait = waiting(&ground, "--appear");
    service.prepare();
    still(&svwait);
    service.status(&Status::down());
    still(&svwait);
    service.begin();
    still(&svwait);
    // from here on the service directory itself is nothing to it
    let sleeps = svwait.sleeps();
    for name in ["file", "another"] {
        service.put(name, "");
    }
    still(&svwait);
    assert_eq!(svwait.sleeps(), sleeps);
    service.status(&Status::up(7));
    assert_eq!(svwait.finish(), Ended::silent(0));
    service.end();
    // where all is there but the reader of `ok`, whose coming is the last that happens: one that takes a running service over
    let svwait = waiting(&ground, "--appear");
    service.begin();
    assert_eq!(svwait.finish(), Ended::silent(0));
}

#[test]
fn one_that_only_looks_is_no_supervise() {
    let ground = Ground::new();
    let service = ground.service("web");
    service.prepare().status(&Status::up(7));
    let svwait = waiting(&ground, "--appear");
    let sleeps = svwait.sleeps();
    for line in ["svok web", "svstat web", "svc -u web", "svup web"] {
        ground.say(line);
    }
    still(&svwait);
    assert_eq!(svwait.sleeps(), sleeps);
}

#[test]
fn a_supervise_directory_that_is_made_anew_is_followed() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let svwait = waiting(&ground, "");
    // removed below a supervise that runs on, which makes it anew, as ours does
    fs::remove_dir_all(service.file("supervise")).unwrap();
    still(&svwait);
    let healed = Service::at(service.path().to_owned());
    healed.prepare().status(&Status::down()).begin();
    // now the old FIFO has no reader any more, but the new one has
    drop(service);
    still(&svwait);
    healed.status(&Status::up(7));
    assert_eq!(svwait.finish(), Ended::silent(0));
}

#[test]
fn a_supervise_directory_may_come_as_a_whole() {
    let ground = Ground::new();
    let other = ground.service("other").supervised(&Status::up(7));
    let service = ground.service("web");
    let svwait = waiting(&ground, "--appear");
    service.put("run", "");
    still(&svwait);
    fs::rename(other.file("supervise"), service.file("supervise")).unwrap();
    assert_eq!(svwait.finish(), Ended::silent(0));
}

/// On another file system, say: what comes behind a link that leads nowhere yet nobody tells.
#[test]
fn a_supervise_directory_behind_a_link_is_found() {
    let ground = Ground::new();
    let other = ground.service("other").supervised(&Status::up(7));
    let service = ground.service("web");
    symlink(ground.at("elsewhere"), service.file("supervise")).unwrap();
    let svwait = waiting(&ground, "--appear");
    assert!(svwait.is_running());
    fs::rename(other.file("supervise"), ground.at("elsewhere")).unwrap();
    assert_eq!(svwait.finish(), Ended::silent(0));
    // and once it is there changes are told, and nothing else wakes it
    other.end_at(&ground.at("elsewhere"));
    let svwait = waiting(&ground, "--appear");
    let sleeps = svwait.sleeps();
    assert!(!has_ended_within(&svwait.child, Duration::from_millis(300)));
    assert_eq!(svwait.sleeps(), sleeps);
    replace(&ground.at("elsewhere/status"), Status::down().bytes());
    fs::remove_file(service.file("supervise")).unwrap();
    still(&svwait);
    fs::rename(ground.at("elsewhere"), service.file("supervise")).unwrap();
    service.begin();
    still(&svwait);
    service.status(&Status::up(8));
    assert_eq!(svwait.finish(), Ended::silent(0));
}

#[test]
fn a_service_directory_that_goes_is_an_error() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let svwait = waiting(&ground, "");
    fs::remove_dir_all(service.path()).unwrap();
    let ended = svwait.finish();
    assert_eq!(ended, Ended::with(111, "", "svwait: fatal: unable to chdir to web: file does not exist\n"));
}

#[test]
fn nothing_wakes_it_but_what_matters() {
    let ground = Ground::new();
    for (options, before, after) in [
        ("", Status::down(), Status::up(7)),
        ("-d", Status::up(7), Status::down()),
        ("-r", Status::down(), Status::with_phase(7, 0, RUNNING)),
    ] {
        let service = ground.service("web").supervised(&before);
        let svwait = waiting(&ground, options);
        let sleeps = svwait.sleeps();
        // what happens beside it, and around supervise
        for number in 0..20 {
            service.put(&format!("file{number}"), "");
        }
        for line in ["svok web", "svstat web", "svup web", "svwait -t 0 web"] {
            ground.say(line);
        }
        // and while nothing happens
        assert!(!has_ended_within(&svwait.child, Duration::from_millis(500)));
        still(&svwait);
        assert_eq!(svwait.sleeps(), sleeps, "{options}");
        // a file is made, written, taken away and put in place; and the end counts, too
        service.status(&after);
        let woken = svwait.sleeps_at_end() - sleeps;
        assert!(woken <= 5, "{options}: woken {woken} times");
        assert_eq!(svwait.finish(), Ended::silent(0));
    }
}

/// As long as `supervise` can be entered but not read, nobody tells of changes.
#[test]
fn where_nobody_tells_it_looks_by_itself() {
    let ground = Ground::new();
    let open_to_all = |service: &Service| {
        fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o311)).unwrap();
        fs::set_permissions(service.file("supervise/ok"), Permissions::from_mode(0o622)).unwrap();
    };
    let service = ground.service("web").supervised(&Status::down());
    open_to_all(&service);
    let svwait = start(unprivileged(&mut ground.line("svwait web")));
    still(&svwait);
    service.status(&Status::up(7));
    assert_eq!(svwait.finish(), Ended::silent(0));
    let svwait = start(unprivileged(&mut ground.line("svwait -d web")));
    still(&svwait);
    service.end();
    assert_eq!(svwait.finish(), Ended::silent(0));
    let svwait = start(unprivileged(&mut ground.line("svwait --appear web")));
    still(&svwait);
    service.begin();
    assert_eq!(svwait.finish(), Ended::silent(0));
    fs::set_permissions(service.file("supervise"), Permissions::from_mode(0o700)).unwrap();
}

/// The FIFO `ok` is held, but nothing else is, and supervise is not kept from anything.
#[test]
fn a_supervise_notices_nothing_of_a_wait() {
    let ground = Ground::new();
    let service = ground.service("web").supervised(&Status::down());
    let svwait = waiting(&ground, "");
    assert_eq!(service.commands(), "");
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let ok = open(&service.file("supervise/ok"), flags, Mode::empty()).unwrap();
    let mut room = [0; 8];
    assert_eq!(
        nix::unistd::read(&ok, &mut room),
        Err(nix::errno::Errno::EAGAIN),
        "it is open for writing, and nothing is in it"
    );
    drop(ok);
    still(&svwait);
}
