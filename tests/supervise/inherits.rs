//! What a service finds is what supervise was started with, but for what a child never has, and the session. A probe
//! reports it, started directly and by supervise, from hostile starting states.

use crate::hostile::{ENVIRONMENT, PLAIN, STARTS, Start};
use crate::launch::Launch;
use crate::probe;
use crate::recorder;
use crate::report::Report;
use crate::service::Service;
use crate::suite::Suite;
use crate::support::together::together;
use crate::support::waiting::look_until;
use crate::support::{is_root, leave_out};
use nix::fcntl::{OFlag, open};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// A service whose `run` is the probe.
fn probing() -> Service {
    let service = Service::empty();
    symlink(recorder::file(), service.place().join(probe::NAME)).unwrap();
    let [program, report] = [service.place().join(probe::NAME), report_of(&service)];
    // the kernel starts it as `probe REPORT ./run`
    service.script_of("run", &format!("#!{} {}\n", program.display(), report.display()));
    fs::write(report_of(&service), "").unwrap();
    fs::create_dir(service.place().join("work")).unwrap();
    service
}

fn report_of(service: &Service) -> PathBuf {
    service.place().join("report")
}

/// Makes the FIFO, and writes an `x` to it that waits for supervise as long as this is held: so it ends with the
/// service.
fn ask_to_exit(service: &Service) -> OwnedFd {
    fs::create_dir_all(service.at("supervise")).unwrap();
    let control = service.at("supervise/control");
    // these must be usable under any umask
    for name in ["control", "ok"] {
        let _ = mkfifo(&service.at("supervise").join(name), Mode::S_IRUSR | Mode::S_IWUSR);
    }
    service.put("supervise/lock", "");
    let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let held = open(&control, flags, Mode::empty()).unwrap();
    assert_eq!(nix::unistd::write(&held, b"x"), Ok(1));
    held
}

/// The report of the service's process, started by supervise or directly.
fn report(service: &Service, suite: Option<&Suite>, start: &Start) -> Report {
    let held = ask_to_exit(service);
    let (file, argv) = match suite {
        Some(suite) => {
            (suite.file("supervise"), vec![b"supervise".to_vec(), service.path().as_os_str().as_bytes().to_vec()])
        }
        None => (service.at("run"), vec![b"./run".to_vec()]),
    };
    let envp = ENVIRONMENT.iter().map(|entry| entry.to_vec()).collect();
    let launch = Launch { file, argv, envp, directory: service.place().join("work") };
    fs::write(report_of(service), "").unwrap();
    let ended = launch.run(start);
    drop(held);
    let text = fs::read_to_string(report_of(service)).unwrap();
    let context = format!("{}: {}", suite.map_or("direct", |suite| suite.name), start.name);
    assert!(!text.is_empty(), "{context}: no report, {}, {:?}", ended.code, String::from_utf8_lossy(&ended.stderr));
    let expected = if suite.is_some() { 0 } else { probe::EXIT.into() };
    assert_eq!((ended.code, &ended.stdout[..], &ended.stderr[..]), (expected, &b""[..], &b""[..]), "{context}");
    Report::new(&text, &ended)
}

fn starts() -> impl Iterator<Item = &'static Start> {
    STARTS.iter().filter(|start| {
        let possible = !start.needs_root || is_root();
        if !possible {
            leave_out(&format!("start as {}: needs root", start.name));
        }
        // a TERM that waits for supervise itself is a command, and then there is nothing to compare; see `masks`
        let is_told_to_end = start.name.contains("pending") || start.name.contains("everything");
        // and to another account nothing here belongs
        possible && !is_told_to_end && start.name != "a capability without root"
    })
}

/// What is another for every child: fork(2). And how a script has been called, and where.
fn is_a_childs(line: &str) -> bool {
    let names = ["pid", "parent", "parent-death signal", "child subreaper", "fd 10 lock", "fd 11 lock"];
    names.contains(&line)
        || line.starts_with("timer ")
        || line.starts_with("pending for ")
        || ["argv 2", "auxv EXECFN", "cwd", "cwd identity"].contains(&line)
}

fn is_of_the_session(line: &str) -> bool {
    ["group", "session", "terminal", "terminal group", "autogroup"].contains(&line)
}

#[test]
fn a_service_gets_what_supervise_was_given() {
    together(&Suite::all(), |suite| {
        let ways: &[bool] = if suite.is_ours { &[true, false] } else { &[false] };
        for &apart in ways {
            together(&starts().collect::<Vec<_>>(), |start| compare(suite, apart, start));
        }
    });
}

