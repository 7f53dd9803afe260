//! The options of pidfile-lock, and those of daemonize that have to do with the pid file.

use crate::pidfile_ground::{CAT, Form, Place, Refused, Started, WAITS, await_call, holder, holder_of, pid_in};
use crate::support::waiting::PATIENCE;
use crate::support::{is_root, leave_out};
use nix::fcntl::{Flock, FlockArg};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn mode_of(file: &Path) -> u32 {
    fs::metadata(file).unwrap().mode() & 0o7777
}

/// Of others, as a file is that is touched by nobody.
fn sight(file: &Path) -> (u64, u32, Vec<i64>, Vec<u8>) {
    let seen = fs::metadata(file).unwrap();
    let times = vec![seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()];
    (seen.ino(), seen.mode(), times, fs::read(file).unwrap())
}

/// Runs a shell's line, in which `$0` is a file.
fn shell(place: &Place, line: &str, file: &Path) -> Refused {
    place.run(&["/bin/sh", "-c", line, file.to_str().unwrap()])
}

#[test]
fn a_refused_start_leaves_the_file_as_it_is() {
    let place = Place::new();
    for form in Form::ALL {
        let file = place.file(format!("{form:?}"));
        let _running = place.holder(form, &[], &file);
        let how = format!("is held by pid {} (cat)", holder(&file));
        let before = sight(&file);
        for next in Form::ALL {
            let refused = place.start(next, &[], &file).up().err().unwrap();
            assert_eq!(refused, Refused::new(75, next.says_held(&file, &how)), "{form:?} {next:?}");
            assert_eq!(sight(&file), before, "{form:?} {next:?}");
        }
        let refused = place.start(Form::Alone, &["-m", "0600"], &file).up().err().unwrap();
        assert_eq!(refused, Refused::new(75, Form::Alone.says_held(&file, &how)), "{form:?} -m");
        assert_eq!(sight(&file), before, "{form:?} -m");
    }
}

#[test]
fn who_is_told_of_a_held_file_and_how() {
    let place = Place::new();
    let file = place.file("pid");
    let running = place.holder(Form::Own, &[], &file);
    let said = Form::Alone.says_held(&file, &format!("is held by pid {} (cat)", holder(&file)));
    let cases: &[(&[&str], i32, bool)] = &[
        (&[], 75, true),
        (&["-n"], 75, true),
        (&["-N", "-n"], 75, true),
        (&["-t", "60", "-n"], 75, true),
        (&["-N", "-t", "0"], 75, true),
        (&["-x"], 0, false),
        (&["-nx"], 0, false),
        (&["-X", "-x"], 0, false),
        (&["-xX"], 75, true),
        (&["-E", "3"], 3, true),
        (&["-E0"], 0, true),
        (&["-E", "255"], 255, true),
        (&["-E", "3", "-E", "4"], 4, true),
        // silence is for good, whatever the code
        (&["-x", "-E", "3"], 0, false),
    ];
    for &(options, code, is_said) in cases {
        let refused = place.start(Form::Alone, options, &file).up().err().unwrap();
        assert_eq!(refused, Refused::new(code, if is_said { said.as_str() } else { "" }), "{options:?}");
    }
    // a code of one's own goes through daemonize, too
    let refused = place.start(Form::Behind, &["-E", "9"], &file).up().err().unwrap();
    assert_eq!(refused, Refused::new(9, said));
    // to be silent about a lock is not to be silent about all else
    drop(running);
    let seen = place.run(&["pidfile-lock", "-x", "missing/pid", "/bin/true"]);
    let words = "pidfile-lock: fatal: unable to open missing/pid: file does not exist\n";
    assert_eq!(seen, Refused::new(111, words));
    let seen = place.run(&["pidfile-lock", "-x", "pid", "/missing"]);
    assert_eq!(seen, Refused::new(127, "pidfile-lock: fatal: unable to run /missing: file does not exist\n"));
}

