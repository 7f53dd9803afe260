//! The old text of a log goes when the program starts, as in the reference, and not before: a start that comes to nothing
//! leaves it, and what it has to say behind it.

use crate::ground::{Ground, WAYS};
use crate::support::waiting::look_until;
use crate::support::{is_root, leave_out, peer};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

const OLD: &str = "a line of old\nand another\n";

fn with_old(ground: &Ground, names: &[&str]) {
    for name in names {
        fs::write(ground.at(name), OLD).unwrap();
        fs::set_permissions(ground.at(name), fs::Permissions::from_mode(0o666)).unwrap();
    }
}

fn log(ground: &Ground, name: &str) -> String {
    fs::read_to_string(ground.at(name)).unwrap()
}

#[test]
fn a_start_that_fails_leaves_the_old_text() {
    let ground = Ground::new();
    ground.script("lost", "");
    fs::write(ground.at("lost"), "#!/no/such/interpreter\n").unwrap();
    ground.script("circle", "");
    fs::write(ground.at("circle"), ground.fill("#!@/circle\n")).unwrap();
    ground.script("text", "");
    fs::write(ground.at("text"), "echo ran >&8\n").unwrap();
    ground.script("foreign", "");
    let mut program = fs::read("/bin/sh").unwrap();
    program[18..20].copy_from_slice(&[0x77, 0x77]);
    fs::write(ground.at("foreign"), program).unwrap();
    fs::write(ground.at("plain"), "#!/bin/sh\n").unwrap();
    fs::create_dir(ground.at("directory")).unwrap();
    let chains: &[&[&str]] = &[
        &["no-such"],
        &["lost"],
        &["circle"],
        &["softlimit", "@/plain"],
        &["softlimit", "@/directory"],
        &["softlimit", "@/foreign"],
        &["softlimit", "@/text"],
        &["nohup", "no-such"],
        &["envdir", "@/none", "serve"],
        &["setuidgid", "no-such-account", "serve"],
        &["fghack", "no-such"],
        &["setsid", "--fork", "lost"],
        &["setsid", "--wait", "setlock", "@/none/lock", "serve"],
        &["daemonize", "lost"],
        &["daemonize", "-o", "@/none/log", "serve"],
        &["-c", "@/none", "serve"],
        &["-e", "@/none/log", "serve"],
        &["--umask=22", "softlimit", "--no-such-option", "serve"],
    ];
    for way in WAYS {
        for chain in chains {
            for options in [&["-o", "@/log", "-e", "@/log"][..], &["-e", "@/log"], &["-o", "@/log"]] {
                with_old(&ground, &["log"]);
                let context = format!("{options:?} {chain:?} {way:?}");
                let mut run = ground.start(way, &[options, *chain].concat());
                assert_ne!(run.code(), 0, "{context}");
                let says = run.stderr();
                assert_eq!(run.rest(), "", "{context}");
                // where it was said before the log was in its place, or is said elsewhere, there is nothing to add
                let seen = log(&ground, "log");
                let added = seen.strip_prefix(OLD).unwrap_or_else(|| panic!("{context}: {seen:?}"));
                assert!(added.is_empty() || added.ends_with(&says), "{context}: {added:?} and {says:?}");
                let is_said_there = chain[0] != "-c" && chain[0] != "-e" && options.contains(&"-e");
                assert_eq!(!added.is_empty(), is_said_there, "{context}: {added:?}");
            }
        }
    }
}

#[test]
fn a_start_that_is_killed_leaves_the_old_text() {
    let ground = Ground::new();
    for way in WAYS {
        let _held = ground.hold("held");
        for is_foreground in [true, false] {
            with_old(&ground, &["out", "err"]);
            let words = ["-p", "@/pid", "-o", "@/out", "-e", "@/err", "softlimit", "setlock", "@/held", "serve"];
            let mut run = ground.start(way, &words);
            ground.wait_for_waiter("held");
            let daemon = fs::read_to_string(ground.at("pid")).unwrap().trim_end().parse().unwrap();
            kill(if is_foreground { run.pid() } else { nix::unistd::Pid::from_raw(daemon) }, Signal::SIGKILL).unwrap();
            assert_ne!(run.code(), 0);
            assert_eq!(run.rest(), "");
            assert_eq!([log(&ground, "out"), log(&ground, "err")], [OLD, OLD], "{way:?}");
            let _ = fs::remove_file(ground.at("pid"));
        }
    }
}