/// A service of this make, in a session of its own or not, with what it gets if it is started directly.
fn compare(suite: &Suite, apart: bool, start: &Start) {
    let service = probing();
    if suite.is_ours && !apart {
        service.put("no-setsid", "");
    }
    let context = format!("{}, {}, apart: {apart}", suite.name, start.name);
    let direct = report(&service, None, start);
    assert!(direct.len() > 100, "the probe reports too little: {direct:?}");
    let through = report(&service, Some(suite), start);
    let strange: Vec<_> = direct
        .differences(&through)
        .into_iter()
        .filter(|line| !is_a_childs(line))
        // it is never ignored, even if supervise was started so: a shell could not wait
        .filter(|line| line != "ignored 17")
        .filter(|line| !(is_of_the_session(line) && (apart || start.is_leader)))
        .collect();
    let all = direct.shown_differences(&through);
    assert!(strange.is_empty(), "{context}: {strange:?} must not differ:{all}");
    assert_eq!(through.get("ignored 17"), "", "{context}");
    assert_eq!(through.list("argv")[2], "./run", "{context}");
    assert_eq!(through.get("cwd"), service.path().to_str().unwrap(), "{context}");
    let expected: Vec<String> = ENVIRONMENT.iter().map(|entry| entry.escape_ascii().to_string()).collect();
    assert_eq!(through.list("env"), expected, "{context}");
    assert_session(apart, start, &direct, &through, &context);
}

/// A session of its own, or that of supervise.
fn assert_session(apart: bool, start: &Start, direct: &Report, through: &Report, context: &str) {
    if apart {
        for line in ["session", "group"] {
            assert_eq!(through.get(line), "self", "{context}: {line}");
        }
        assert_eq!(through.get("terminal"), "0", "{context}");
    } else {
        assert_eq!(through.get("session"), direct.get("session"), "{context}");
        let group = if start.is_leader { "started" } else { direct.get("group") };
        assert_eq!(through.get("group"), group, "{context}");
    }
}

/// Not that this would prove nothing: what is compared is hostile.
#[test]
fn the_states_are_as_hostile_as_they_say() {
    let service = probing();
    let by_name = |name: &str| {
        let start = STARTS.iter().find(|start| start.name == name).unwrap();
        report(&service, None, start)
    };
    let ignoring = by_name("ignored signals");
    assert_eq!([1, 13, 17].map(|signal| ignoring.get(&format!("ignored {signal}")).to_owned()), ["yes"; 3]);
    assert_eq!(by_name("umask 0777").get("Umask"), "0777");
    assert!(by_name("low limits").get("limit Max open files").starts_with("20 "));
    assert!(by_name("files and locks").get("fd 5").contains("offset 3"));
    let plain = report(&service, None, &PLAIN);
    assert_eq!([1, 13, 17].map(|signal| plain.get(&format!("ignored {signal}")).to_owned()), [""; 3]);
    assert_ne!(plain.get("fd 4"), "", "a descriptor that is none of supervise's");
}

/// Nothing of supervise's own is in the service, whatever its number, and whoever comes after the first.
#[test]
fn a_service_has_no_descriptor_of_supervise() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        for _ in 0..3 {
            let pid = supervised.expect("run started");
            let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap().file_name());
            let mut open: Vec<_> = open.map(|name| name.into_string().unwrap()).collect();
            open.sort();
            assert_eq!(open, ["0", "1", "2"], "{}", suite.name);
            supervised.end(pid, 0);
        }
        supervised.expect("run started");
        supervised.finish();
    });
}

/// Signals that supervise was started with blocked are blocked in the service. The reference makes one exception, CHLD.
#[test]
fn a_service_gets_the_mask_of_signals() {
    const BLOCKED: [Signal; 7] = [
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGPIPE,
        Signal::SIGCHLD,
    ];
    together(&Suite::all(), |suite| {
        let service = probing();
        let start = service.start(suite).entering(|| {
            let blocked: SigSet = BLOCKED.into_iter().collect();
            sigprocmask(SigmaskHow::SIG_SETMASK, Some(&blocked), None)
        });
        let mut kept = start.go();
        look_until("the report", || {
            assert!(kept.is_running());
            fs::read_to_string(report_of(&service)).unwrap().contains("setgroups: ")
        });
        let text = fs::read_to_string(report_of(&service)).unwrap();
        let mut seen: Vec<&str> = text.lines().filter(|line| line.starts_with("blocked ")).collect();
        seen.sort_unstable();
        let expected = BLOCKED.iter().filter(|signal| suite.is_ours || **signal != Signal::SIGCHLD);
        let mut expected: Vec<String> = expected.map(|signal| format!("blocked {}: yes", *signal as i32)).collect();
        expected.sort_unstable();
        assert_eq!(seen, expected, "{}", suite.name);
        assert!(!text.lines().any(|line| line.starts_with("caught ")), "{text}");
    });
}