#[test]
fn who_waits_gets_the_file_when_it_is_free() {
    let place = Place::new();
    for options in [
        vec!["-N"],
        vec!["-n", "-N"],
        vec!["-t", "1", "-N"],
        vec!["-t", "600"],
        vec!["-N", "-t", "600.5"],
        vec!["--flock", "-N"],
        vec!["--flock", "-t", "600"],
    ] {
        let file = place.file("pid");
        let by_flock = options.contains(&"--flock");
        let name = file.to_str().unwrap();
        let front: &[&str] = if by_flock { &["-l", name] } else { &[] };
        let running = place.holder(Form::Own, front, &file);
        let first = pid_in(&file);
        let waiting = place.start(Form::Alone, &options, &file);
        await_call(waiting.pid(), WAITS);
        assert_eq!((pid_in(&file), holder_of(&file)), (first, Some(first).filter(|_| !by_flock)));
        running.kill(first);
        let waiting = waiting.up().unwrap();
        assert_eq!(pid_in(&file), waiting.pid(), "{options:?}");
        assert_eq!(holder_of(&file), Some(waiting.pid()).filter(|_| !by_flock), "{options:?}");
    }
}

#[test]
fn who_waits_so_long_at_most_gives_up_then_and_not_before() {
    let place = Place::new();
    let file = place.file("pid");
    let _running = place.holder(Form::Own, &[], &file);
    let said = Form::Alone.says_held(&file, &format!("is held by pid {} (cat)", holder(&file)));
    for (limit, milliseconds) in [("0", 0), ("0.3", 300), (".25", 250)] {
        let started = Instant::now();
        let refused = place.start(Form::Alone, &["-t", limit], &file).up().err().unwrap();
        let passed = started.elapsed();
        assert_eq!(refused, Refused::new(75, said.as_str()), "{limit}");
        assert!(passed >= Duration::from_millis(milliseconds), "{limit}: {passed:?}");
        // on a machine however loaded
        assert!(passed < PATIENCE / 4, "{limit}: {passed:?}");
    }
}

#[test]
fn the_mode_is_exact_where_it_is_asked_for() {
    let place = Place::new();
    for umask in [0o000, 0o022, 0o077, 0o777] {
        for mode in [0o600, 0o644, 0o664, 0o666, 0o444, 0o000, 0o777] {
            let file = place.file(format!("{umask:o}.{mode:o}"));
            let line = format!("umask {umask:04o}; exec pidfile-lock -m {mode:o} \"$0\" /bin/true");
            assert_eq!(shell(&place, &line, &file), Refused::new(0, ""), "{line}");
            assert_eq!(mode_of(&file), mode, "{line}: a new file");
            // and one that was there
            fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(shell(&place, &line, &file), Refused::new(0, ""), "{line}");
            assert_eq!(mode_of(&file), mode, "{line}: an old file");
        }
        for (name, command) in [("alone", "pidfile-lock"), ("own", "daemonize -p")] {
            let file = place.file(format!("{umask:o}.{name}"));
            let line = format!("umask {umask:04o}; exec {command} \"$0\" /bin/true");
            assert_eq!(shell(&place, &line, &file), Refused::new(0, ""), "{line}");
            assert_eq!(mode_of(&file), 0o644 & !umask, "{line}: a new file");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).unwrap();
            assert_eq!(shell(&place, &line, &file), Refused::new(0, ""), "{line}");
            assert_eq!(mode_of(&file), 0o604, "{line}: an old file");
        }
    }
}

