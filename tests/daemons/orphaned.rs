//! A foreground that is gone before it could say how the start went has told nobody that anything runs: so nothing comes
//! of it, wherever it waits.

use crate::blocked::{WAITING, fresh_fifo, wait_for_pid};
use crate::ground::{FUSED, Ground, Run, UNFUSED, WAYS, is_alive};
use crate::pidfile_ground::await_call;
use crate::support::waiting::{look_until, unread};
use crate::support::{is_root, leave_out};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, kill};
use std::fs;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

const SIGNALS: [Signal; 4] = [Signal::SIGKILL, Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Kills the foreground, which waits; nothing is left, and the program has not run.
#[track_caller]
fn ends_with_its_foreground(run: &mut Run, signal: Signal, context: &str) {
    assert!(!run.has_returned(), "{context}");
    kill(run.pid(), signal).unwrap();
    assert_eq!(run.code(), 1000 + signal as i32, "{context}");
    assert_eq!(run.rest(), "", "{context}");
}

#[test]
fn where_a_log_waits_for_a_reader() {
    let ground = Ground::new();
    for way in WAYS {
        for (option, signal) in ["-o", "-e"].into_iter().cycle().zip(SIGNALS) {
            for ready in ["exec", "none", "notify", "fd=5"] {
                let fifo = fresh_fifo(&ground);
                let ready = format!("--ready={ready}");
                let mut run = ground.start(way, &[&ready, "-p", "@/pid", option, "@/fifo", "serve"]);
                wait_for_pid(&ground);
                ends_with_its_foreground(&mut run, signal, &format!("{option} {ready} {way:?}"));
                // for whom there is no writer any more
                let mut reader = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&fifo).unwrap();
                assert_eq!(reader.read(&mut [0]).unwrap(), 0);
                fs::remove_file(ground.at("pid")).unwrap();
            }
        }
    }
}

#[test]
fn where_a_link_waits_for_a_lock() {
    let ground = Ground::new();
    for way in WAYS {
        for (number, chain) in WAITING.iter().enumerate() {
            let signal = SIGNALS[number % SIGNALS.len()];
            let held = ground.hold("held");
            // what has been set for the wait of others does not count for these
            for options in [&["-e", "@/log"][..], &["--timeout=600"], &["--no-session"]] {
                let mut run = ground.start(way, &[options, *chain].concat());
                ground.wait_for_waiter("held");
                ends_with_its_foreground(&mut run, signal, &format!("{options:?} {chain:?} {way:?}"));
            }
            drop(held);
        }
    }
}

/// A record lock, a lock that is asked for again and again, and a log that takes no more of what a failed start has to say.
#[test]
fn where_other_things_are_waited_for() {
    let ground = Ground::new();
    let mut holder = ground.run(true, &["pidfile-lock", "@/held.pid", "serve"]);
    holder.serving();
    for way in WAYS {
        for wait in [&["-N"][..], &["-t", "600"]] {
            let words = [&["-p", "@/pid", "pidfile-lock"], wait, &["@/held.pid", "serve"]].concat();
            let mut run = ground.start(way, &words);
            let daemon = wait_for_pid(&ground);
            let name = || fs::read_to_string(format!("/proc/{daemon}/comm")).unwrap();
            look_until("a link that waits", || name() == "pidfile-lock\n");
            ends_with_its_foreground(&mut run, Signal::SIGKILL, &format!("{words:?} {way:?}"));
            fs::remove_file(ground.at("pid")).unwrap();
        }
        let fifo = fresh_fifo(&ground);
        let full = fs::File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(fifo).unwrap();
        while nix::unistd::write(&full, &[b'x'; 512]).is_ok() {}
        let mut run = ground.start(way, &["-e", "@/fifo", "no-such"]);
        let foreground = run.pid();
        // the daemon, and the one in between that is to be waited for
        let children = || fs::read_to_string(format!("/proc/{foreground}/task/{foreground}/children")).unwrap();
        let call = |pid: &str| fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        let message = format!("{} 0x2 ", libc::SYS_writev);
        look_until("a message that waits", || children().split_whitespace().any(|pid| call(pid).starts_with(&message)));
        ends_with_its_foreground(&mut run, Signal::SIGKILL, &format!("a full log {way:?}"));
    }
    holder.let_go();
    assert_eq!(holder.code(), 0);
}

/// By which a C library opens a file.
#[cfg(target_arch = "x86_64")]
const OPENINGS: &[i64] = &[libc::SYS_openat, libc::SYS_open];
#[cfg(not(target_arch = "x86_64"))]
const OPENINGS: &[i64] = &[libc::SYS_openat];

