//! The options that say how a daemon is made: sessions and terminals, standard files, umask, descriptors; and how long the
//! foreground stays at all.

use crate::ground::{Ground, Run, WAYS, Way, is_alive};
use nix::fcntl::OFlag;
use nix::unistd::Pid;
use std::fs;
use std::os::fd::AsRawFd;

/// What the shell says of itself: the fields of /proc/PID/stat from the name on.
const STATE: &str = "sed 's/.*) //' /proc/$$/stat >&8; read line <&9; :";

/// Parent, group, session and terminal of the daemon, and its own id.
struct State {
    pid: i32,
    group: i32,
    session: i32,
    terminal: i32,
}

impl State {
    fn of(run: &mut Run, pid: i32) -> Self {
        let line = run.line();
        let fields: Vec<i32> = line.split(' ').skip(1).take(4).map(|field| field.parse().unwrap()).collect();
        Self { pid, group: fields[1], session: fields[2], terminal: fields[3] }
    }
}

/// Starts a daemon that says its state, and then lives until it is let go.
fn state(ground: &Ground, way: Way, options: &[&str], before: &str) -> State {
    let script = format!("echo $$ >&8; {before} {STATE}");
    let mut run = ground.start(way, &[options, &["sh", "-c", &script]].concat());
    assert_eq!((run.code(), run.stderr()), (0, String::new()), "{options:?} {way:?}");
    let pid = run.line().parse().unwrap();
    let state = State::of(&mut run, pid);
    assert_eq!(run.finish(), "");
    state
}

#[test]
fn the_daemon_leads_a_session_unless_it_is_forked_twice_or_told_not_to() {
    let ground = Ground::new();
    let session = nix::unistd::getsid(None).unwrap().as_raw();
    for way in WAYS {
        let own = state(&ground, way, &[], "");
        assert_eq!((own.session, own.group, own.session == own.pid), (own.group, own.session, !way.twice), "{way:?}");
        assert_ne!(own.session, session);
        if way.twice {
            // whoever led it is gone
            assert!(!is_alive(Pid::from_raw(own.session)));
        }
        let same = state(&ground, way, &["--no-session"], "");
        assert_eq!(same.session, session, "{way:?}");
        assert_eq!(same.group, nix::unistd::getpgrp().as_raw(), "{way:?}");
    }
}

/// The leader of a session without a terminal gains one by opening it; nobody else does.
#[test]
fn forked_twice_it_cannot_gain_a_terminal() {
    let ground = Ground::new();
    for way in WAYS {
        // held open as long as somebody opens the other side
        let pty = nix::pty::posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        nix::pty::grantpt(&pty).unwrap();
        nix::pty::unlockpt(&pty).unwrap();
        let name = nix::pty::ptsname_r(&pty).unwrap();
        let daemon = state(&ground, way, &[], &format!("exec 7<>{name};"));
        assert_eq!(daemon.terminal != 0, !way.twice, "{way:?}");
        assert!(pty.as_raw_fd() > 2);
    }
}

#[test]
fn standard_files_are_null_or_what_they_were() {
    let ground = Ground::new();
    let show = "readlink /proc/$$/fd/0 /proc/$$/fd/1 /proc/$$/fd/2 | cat >&8; echo out; echo error >&2; pwd >&8";
    for way in WAYS {
        let mut run = ground.start(way, &["sh", "-c", show]);
        assert_eq!((run.code(), run.rest()), (0, format!("{}/\n", "/dev/null\n".repeat(3))), "{way:?}");
        assert_eq!((run.stdout(), run.stderr()), (String::new(), String::new()), "{way:?}");
        let mut run = ground.start(way, &["--keep-stdio", "-c", "@/.", "sh", "-c", show]);
        let (code, rest) = (run.code(), run.rest());
        let lines: Vec<&str> = rest.lines().collect();
        assert!(lines[0] == "/dev/null" && lines[1].starts_with("pipe:") && lines[2].starts_with("pipe:"), "{rest}");
        let directory = fs::canonicalize(ground.at(".")).unwrap();
        assert_eq!((code, lines[3]), (0, directory.to_str().unwrap()), "{way:?}");
        assert_eq!((run.stdout(), run.stderr()), ("out\n".to_owned(), "error\n".to_owned()), "{way:?}");
    }
}

#[test]
fn the_umask_is_the_callers_or_what_is_said() {
    let ground = Ground::new();
    for way in WAYS {
        for (options, umask) in [
            (&[][..], "0031"),
            (&["--umask=027"], "0027"),
            (&["--umask", "0"], "0000"),
            (&["--umask=777"], "0777"),
            (&["-o", "@/log", "--umask=022"], "0022"),
        ] {
            let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
            let words = [&["daemonize"], twice, options, &["sh", "-c", "umask >&8"]].concat();
            let mut run = Run::with(ground.command(way.fused, &words), || {
                nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o031));
                Ok(())
            });
            assert_eq!((run.code(), run.rest()), (0, format!("{umask}\n")), "{options:?} {way:?}");
        }
        // the log is made before
        let mode = fs::metadata(ground.at("log")).unwrap();
        assert_eq!(std::os::unix::fs::MetadataExt::mode(&mode) & 0o777, 0o666 & !0o031, "{way:?}");
        fs::remove_file(ground.at("log")).unwrap();
    }
}

