//! `notification-fd`: a descriptor at which a service says that it is ready.

use crate::recorder::{Order, order};
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use nix::fcntl::OFlag;
use nix::unistd::Pid;
use std::fs;

/// Waits until `supervise/info` says this.
#[track_caller]
fn until_info(supervised: &Supervised<'_>, key: &str, value: &str) {
    supervised.until(&format!("{key}={value}"), |_| supervised.service.info().get(key).is_some_and(|is| is == value));
}

fn descriptor(pid: Pid, number: i32) -> Option<String> {
    let target = fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()?;
    Some(target.to_str().unwrap().to_owned())
}

#[test]
fn a_newline_makes_a_service_ready_until_it_ends() {
    together(&[3, 4, 9, 100], |&number| {
        let service = Service::new().with("notification-fd", &format!("{number}\n"));
        let mut supervised = service.supervise(&Suite::ours());
        for _ in 0..2 {
            let run = supervised.expect("run started");
            supervised.until("up", |status| status.pid() == run);
            until_info(&supervised, "pid", &run.to_string());
            assert_eq!(service.info()["ready"], "0", "{number}");
            let pipe = descriptor(run, number).unwrap();
            assert!(pipe.starts_with("pipe:"), "{number}: {pipe}");
            let before = supervised.status();
            order(run, Order::Ready, number);
            supervised.expect("run wrote 1");
            until_info(&supervised, "ready", "1");
            assert!(service.info()["ready_at"].parse::<u64>().unwrap() > 0);
            assert_eq!(supervised.status(), before, "it is up as before");
            supervised.end(run, 0);
        }
        supervised.expect("run started");
        supervised.finish();
    });
}

/// The service has nothing but it and the standard ones, and it is to be written to and not more.
#[test]
fn the_service_gets_one_end_of_the_pipe_and_no_other_descriptor() {
    let service = Service::new().with("notification-fd", "7");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    let open = fs::read_dir(format!("/proc/{run}/fd")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut open: Vec<_> = open.map(|name| name.into_string().unwrap()).collect();
    open.sort();
    assert_eq!(open, ["0", "1", "2", "7"]);
    let info = fs::read_to_string(format!("/proc/{run}/fdinfo/7")).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap().trim();
    let flags = OFlag::from_bits_retain(i32::from_str_radix(flags, 8).unwrap());
    assert_eq!(flags & OFlag::O_ACCMODE, OFlag::O_WRONLY);
    assert!(!flags.contains(OFlag::O_NONBLOCK) && !flags.contains(OFlag::O_CLOEXEC));
    supervised.finish();
}

#[test]
fn without_the_file_nothing_is_said_about_readiness() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    until_info(&supervised, "pid", &run.to_string());
    assert_ne!(service.info().get("ready").map(String::as_str), Some("1"));
    assert_eq!(descriptor(run, 3), None);
    supervised.finish();
}

/// Neither what it writes before the newline nor that it closes it: it may not be ready ever.
#[test]
fn nothing_but_a_newline_makes_a_service_ready() {
    let service = Service::empty().with("notification-fd", "3");
    service.script("run", "printf 'not yet' >&3; exec 3>&-; echo run $$ closed; exec sleep 1000");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run closed");
    supervised.settle();
    assert_eq!(service.info()["ready"], "0");
    assert_eq!(supervised.status().pid(), run);
    supervised.finish();

    let service = Service::empty().with("notification-fd", "3");
    service.script("run", r"printf 'not yet, but now\nand more' >&3; echo run $$ wrote; exec sleep 1000");
    let mut supervised = service.supervise(&Suite::ours());
    supervised.expect("run wrote");
    until_info(&supervised, "ready", "1");
    supervised.finish();
}

/// A service is not kept from running by a mistake in such a file.
#[test]
fn a_senseless_number_is_a_warning() {
    for text in ["", "three", "-1", "1", "99999999999999999999", "3 4"] {
        let service = Service::new().with("notification-fd", text);
        let mut supervised = service.supervise(&Suite::ours());
        supervised.expect("run started");
        let said = supervised.kept.error.next().unwrap();
        assert!(said.starts_with("supervise: warning: ") && said.contains("notification-fd"), "{text:?}: {said}");
        supervised.until_shown("up u");
        supervised.finish();
    }
}