#[test]
fn the_lock_is_held_on_the_descriptor_that_is_asked_for() {
    let place = Place::new();
    let file = place.file("pid");
    let name = file.to_str().unwrap();
    // 8 is somebody's already
    let start = |words: &[&str]| {
        let front = ["/bin/sh", "-c", "exec 8</dev/null; exec \"$@\"", "sh"];
        let words = [&front, words, CAT].concat();
        let running = Started::new(place.command(&words), Form::Alone).echoing().up().unwrap();
        let directory = format!("/proc/{}/fd", running.pid());
        let targets: BTreeMap<i32, PathBuf> = fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.file_name().to_str().unwrap().parse().unwrap(), fs::read_link(entry.path()).unwrap()))
            .collect();
        (running, targets)
    };
    let (_running, without) = start(&[]);
    let lowest = (10..).find(|number| !without.contains_key(number)).unwrap();
    for (options, number) in [
        (&["-d", "8"][..], 8),
        (&["-d", "3"], 3),
        (&["-d77", "-d", "9"], 9),
        (&["-d", "0077"], 77),
        (&[], lowest),
        (&["--flock", "-d", "8"], 8),
    ] {
        let (running, with) = start(&[&["pidfile-lock"], options, &[name]].concat());
        // pipes are others each time
        let numbers = |targets: &BTreeMap<i32, PathBuf>| targets.keys().copied().collect::<BTreeSet<_>>();
        let expected: BTreeSet<_> = numbers(&without).into_iter().chain([number]).collect();
        assert_eq!(numbers(&with), expected, "{options:?}");
        assert_eq!(with[&number], file, "{options:?}");
        let holder = (!options.contains(&"--flock")).then(|| running.pid());
        assert_eq!(holder_of(&file), holder, "{options:?}: the lock is there, too");
    }
    fs::remove_file(&file).unwrap();
    let line = "ulimit -n 64; exec pidfile-lock -d 64 \"$0\" /bin/true";
    let said = "pidfile-lock: fatal: unable to use descriptor 64: file descriptor not open\n";
    assert_eq!(shell(&place, line, &file), Refused::new(111, said));
    assert!(!file.exists(), "nothing is left");
}

#[test]
fn a_closed_descriptor_is_not_mistaken_for_the_file() {
    let place = Place::new();
    let file = place.file("pid");
    for closed in ["2>&-", "<&- 2>&-", "<&- >&- 2>&-"] {
        let line = format!("pidfile-lock \"$0\" /missing {closed}; test $? = 127");
        assert_eq!(shell(&place, &line, &file), Refused::new(0, ""), "{line}");
        assert_eq!(fs::read(&file).unwrap(), b"", "{line}");
        let line = format!("pidfile-lock \"$0\" setlock missing/lock /bin/true {closed}; test $? = 111");
        assert_eq!(shell(&place, &line, &file), Refused::new(0, ""), "{line}");
        pid_in(&file);
    }
}

#[test]
fn wrong_usage() {
    let place = Place::new();
    let wrong: &[&[&str]] = &[
        &[],
        &["pid"],
        &["-l", "lock", "pid"],
        &["-z", "pid", "/bin/true"],
        &["--bogus", "pid", "/bin/true"],
        &["-t", "x", "pid", "/bin/true"],
        &["-t", "-1", "pid", "/bin/true"],
        &["-t", "", "pid", "/bin/true"],
        &["-E", "256", "pid", "/bin/true"],
        &["-E", "-1", "pid", "/bin/true"],
        &["-E", "", "pid", "/bin/true"],
        // as one of these a pid file would be read or written by who does not mean it
        &["-d", "0", "pid", "/bin/true"],
        &["-d", "1", "pid", "/bin/true"],
        &["-d", "2", "pid", "/bin/true"],
        &["-d", "-1", "pid", "/bin/true"],
        &["-d", "x", "pid", "/bin/true"],
        &["-d", "4294967296", "pid", "/bin/true"],
        &["-m", "8", "pid", "/bin/true"],
        &["-m", "1000", "pid", "/bin/true"],
        &["-m", "", "pid", "/bin/true"],
        &["-m", "u=rw", "pid", "/bin/true"],
        &["-t"],
    ];
    for words in wrong {
        let seen = place.run(&[&["pidfile-lock"], *words].concat());
        assert_eq!(seen.code, Some(100), "{words:?}: {seen:?}");
        let last = seen.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("pidfile-lock: usage: pidfile-lock "), "{words:?}: {seen:?}");
        assert!(!place.file("pid").exists() && !place.file("lock").exists(), "{words:?}");
    }
}