/// What the program writes is all there is, from the first byte; the file stays the same one.
#[test]
fn a_start_that_succeeds_has_an_empty_log() {
    let ground = Ground::new();
    ground.script("speaks", "echo serving $$ >&8; echo out; echo err >&2; echo more");
    fs::write(ground.at("no-mark"), "echo serving $$ >&8; echo out; echo err >&2; echo more\n").unwrap();
    fs::set_permissions(ground.at("no-mark"), fs::Permissions::from_mode(0o755)).unwrap();
    let chains: &[&[&str]] = &[
        &["speaks"],
        &["no-mark"],
        &["softlimit", "-c", "0", "setlock", "@/lock", "speaks"],
        &["fghack", "speaks"],
        &["setsid", "--fork", "nohup", "speaks"],
        &["daemonize", "--keep-stdio", "speaks"],
        &["--ready=none", "setlock", "@/lock", "speaks"],
        &["sh", "-c", "exec setlock @/lock speaks"],
        &["--close-fds=10", "softlimit", "-a", "1000000000", "speaks"],
    ];
    for way in WAYS {
        for chain in chains {
            let chain: Vec<String> = chain.iter().map(|word| ground.fill(word)).collect();
            let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
            with_old(&ground, &["out", "err"]);
            let before = fs::metadata(ground.at("out")).unwrap().ino();
            let mut run = ground.start(way, &[&["-o", "@/out", "-e", "@/err"], &chain[..]].concat());
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{chain:?} {way:?}");
            run.serving();
            run.rest();
            assert_eq!([log(&ground, "out"), log(&ground, "err")], ["out\nmore\n", "err\n"], "{chain:?} {way:?}");
            assert_eq!(fs::metadata(ground.at("out")).unwrap().ino(), before, "{chain:?} {way:?}");
            // one file has both
            with_old(&ground, &["out"]);
            let mut run = ground.start(way, &[&["-o", "@/out", "-e", "@/out"], &chain[..]].concat());
            assert_eq!(run.code(), 0);
            run.rest();
            assert_eq!(log(&ground, "out"), "out\nerr\nmore\n", "{chain:?} {way:?}");
        }
        with_old(&ground, &["out"]);
        let mut run = ground.start(way, &["-a", "-o", "@/out", "speaks"]);
        assert_eq!(run.code(), 0);
        run.rest();
        assert_eq!(log(&ground, "out"), format!("{OLD}out\nmore\n"), "{way:?}");
    }
}

/// As in the reference, where the log is empty from the start: what the links of the chain say comes first.
#[test]
fn what_the_links_say_is_the_beginning_of_the_log() {
    let ground = Ground::new();
    ground.script("speaks", "echo serving $$ >&8; echo out");
    let far = "x".repeat(3000);
    for way in WAYS {
        for old in [OLD.to_owned(), "y".repeat(100_000), "z".into()] {
            fs::write(ground.at("out"), &old).unwrap();
            let words = ["-o", "@/out", "daemonize", "-v", "--keep-stdio", "-p", &format!("@/{far}"), "speaks"];
            let mut run = ground.start(way, &words);
            assert_ne!(run.code(), 0, "{way:?}");
            let said = ground.fill(&format!("Creating PID file \"@/{far}\".\n"));
            assert!(log(&ground, "out") == format!("{old}{said}"), "{way:?}");

            fs::write(ground.at("out"), &old).unwrap();
            let words = ["-o", "@/out", "daemonize", "-v", "--keep-stdio", "-p", "@/pid", "speaks"];
            let mut run = ground.start(way, &words);
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
            run.rest();
            let said = ground.fill("Creating PID file \"@/pid\".\nDaemonizing...\nout\n");
            assert_eq!(log(&ground, "out"), said, "{way:?}");
        }
    }
}