/// nohup.out is only opened for a terminal.
#[test]
fn where_nohup_waits_for_a_reader() {
    let ground = Ground::new();
    for way in WAYS {
        let _ = fs::remove_file(ground.at("nohup.out"));
        nix::unistd::mkfifo(&ground.at("nohup.out"), nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
        let Ok(terminal) = nix::pty::openpty(None, None) else { return leave_out("nohup.out: no terminal to be had") };
        // out of the way of voice and life
        let slave = fcntl(&terminal.slave, FcntlArg::F_DUPFD_CLOEXEC(200)).unwrap();
        let words = ["daemonize", "--keep-stdio", "-c", "@/.", "-p", "@/pid", "nohup", "serve"];
        let words = if way.twice { [&words[..1], &["--double-fork"], &words[1..]].concat() } else { words.to_vec() };
        let mut run = Run::with(ground.command(way.fused, &words), move || {
            // SAFETY: numbers, right before the exec.
            Errno::result(unsafe { libc::dup2(slave, 1) }).map(drop)
        });
        let daemon = wait_for_pid(&ground);
        await_call(daemon, OPENINGS);
        ends_with_its_foreground(&mut run, Signal::SIGKILL, &format!("{way:?}"));
        nix::unistd::close(slave).unwrap();
        fs::remove_file(ground.at("pid")).unwrap();
    }
}

/// Whom the kernel lets a signal be sent to depends on the account of who has asked for it.
#[test]
fn behind_a_change_of_account() {
    if !is_root() {
        return leave_out("a foreground that is killed while another account waits: needs root");
    }
    let ground = Ground::new();
    for way in WAYS {
        for chain in [
            &["setuidgid", "nobody", "setlock", "@/held", "serve"][..],
            &["-u", "nobody", "setlock", "@/held", "serve"],
        ] {
            let _held = ground.hold("held");
            let mut run = ground.start(way, chain);
            ground.wait_for_waiter("held");
            ends_with_its_foreground(&mut run, Signal::SIGKILL, &format!("{chain:?} {way:?}"));
        }
    }
}

/// One foreground waits for another, which waits for a program that runs: that goes on, and both foregrounds end.
#[test]
fn a_foreground_that_waits_for_another() {
    let ground = Ground::new();
    ground.script("never-ready", "echo serving $$ >&8; read line <&9");
    let keeps: &[&str] = &["--timeout=600", "--on-timeout=keep"];
    for (way, options, chain) in [
        (FUSED, &[][..], &[][..]),
        (UNFUSED, &[], &[]),
        (FUSED, &[], &["setsid", "--fork"]),
        (UNFUSED, keeps, &["setsid", "--fork"]),
    ] {
        let words = [&["daemonize", "-p", "@/pid", "--ready=notify"], options, chain, &["never-ready"]].concat();
        let mut run = ground.start(way, &words);
        let daemon = run.serving();
        let foreground = run.pid();
        let parent = |pid: &str| {
            // a link in between may be gone by now
            let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            text.rsplit(')').next().and_then(|rest| rest.split(' ').nth(2)).unwrap_or_default().to_owned()
        };
        // the inner foreground is the outer one's child, and the daemon's parent once no link is in between
        let inner = || parent(&daemon.to_string());
        look_until("the inner foreground has the daemon", || parent(&inner()) == foreground.to_string());
        let waits = inner();
        kill(foreground, Signal::SIGKILL).unwrap();
        assert_eq!(run.code(), 1009, "{words:?} {way:?}");
        look_until("the inner foreground is gone", || inner() != waits);
        assert!(is_alive(daemon), "{words:?} {way:?}");
        assert_eq!(run.finish(), "", "{words:?} {way:?}");
        let _ = fs::remove_file(ground.at("pid"));
    }
}

/// A foreground that has said all it had to say has not been killed.
#[test]
fn not_once_the_foreground_has_returned() {
    let ground = Ground::new();
    for way in WAYS {
        let held = ground.hold("held");
        let mut run = ground.start(way, &["--ready=none", "-e", "@/log", "setlock", "@/held", "no-such"]);
        assert_eq!(run.code(), 0, "{way:?}");
        ground.wait_for_waiter("held");
        drop(held);
        assert_eq!(run.rest(), "");
        let says = "setlock: fatal: unable to run no-such: file does not exist\n";
        assert_eq!(fs::read_to_string(ground.at("log")).unwrap(), says, "{way:?}");
        fs::remove_file(ground.at("log")).unwrap();

        // behind another that waits for all of it, that one counts
        let held = ground.hold("held");
        let mut run = ground.start(way, &["daemonize", "--ready=none", "setlock", "@/held", "serve"]);
        ground.wait_for_waiter("held");
        ends_with_its_foreground(&mut run, Signal::SIGKILL, &format!("{way:?}"));
        drop(held);

        let held = ground.hold("held");
        let words = ["--timeout=1", "--on-timeout=keep", "setlock", "@/held", "serve"];
        let mut run = ground.start(way, &words);
        assert_eq!(run.code(), 1, "{way:?}");
        ground.wait_for_waiter("held");
        drop(held);
        run.serving();
        assert_eq!(run.finish(), "", "{way:?}");
    }
}

/// It may be for ever, so it is said once.
#[test]
fn a_wait_is_told_of() {
    let ground = Ground::new();
    let held = ground.hold("held");
    ground.script("late", "echo serving $$ >&8; read line <&9; echo >&3; read line <&9");
    let mut runs = WAYS.map(|way| ground.start(way, &["setlock", "-s", "@/held", "serve"]));
    let mut late = WAYS.map(|way| ground.start(way, &["--ready=fd=3", "--timeout=600", "late"]));
    for run in runs.iter_mut().chain(&mut late) {
        look_until("a word", || run_says(run.pid()));
    }
    drop(held);
    for run in &mut runs {
        let daemon = run.serving();
        assert_eq!(run.code(), 0);
        let says = format!("daemonize: still waiting: pid {daemon} (setlock) has not started its program yet\n");
        assert_eq!(run.stderr(), says);
        assert_eq!(run.finish(), "");
    }
    for run in &mut late {
        let daemon = run.serving();
        run.tell("now");
        let says = format!("daemonize: still waiting: pid {daemon} (late) has not said yet that it is ready\n");
        assert_eq!((run.code(), run.stderr()), (0, says));
        assert_eq!(run.finish(), "");
    }
}

/// Whether the process has written to its standard error, which nobody has read from yet.
fn run_says(pid: nix::unistd::Pid) -> bool {
    let pipe = fs::File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(format!("/proc/{pid}/fd/2"));
    pipe.is_ok_and(|pipe| unread(&pipe) > 0)
}
