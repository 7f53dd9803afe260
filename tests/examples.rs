//! The examples of the README and of the manual pages do what is said of them.

mod support;

#[path = "examples/blocks.rs"]
mod blocks;
#[path = "examples/codes.rs"]
mod codes;
#[path = "examples/contributing.rs"]
mod contributing;
#[path = "examples/lines_of_links.rs"]
mod lines_of_links;
#[path = "examples/lines_of_services.rs"]
mod lines_of_services;
#[path = "examples/manual.rs"]
mod manual;
#[path = "examples/place.rs"]
mod place;
#[path = "examples/readme.rs"]
mod readme;
#[path = "examples/shell.rs"]
mod shell;
#[path = "examples/supervision.rs"]
mod supervision;

use place::until;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::Installed;

#[test]
fn the_tour_shows_what_the_readme_promises() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("sh").arg(top.join("examples/tour.sh")).arg(support::catena()).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{shown}");
    let account = if support::is_root() {
        "\
$ envdir ./env setuidgid nobody softlimit -o 64 setsid --wait ./server
server: greeting    hello from a file
server: account     nobody, groups nogroup
server: descriptors 64 at most
server: session     its own
"
    } else {
        "$ setuidgid nobody ./server\nsetuidgid: fatal: unable to setgid: permission denied: needs root or CAP_SETGID"
    };
    for part in [
        "$ envdir ./env softlimit -o 64 setsid --wait ./server\nserver: greeting    hello from a file\n",
        "server: descriptors 64 at most\nserver: session     its own\n",
        account,
        "setlock: fatal: unable to lock ./lock: temporary failure\n(exit code 111)\n",
        "setsid: failed to execute ./no-such-server: No such file or directory\n(exit code 127)\n",
        "envdir: fatal: unable to switch to directory ./no-such-env: file does not exist\n(exit code 111)\n",
        "Usage: softlimit ",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
}

#[test]
fn the_tour_of_daemons_shows_other_daemonizers_as_chains() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tour = top.join("examples/daemons/tour.sh");
    let output = Command::new("sh").arg(tour).arg(support::catena()).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{shown}");
    let parts: Vec<&str> = shown.split("\n# ").collect();
    let daemons = [
        ("Redis", Some("redis-server"), "redis.pid"),
        ("The classic Daemon class", Some("python3"), "app.pid"),
        ("A PHP daemon", Some("php"), "php.pid"),
        ("libslack", None, "slack.pid"),
    ];
    for (heading, program, file) in daemons {
        let part = parts.iter().find(|part| part.starts_with(heading)).expect(heading);
        if let Some(program) = program
            && part.contains(&format!("(left out: no {program} here)"))
        {
            support::leave_out(&format!("{heading} as a chain: no {program}"));
            continue;
        }
        // it runs, a second start names it, and when it has ended the file is free
        assert!(part.contains(&format!("\n{file} names ")), "{part}");
        let (_, second) = part.split_once("once more:\npidfile-lock: fatal: ").expect(part);
        let (held, rest) = second.split_once('\n').unwrap();
        assert!(held.contains(&format!("{file} is held by pid ")), "{part}");
        assert!(rest.starts_with("(exit code 75)\nstopped\n"), "{part}");
    }
    for part in [
        "daemonize: Can't lock the lock file \"bmc.lock\". Is another instance running?\n(exit code 1)\nstopped\n",
        "setlock: fatal: unable to run no-such-server: file does not exist\n(exit code 111)\n",
        "worker\" was not ready within 0.5 s; it has been stopped\n(exit code 1)\n",
    ] {
        assert!(shown.contains(part), "{part:?} is not in {shown}");
    }
}

#[test]
fn the_tour_of_logging_shows_what_the_readme_promises() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tour = top.join("examples/logging/tour.sh");
    let output = Command::new("sh").arg(tour).arg(support::catena()).env("TZ", "UTC0").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{shown}");
    let parts: Vec<&str> = shown.split("\n# ").collect();
    let part = |heading: &str| *parts.iter().find(|part| part.starts_with(heading)).expect(heading);
    let reading = part("Reading the log");
    let (main, fatal) = reading.split_once("$ tai64nlocal -u --iso").unwrap();
    assert_eq!(
        main.lines().filter(|line| line.starts_with("20") && line.contains(" service: ")).count(),
        5,
        "{reading}"
    );
    let fatal: Vec<&str> = fatal.lines().skip(1).filter(|line| !line.is_empty()).collect();
    let [line] = fatal[..] else { panic!("{reading}") };
    assert!(line.ends_with("Z service: fatal: request 4 failed"), "{line}");
    for (heading, end) in [
        ("A service and its logger", "-rwxr--r--\n-rw-------\n-rw-r--r--\n"),
        ("One logger", "multilog: fatal: unable to lock directory ./log/main: temporary failure\n(exit code 111)\n"),
        ("Rotating by hand", "before\nafter\n"),
        ("Shipping", "\n300\n"),
    ] {
        assert!(part(heading).ends_with(end), "{shown}");
    }
}

/// What keeps a connection of ssh open is a process that has one of its descriptors.
#[test]
fn a_job_keeps_nothing_of_the_session_that_started_it() {
    let installed = Installed::new();
    let place = tempfile::tempdir().unwrap();
    let fifo = place.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let path = format!("{}:/usr/bin:/bin", installed.path().display());
    let line = "daemonize -c . -o log -e log sh -c 'exec 3<>fifo; echo begun; read x <&3; echo over'";
    let mut session = Command::new("/bin/sh");
    session.args(["-c", line]).env("PATH", path).current_dir(place.path());
    let pipes = session.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // comes back at the end of both pipes, which no job holds open
    let output = pipes.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stdout.as_slice(), output.stderr.as_slice()),
        (Some(0), &b""[..], &b""[..])
    );
    // it still runs: the end of a FIFO for writing can be opened, and what is written there ends it
    std::fs::OpenOptions::new().write(true).open(&fifo).unwrap().write_all(b"\n").unwrap();
    let log = place.path().join("log");
    until("the job's end", || std::fs::read_to_string(&log).is_ok_and(|text| text == "begun\nover\n"));
}

/// What the README says of a script's lock: a job has it as well, unless `--close-fds` is given.
#[test]
fn a_job_keeps_the_lock_of_a_script_that_does_not_close_it() {
    let installed = Installed::new();
    let path = format!("{}:/usr/bin:/bin", installed.path().display());
    for (option, is_free) in [("", Some(111)), ("--close-fds", Some(0))] {
        let place = place::Place::new();
        let fifo = place.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        // not on 3, which is the lock's
        let job = "exec 9<>fifo; read x <&9; echo over";
        let script =
            format!("setlock lock sh -c 'daemonize {option} -c . -o log sh -c \"{job}\"'; setlock -n lock true");
        let mut session = Command::new("/bin/sh");
        session.args(["-c", &script]).env("PATH", &path).current_dir(place.path());
        assert_eq!(session.output().unwrap().status.code(), is_free, "{option}");
        std::fs::OpenOptions::new().write(true).open(&fifo).unwrap().write_all(b"\n").unwrap();
        let log = place.path().join("log");
        until("the job's end", || std::fs::read_to_string(&log).is_ok_and(|text| text == "over\n"));
        place.wait_for_the_end(&script);
    }
}