#[test]
fn one_file_for_p_and_l_has_a_flock_alone() {
    let place = Place::new();
    let file = place.file("pid");
    let name = file.to_str().unwrap();
    let running = place.start_program(Form::Own, &["-l", name], &file, CAT).up().unwrap();
    let daemon = pid_in(&file);
    assert_eq!(holder_of(&file), None);
    assert!(Flock::lock(File::open(&file).unwrap(), FlockArg::LockExclusiveNonblock).is_err());
    let refused = place.start(Form::Own, &["-l", name], &file).up().err().unwrap();
    let said = format!("daemonize: Can't lock the lock file \"{name}\". Is another instance running?\n");
    assert_eq!(refused, Refused::new(1, said));
    assert_eq!(pid_in(&file), daemon);
    // who does not know of that lock is kept out by the pid, whose process has the file open
    let refused = place.start(Form::Alone, &[], &file).up().err().unwrap();
    assert_eq!(refused.code, Some(75), "{refused:?}");
    running.kill(daemon);
    let running = place.start_program(Form::Own, &["-l", name], &file, CAT).up().unwrap();
    assert_ne!(pid_in(&file), daemon);
    drop(running);
}

#[test]
fn the_file_belongs_to_who_starts_the_daemon_unless_it_is_asked_otherwise() {
    if !is_root() {
        return leave_out("pid files of daemons of other accounts: need root");
    }
    const NOBODY: u32 = 65534;
    let place = Place::new();
    let start = |options: &[&str], file: &Path| {
        let running = place.start_program(Form::Own, options, file, CAT).up().unwrap();
        let daemon = holder(file);
        assert_eq!(fs::metadata(format!("/proc/{daemon}")).unwrap().uid(), NOBODY);
        let owner = fs::metadata(file).unwrap().uid();
        drop(running);
        owner
    };
    let file = place.file("pid");
    assert_eq!(start(&["-u", "nobody"], &file), 0);
    assert_eq!(start(&["-u", "nobody", "--pidfile-owner=invoker"], &file), 0);
    assert_eq!(start(&["-u", "nobody", "--pidfile-owner=user"], &file), NOBODY);
    // and once more, when it is that account's already
    assert_eq!(start(&["-u", "nobody", "--pidfile-owner=user"], &file), NOBODY);
    // but only then is that account trusted where others could have put it there
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    let refused = place.start(Form::Own, &["-u", "nobody"], &file).up().err().unwrap();
    let why = "in a directory that group or others may write to";
    let said = format!("daemonize: unable to use {}: it belongs to user {NOBODY}, {why}\n", file.display());
    assert_eq!(refused, Refused::new(1, said));
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(start(&["-u", "nobody"], &file), 0);
    chown(&file, Some(NOBODY - 1), None).unwrap();
    let refused = place.start(Form::Own, &["-u", "nobody", "--pidfile-owner=user"], &file).up().err().unwrap();
    let said = format!("daemonize: unable to use {}: it belongs to user {}\n", file.display(), NOBODY - 1);
    assert_eq!(refused, Refused::new(1, said));
}

/// A script that takes a number for something else would close what had it, and with that drop the lock.
#[test]
fn a_script_cannot_take_the_number_of_the_lock() {
    let place = Place::new();
    let file = place.file("pid");
    let script = "for number in 3 4 5 6 7 8 9; do eval \"exec $number<>/dev/null\"; done; exec \"$@\"";
    for front in [&["pidfile-lock"][..], &["daemonize", "--keep-stdio", "-p"]] {
        let form = if front.len() == 1 { Form::Alone } else { Form::Own };
        let words = [front, &[file.to_str().unwrap(), "/bin/sh", "-c", script, "sh"], CAT].concat();
        let running = Started::new(place.command(&words), form).echoing().up().unwrap();
        assert_eq!(holder_of(&file), Some(pid_in(&file)), "{front:?}");
        drop(running);
    }
}
