//! svwait for several services: all of them, or any one.

use crate::ground::Ground;
use crate::run::{Ended, Running};
use crate::service::Service;
use crate::status::{FAILED, Status};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::os::unix::process::CommandExt;

fn services<const COUNT: usize>(ground: &Ground, names: [&str; COUNT]) -> [Service; COUNT] {
    names.map(|name| ground.service(name).supervised(&Status::down()))
}

#[track_caller]
fn still(waiting: &Running) {
    waiting.wait_for_sleep();
    assert!(waiting.is_running());
}

fn unable(name: &str, why: &str) -> String {
    format!("svwait: fatal: unable to wait until {name} is up: {why}\n")
}

#[test]
fn all_are_waited_for() {
    let ground = Ground::new();
    for options in ["", "-a ", "-oa "] {
        let [a, b, c] = services(&ground, ["a", "b", "c"]);
        let waiting = ground.start(&format!("svwait {options}a b c a"));
        still(&waiting);
        b.status(&Status::up(7));
        still(&waiting);
        a.status(&Status::up(8));
        still(&waiting);
        // one that was up counts, even if it no longer is
        b.status(&Status::down());
        b.end();
        still(&waiting);
        c.status(&Status::up(9));
        assert_eq!(waiting.finish(), Ended::silent(0), "{options}");
    }
}

#[test]
fn any_one_is_enough() {
    let ground = Ground::new();
    for number in 0..3 {
        let all = services(&ground, ["a", "b", "c"]);
        let waiting = ground.start("svwait -o a b c");
        still(&waiting);
        all[number].status(&Status::up(7));
        assert_eq!(waiting.finish(), Ended::silent(0));
    }
}

#[test]
fn of_all_the_first_that_fails_ends_the_wait() {
    let ground = Ground::new();
    let [_a, b] = services(&ground, ["a", "b"]);
    let waiting = ground.start("svwait a b");
    still(&waiting);
    b.status(&Status::with_phase(0, b'd', FAILED));
    assert_eq!(waiting.finish(), Ended::with(1, "", &unable("b", "it has failed")));
    let said = "svwait: fatal: unable to chdir to nosuch: file does not exist\n";
    assert_eq!(ground.say("svwait a nosuch b"), Ended::with(111, "", said));
}

#[test]
fn of_any_one_that_fails_is_out_of_the_race() {
    let ground = Ground::new();
    let [a, b] = services(&ground, ["a", "b"]);
    let waiting = ground.start("svwait -o nosuch b a");
    still(&waiting);
    b.status(&Status::with_phase(0, b'd', FAILED));
    still(&waiting);
    a.status(&Status::up(7));
    assert_eq!(waiting.finish(), Ended::silent(0));

    a.status(&Status::down());
    let waiting = ground.start("svwait -o b nosuch a");
    still(&waiting);
    a.end();
    let said = [
        unable("b", "it has failed"),
        "svwait: fatal: unable to chdir to nosuch: file does not exist\n".to_owned(),
        unable("a", "supervise not running"),
    ];
    assert_eq!(waiting.finish(), Ended::with(1, "", &said.concat()));
}

#[test]
fn when_the_time_is_over_those_that_are_missing_are_named() {
    let ground = Ground::new();
    let [a, _b, _c] = services(&ground, ["a", "b", "c"]);
    a.status(&Status::up(7));
    let missing = unable("b", "timed out") + &unable("c", "timed out");
    assert_eq!(ground.say("svwait -t 0.05 a b c"), Ended::with(99, "", &missing));
    assert_eq!(ground.say("svwait -o -t 0.05 b c"), Ended::with(99, "", &missing));
}

/// More than an ordinary process may have open.
#[test]
fn a_thousand_services_are_waited_for() {
    const COUNT: u32 = 1100;
    let ground = Ground::new();
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    if most < u64::from(COUNT) + 100 {
        crate::support::leave_out("a thousand services: too few descriptors are allowed");
        return;
    }
    // one supervise for all of them: the same FIFOs under all names
    let shared = ground.service("shared").supervised(&Status::down());
    let services: Vec<Service> = (0..COUNT)
        .map(|number| {
            let service = ground.service(format!("s{number}"));
            std::fs::create_dir(service.file("supervise")).unwrap();
            std::fs::hard_link(shared.file("supervise/ok"), service.file("supervise/ok")).unwrap();
            service.status(&Status::down());
            service
        })
        .collect();
    let names: Vec<String> = (0..COUNT).map(|number| format!("s{number}")).collect();
    let mut command = ground.call(&ground.ours("svwait"), &names);
    // SAFETY: a system call.
    unsafe {
        command.pre_exec(move || setrlimit(Resource::RLIMIT_NOFILE, 256, most).map_err(Into::into));
    }
    let waiting = crate::run::start(&mut command);
    still(&waiting);
    for service in &services[1..] {
        service.status(&Status::up(7));
    }
    still(&waiting);
    services[0].status(&Status::up(7));
    assert_eq!(waiting.finish(), Ended::silent(0));
}