#[test]
fn descriptors_are_closed_but_for_those_that_daemonize_gives() {
    let ground = Ground::new();
    for way in WAYS {
        let twice: &[&str] = if way.twice { &["--double-fork"] } else { &[] };
        for (options, numbers) in [
            // voice and life go as well, so it says what it finds in a file and then that it is ready
            (&["--close-fds"][..], "0 1 2 4"),
            (&["--close-fds", "-l", "@/lock"], "0 1 2 3 4"),
            (&["--close-fds=4", "-l", "@/lock", "-p", "@/pid"], "0 1 2 3 4 10"),
            (&["--close-fds=9"], "0 1 2 4 8"),
            (&["--close-fds=10"], "0 1 2 4 8 9"),
            (&["--close-fds=21"], "0 1 2 4 8 9 20"),
            (&["--close-fds=2000"], "0 1 2 4 8 9 20"),
            (&[], "0 1 2 4 8 9 20"),
        ] {
            // those of the one before may still be held
            for name in ["lock", "pid"] {
                let _ = fs::remove_file(ground.at(name));
            }
            let show = ["-o", "@/out", "--ready=fd=4", "sh", "-c", "ls /proc/$$/fd; echo >&4"];
            let words = [&["daemonize"], twice, options, &show].concat();
            let mut run = Run::with(ground.command(way.fused, &words), || {
                // SAFETY: numbers of descriptors, in a process that is about to exec.
                nix::errno::Errno::result(unsafe { libc::dup2(8, 20) }).map(drop)
            });
            assert_eq!((run.code(), run.stderr()), (0, String::new()), "{options:?} {way:?}");
            let seen = fs::read_to_string(ground.at("out")).unwrap();
            let mut seen: Vec<i32> = seen.lines().map(|line| line.parse().unwrap()).collect();
            seen.sort_unstable();
            let seen: Vec<String> = seen.iter().map(i32::to_string).collect();
            assert_eq!(seen.join(" "), numbers, "{options:?} {way:?}");
        }
    }
}

#[test]
fn the_truth_is_heard_although_descriptors_are_closed() {
    let ground = Ground::new();
    let _held = ground.hold("held");
    let says = ground.fill("setlock: fatal: unable to lock @/held: temporary failure\n");
    for way in WAYS {
        for options in [&["--close-fds"][..], &["--close-fds=3", "-p", "@/pid"], &["--close-fds", "--ready=fd=5"]] {
            let words = [options, &["setlock", "-n", "@/held", "serve"]].concat();
            ground.start(way, &words).assert_failed(&format!("{words:?} {way:?}"), 111, &says);
        }
    }
}

#[test]
fn without_readiness_only_its_own_part_is_waited_for() {
    let ground = Ground::new();
    for way in WAYS {
        let held = ground.hold("held");
        let mut run = ground.start(way, &["--ready=none", "-p", "@/pid", "setlock", "@/held", "serve"]);
        assert_eq!((run.code(), run.stderr()), (0, String::new()), "{way:?}");
        // its own part: the pid is there
        let pid: i32 = fs::read_to_string(ground.at("pid")).unwrap().trim_end().parse().unwrap();
        drop(held);
        assert_eq!(run.serving(), Pid::from_raw(pid), "{way:?}");
        assert_eq!(run.finish(), "");
        let mut run = ground.start(way, &["--ready=none", "no-such"]);
        assert_eq!((run.code(), run.stderr(), run.rest()), (0, String::new(), String::new()), "{way:?}");
        let says = ground.fill("daemonize: Can't open \"@/none/log\" for stdout: No such file or directory\n");
        ground.start(way, &["--ready=none", "-o", "@/none/log", "serve"]).assert_failed("log", 1, &says);
    }
}

#[test]
fn a_value_that_makes_no_sense_is_one_line_and_1() {
    let ground = Ground::new();
    for (option, values) in [
        ("--ready", &["", "exit", "fd=", "fd=2", "fd=-3", "fd=x", "fd=99999999999", "Notify", "notify ", "fd=3x"][..]),
        ("--notify-access", &["", "exec", "ALL"]),
        ("--timeout", &["", "-1", "x", "1s", ".", "1.x", "1e3", " 1"]),
        ("--on-timeout", &["", "kill", "Stop"]),
        ("--settle", &["", "-1", "1.5", "x"]),
        ("--umask", &["", "8", "-1", "01000", "0x1", "rw"]),
        ("--close-fds", &["", "2", "-1", "x"]),
        ("--pidfile-owner", &["", "root", "me"]),
        ("-E", &["", "NAME"]),
    ] {
        for value in values {
            let word = if option == "-E" { format!("-E{value}") } else { format!("{option}={value}") };
            let words = if word == "-E" { vec!["-E", ""] } else { vec![word.as_str()] };
            let mut run = ground.run(true, &[&["daemonize"], &words[..], &["serve"]].concat());
            let code = run.code();
            let says = run.stderr();
            assert_eq!((code, says.lines().count(), run.rest()), (1, 1, String::new()), "{word}: {says}");
            assert!(says.starts_with("daemonize: ") && says.ends_with('\n'), "{word}: {says}");
        }
    }
}

#[test]
fn what_is_being_done_is_said_on_standard_output_alone() {
    let ground = Ground::new();
    for way in WAYS {
        let mut run = ground.start(way, &["-v", "-p", "@/pid", "-o", "@/log", "-e", "@/log", "sh", "-c", "echo out"]);
        let expected = "Creating PID file \"@/pid\".\nOverwriting @/log\nDaemonizing...\n";
        assert_eq!((run.code(), run.stdout(), run.stderr()), (0, ground.fill(expected), String::new()), "{way:?}");
        assert_eq!(run.rest(), "");
        assert_eq!(fs::read_to_string(ground.at("log")).unwrap(), "out\n", "{way:?}");
    }
}
