//! A start that is stopped, killed or refused between two of its system calls.

use crate::pidfile_claim::{guard_of, own_name};
use crate::pidfile_ground::{Form, Place, Refused, WAITS, await_call, holder, holder_of, pid_in, record};
use crate::support::tracer::Tracee;
use crate::support::{is_root, leave_out, peer};
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

/// A start, stopped before its first system call. What it says is in the file `said`.
fn start(place: &Place, file: &Path) -> Option<Tracee> {
    let mut command = place.command(&["pidfile-lock", file.to_str().unwrap(), "/bin/true"]);
    let said = File::create(place.file("said")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    Tracee::start(command)
}

/// The same in the instant in which the file has its pid, and nobody's lock.
fn start_in_the_instant(place: &Place, file: &Path) -> Option<Tracee> {
    let mut start = start(place, file)?;
    // of the guard, for writing, for reading
    for _ in 0..3 {
        while start.next_call().is_some() && !start.is_locking() {}
    }
    assert_eq!((pid_in(file), holder_of(file)), (start.pid(), None));
    Some(start)
}

/// Another start waits, and is refused then.
#[test]
fn the_instant_without_a_lock_lets_no_second_one_in() {
    let place = Place::new();
    let file = place.file("pid");
    let Some(mut first) = start_in_the_instant(&place, &file) else { return };
    let second = place.start(Form::Alone, &[], &file);
    await_call(second.pid(), WAITS);
    while first.next_call().is_some_and(|call| !call.is_exec()) {}
    assert_eq!(holder(&file), first.pid());
    let refused = second.up().err().unwrap();
    assert_eq!(refused.code, Some(75), "{refused:?}");
    assert!(refused.stderr.contains(&format!("is held by pid {} (", first.pid())), "{refused:?}");
    first.kill();
    assert!(!guard_of(&file).exists());
}

/// It has no guard to wait for, and has the file then; the start takes back what it has written.
#[test]
fn the_instant_without_a_lock_is_a_writers_who_takes_it() {
    let place = Place::new();
    let file = place.file("pid");
    let Some(first) = start_in_the_instant(&place, &file) else { return };
    let opened = File::options().read(true).write(true).open(&file).unwrap();
    fcntl(&opened, FcntlArg::F_SETLK(&record(libc::F_WRLCK))).unwrap();
    assert_eq!(first.finish(), 75);
    let how = format!("is held by pid {} ({})", std::process::id(), own_name());
    assert_eq!(fs::read_to_string(place.file("said")).unwrap(), Form::Alone.says_held(&file, &how));
    // through what has the lock, which closing another would give back
    let mut text = String::new();
    std::io::Read::read_to_string(&mut &opened, &mut text).unwrap();
    assert_eq!(text, "");
    drop(opened);
    let _next = place.holder(Form::Alone, &[], &file);
    assert!(!guard_of(&file).exists());
}

/// Killed before any of its system calls, a start is in nobody's way, and whoever runs goes on having the file.
#[test]
fn a_start_that_is_killed_at_any_instant_is_in_nobodys_way() {
    let place = Place::new();
    let file = place.file("pid");
    // whether that was before the exec of the program, which is the last one
    let kill_at = |number: usize| {
        let mut start = start(&place, &file)?;
        for _ in 0..number {
            match start.next_call() {
                Some(call) if !call.is_exec() => {}
                Some(_) => {
                    start.kill();
                    return Some(true);
                }
                // refused, beside one that runs
                None => return Some(true),
            }
        }
        start.kill();
        Some(false)
    };
    for number in 1.. {
        let Some(is_last) = kill_at(number) else { return };
        let running = place.holder(Form::Alone, &[], &file);
        assert_eq!(holder(&file), running.pid(), "{number}");
        assert!(!guard_of(&file).exists(), "{number}");
        // beside one that runs
        kill_at(number);
        assert_eq!(holder(&file), running.pid(), "{number}");
        let refused = place.start(Form::Alone, &[], &file).up().err();
        let how = format!("is held by pid {} (cat)", running.pid());
        assert_eq!(refused, Some(Refused::new(75, Form::Alone.says_held(&file, &how))), "{number}");
        assert!(!guard_of(&file).exists(), "{number}");
        if is_last {
            return assert!(number > 25, "{number} calls");
        }
    }
}

#[test]
fn a_start_that_fails_late_takes_its_pid_back() {
    let place = Place::new();
    let Some(strace) = peer("strace") else { return };
    let strace = strace.to_str().unwrap();
    let file = place.file("pid");
    let lock = place.installed().applet("pidfile-lock");
    let log = place.file("log");
    let traced = |what: &str, file: &Path| {
        let words = [strace, "-qq", "-o", log.to_str().unwrap(), what, lock.to_str().unwrap()];
        place.run(&[&words[..], &[file.to_str().unwrap(), "/bin/true"]].concat())
    };
    if traced("--trace=fcntl", &file).code != Some(0) {
        return leave_out("a lock that the system refuses late: strace does not work here");
    }
    let calls = fs::read_to_string(&log).unwrap();
    let number = calls.lines().position(|line| line.contains("F_RDLCK")).unwrap_or_else(|| panic!("{calls}")) + 1;
    for is_new in [true, false] {
        let _ = fs::remove_file(&file);
        if !is_new {
            fs::write(&file, "7777777\n").unwrap();
        }
        let ended = traced(&format!("--inject=fcntl:error=ENOLCK:when={number}"), &file);
        assert_eq!(ended.code, Some(111), "{ended:?}");
        assert!(
            ended.stderr.starts_with(&format!("pidfile-lock: fatal: unable to lock {}: ", file.display())),
            "{ended:?}"
        );
        assert_eq!(fs::read_to_string(&file).ok(), Some(String::new()).filter(|_| !is_new));
        assert!(!guard_of(&file).exists());
    }
    // nor where there is no /proc
    let line = "umount -l /proc && exec pidfile-lock \"$0\" /missing";
    let words = ["unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", line, file.to_str().unwrap()];
    let words = if is_root() { [&["unshare", "--mount"], &words[4..]].concat() } else { words.to_vec() };
    let ended = place.run(&words);
    if ended.code != Some(127) {
        return leave_out(&format!("pid files without /proc: it cannot be unmounted here: {ended:?}"));
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}
