//! `supervise/info`, which tells what the status has no room for; and `backoff`.

use crate::recorder::made_at;
use crate::service::Service;
use crate::suite::Suite;
use crate::supervised::Supervised;
use nix::sys::signal::{Signal, kill};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[track_caller]
fn until(supervised: &Supervised<'_>, key: &str, value: &str) {
    supervised.until(&format!("{key}={value}"), |_| supervised.service.info().get(key).is_some_and(|is| is == value));
}

fn monotonic() -> u64 {
    let time = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap();
    u64::try_from(time.tv_sec() * 1_000_000_000 + time.tv_nsec()).unwrap()
}

/// When a process was made, as the kernel says it.
fn made(pid: Pid) -> String {
    made_at(pid).unwrap().to_string()
}

#[test]
fn it_names_the_processes_and_when_they_were_made() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    for restarts in ["0", "1", "2"] {
        let before = monotonic();
        let run = supervised.expect("run started");
        until(&supervised, "pid", &run.to_string());
        let info = service.info();
        assert_eq!(info["version"], "1");
        assert_eq!(info["pid_starttime"], made(run));
        assert_eq!(info["supervise"], supervised.pid().to_string());
        assert_eq!(info["supervise_starttime"], made(supervised.pid()));
        assert_eq!(info["restarts"], restarts);
        let started: u64 = info["started_mono_ns"].parse().unwrap();
        assert!(started <= monotonic() && started + 60_000_000_000 > before, "{started}, {before}");
        assert!(fs::metadata(service.at("supervise/info")).unwrap().len() <= 512);
        supervised.end(run, 0);
    }
    supervised.expect("run started");
    supervised.write("d");
    supervised.until_shown("down d");
    until(&supervised, "pid", "0");
    supervised.finish();
}

#[test]
fn it_tells_how_the_service_has_last_ended() {
    let service = Service::new();
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    until(&supervised, "pid", &run.to_string());
    let info = service.info();
    assert_eq!([info.get("last_exit"), info.get("last_signal")].map(|key| key.map_or("", String::as_str)), [""; 2]);
    supervised.end(run, 3);
    let run = supervised.expect("run started");
    until(&supervised, "pid", &run.to_string());
    assert_eq!(service.info()["last_exit"], "3");
    kill(run, Signal::SIGUSR1).unwrap();
    kill(run, Signal::SIGKILL).unwrap();
    while supervised.event().what != "started" {}
    until(&supervised, "last_signal", "9");
    // whichever it was, not both
    let info = service.info();
    assert!(info.get("last_exit").is_none_or(String::is_empty), "{info:?}");
    supervised.finish();
}

/// It need not be as new as the status is.
#[test]
fn it_is_written_at_changes_of_process_only() {
    let service = Service::new().with("stubborn", "");
    let mut supervised = service.supervise(&Suite::ours());
    let run = supervised.expect("run started");
    supervised.until_shown("up u");
    until(&supervised, "pid", &run.to_string());
    supervised.settle();
    let identity = || {
        let metadata = fs::metadata(service.at("supervise/info")).unwrap();
        (metadata.ino(), metadata.mtime(), metadata.mtime_nsec())
    };
    let before = identity();
    for commands in ["p", "c", "o", "u", "thai", "pcou"] {
        supervised.tell(commands);
        assert_eq!(identity(), before, "{commands}");
    }
    supervised.write("k");
    while supervised.event().what != "started" {}
    supervised.settle();
    assert_ne!(identity(), before);
    supervised.finish();
}

/// By the times at which the kernel has made the processes.
fn gaps(service: &Service, count: usize) -> Vec<u64> {
    let mut supervised = service.supervise(&Suite::ours());
    let mut made = vec![];
    for _ in 0..=count {
        let run = supervised.expect("run started");
        made.push(made_at(run).unwrap());
        supervised.end(run, 1);
    }
    supervised.write("dxk");
    assert_eq!(supervised.kept.code(), 0);
    made.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[test]
fn with_backoff_the_starts_of_a_crashing_service_grow_apart() {
    let service = Service::new().with("backoff", "");
    let gaps = gaps(&service, 2);
    assert!(gaps[0] >= 199 && gaps[1] >= 399, "{gaps:?}");
}

#[test]
fn backoff_has_a_limit() {
    let service = Service::new().with("backoff", "2\n");
    let gaps = gaps(&service, 3);
    assert!(gaps.iter().all(|gap| (199..1000).contains(gap)), "{gaps:?}");
}

#[test]
fn backoff_is_told_and_puts_no_exit_off() {
    let service = Service::new().with("backoff", "");
    let mut supervised = service.supervise(&Suite::ours());
    for _ in 0..2 {
        let run = supervised.expect("run started");
        supervised.until("up", |status| status.pid() == run);
        supervised.end(run, 1);
    }
    // four seconds
    supervised.until_shown("down u");
    supervised.settle();
    let told: u64 = service.info()["backoff_ms"].parse().unwrap();
    assert!((3000..=4000).contains(&told), "{told}");
    let due: u64 = service.info()["next_start"].parse().unwrap();
    let now = monotonic();
    assert!(due > now && due < now + 5_000_000_000, "{due}, {now}");
    supervised.write("x");
    assert_eq!(supervised.rest(), (0, String::new()));
}