/// Two names of one file, a log of a daemon within a daemon, and a log that is no file.
#[test]
fn other_logs() {
    let ground = Ground::new();
    ground.script("speaks", "echo serving $$ >&8; echo out; ls /proc/$$/fd >&8");
    for way in WAYS {
        let fresh = |options: &[&str]| {
            let mut run = ground.start(way, &[options, &["speaks"]].concat());
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{options:?} {way:?}");
            run.serving();
            run.rest()
        };
        // the program has nothing open that it would not have without an old text
        let _ = fs::remove_file(ground.at("out"));
        let expected = fresh(&["-o", "@/out"]);
        with_old(&ground, &["out"]);
        assert_eq!(fresh(&["-o", "@/out"]), expected, "{way:?}");

        with_old(&ground, &["out"]);
        let _ = fs::remove_file(ground.at("second"));
        fs::hard_link(ground.at("out"), ground.at("second")).unwrap();
        fresh(&["-o", "@/out", "-e", "@/second"]);
        assert_eq!(log(&ground, "out"), "out\n", "{way:?}");

        with_old(&ground, &["out", "inner"]);
        fresh(&["-o", "@/out", "daemonize", "-o", "@/inner"]);
        assert_eq!([log(&ground, "out"), log(&ground, "inner")], ["", "out\n"], "{way:?}");
        fresh(&["-o", "/dev/null", "-e", "/dev/full"]);

        // a tool at the end of the chain is a program, once it is at work
        with_old(&ground, &["out"]);
        let mut run = ground.start(way, &["-o", "@/out", "svstat", "@/none"]);
        assert_eq!((run.code(), run.rest()), (0, String::new()));
        assert!(log(&ground, "out").starts_with(&ground.fill("@/none: ")), "{way:?}: {}", log(&ground, "out"));
        with_old(&ground, &["out"]);
        let mut run = ground.start(way, &["-o", "@/out", "svstat", "--no-such-option"]);
        assert_ne!(run.code(), 0);
        assert_eq!(log(&ground, "out"), OLD, "{way:?}");
    }
}

#[test]
fn a_log_of_another_account() {
    if !is_root() {
        return leave_out("logs of daemons of other accounts: need root");
    }
    let ground = Ground::new();
    ground.script("speaks", "echo serving $$ >&8; echo out");
    for way in WAYS {
        with_old(&ground, &["out"]);
        let mut run = ground.start(way, &["-u", "nobody", "-o", "@/out", "setlock", "-n", "@/none/lock", "speaks"]);
        assert_eq!(run.code(), 111);
        assert_eq!(log(&ground, "out"), OLD, "{way:?}");
        let mut run = ground.start(way, &["-o", "@/out", "setuidgid", "nobody", "speaks"]);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        run.rest();
        assert_eq!(log(&ground, "out"), "out\n", "{way:?}");
    }
}

/// supervise starts it, and is itself the program that the log is emptied for: nothing of what a service says at once may go with
/// the old text.
#[test]
fn a_log_is_emptied_before_a_service_can_say_anything() {
    let Some(strace) = peer("strace") else { return };
    let ground = Ground::new();
    let service = ground.at("service");
    fs::create_dir(&service).unwrap();
    fs::write(service.join("run"), "#!/bin/sh\necho first\nexec sleep 1000\n").unwrap();
    fs::set_permissions(service.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    with_old(&ground, &["log"]);
    let calls = ground.at("calls");
    let [strace, calls] = [strace.to_str().unwrap(), calls.to_str().unwrap()];
    let words = [strace, "-f", "-qq", "-o", calls, "-e", "trace=ftruncate,execve", "daemonize", "-o", "@/log"];
    let mut run = ground.run(true, &[&words[..], &["-e", "@/log", "supervise", "@/service"]].concat());
    look_until("the service", || log(&ground, "log") == "first\n");
    let control = fs::OpenOptions::new().write(true).open(service.join("supervise/control"));
    std::io::Write::write_all(&mut control.unwrap(), b"dx").unwrap();
    assert_eq!(run.code(), 0, "{}", run.stderr());
    run.rest();
    let calls = log(&ground, "calls");
    let place = |call: &str| calls.lines().position(|line| line.contains(call));
    let (emptied, started) = (place(" ftruncate("), place(" execve(\"./run\""));
    assert!(emptied.is_some() && emptied < started, "{calls}");
}

/// What links have said is the beginning of both.
#[test]
fn one_file_under_two_names_is_emptied_once() {
    let ground = Ground::new();
    ground.script("speaks", "echo out; echo serving $$ >&8");
    fs::write(ground.at("target"), "").unwrap();
    std::os::unix::fs::symlink("target", ground.at("other")).unwrap();
    for way in WAYS {
        fs::write(ground.at("target"), "x\nyyyyyy\n").unwrap();
        fs::set_permissions(ground.at("target"), fs::Permissions::from_mode(0o666)).unwrap();
        let words = ["-o", "@/target", "-e", "@/other", "daemonize", "-v", "--keep-stdio", "speaks"];
        let mut run = ground.start(way, &words);
        assert_eq!(run.code(), 0, "{way:?}");
        run.serving();
        run.rest();
        let seen = log(&ground, "target");
        assert!(seen.ends_with("...\nout\n") && seen.starts_with("Daemonizing"), "{way:?}: {seen:?}");
    }
}
