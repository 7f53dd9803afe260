//! The two other kinds of lock: `-l`, a lock on a file of its own, and `--flock`, one that whatever inherits it keeps.

use crate::pidfile_ground::{CAT, Form, Place, Refused, Started, await_call, holder_of, pid_in};
use crate::pidfiles::rounds;
use crate::support::waiting::PATIENCE;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, SFlag};
use std::collections::BTreeSet;
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

fn mode_of(file: &Path) -> u32 {
    fs::metadata(file).unwrap().mode() & 0o7777
}

/// The names in the directory.
fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn lock_of(place: &Place) -> String {
    place.file("lock").to_str().unwrap().to_owned()
}

#[test]
fn the_lock_file_is_its_owners_alone_and_empty() {
    for (umask, mode) in [("0", 0o644), ("022", 0o644), ("077", 0o600)] {
        let place = Place::new();
        let lock = lock_of(&place);
        let line = format!("umask {umask}; exec pidfile-lock -l {lock} \"$0\" cat");
        let file = place.file("pid");
        let command = place.command(&["/bin/sh", "-c", &line, file.to_str().unwrap()]);
        let running = Started::new(command, Form::Alone).echoing().up().unwrap();
        assert_eq!(names(&place), ["lock", "pid"]);
        assert_eq!((mode_of(lock.as_ref()), fs::read(&lock).unwrap()), (0o600, vec![]), "{umask}");
        assert_eq!(holder_of(lock.as_ref()), Some(running.pid()));
        assert_eq!((pid_in(&file), mode_of(&file)), (running.pid(), mode), "{umask}");
        assert_eq!(holder_of(&file), None, "nothing that a reader could be in the way of");
        let how = format!("is held by pid {} (cat)", running.pid());
        for next in [Form::Alone, Form::Behind] {
            let before = fs::metadata(&file).unwrap().ino();
            let refused = place.start(next, &["-l", &lock, "-m", "600"], &file).up().err().unwrap();
            assert_eq!(refused, Refused::new(75, next.says_held(&file, &how)), "{umask}");
            assert_eq!(fs::metadata(&file).unwrap().ino(), before);
        }
        running.kill(running.pid());
        let _next = place.holder(Form::Behind, &["-l", &lock, "-m", "604"], &file);
        assert_eq!((holder_of(lock.as_ref()), mode_of(&file)), (Some(pid_in(&file)), 0o604));
        assert_eq!(names(&place), ["lock", "pid"]);
    }
}

#[test]
fn a_reader_never_sees_the_file_missing_or_in_part() {
    let place = Place::new();
    let (file, lock) = (place.file("pid"), lock_of(&place));
    fs::write(&file, "1234567\n").unwrap();
    let is_over = AtomicBool::new(false);
    let mut written = BTreeSet::from(["1234567\n".to_owned()]);
    let count = rounds() / 10;
    let events = Events::of(place.path());
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                seen.insert(fs::read_to_string(&file).unwrap());
            }
            seen
        });
        for _ in 0..count {
            let running = place.holder(Form::Alone, &["-l", &lock], &file);
            written.insert(format!("{}\n", running.pid()));
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    assert!(seen.is_subset(&written), "{seen:?} of {written:?}");
    assert!(seen.len() > 2, "the reader has seen {seen:?} alone");
    // and what it may have missed: nothing has happened to the name but that another file came there
    assert_eq!(events.about("pid"), vec![libc::IN_MOVED_TO; count]);
}

/// What happens to the names in a directory.
struct Events(File);

impl Events {
    #[allow(unsafe_code)]
    fn of(directory: &Path) -> Self {
        let name = CString::new(directory.as_os_str().as_bytes()).unwrap();
        let wanted = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVED_FROM | libc::IN_MOVED_TO;
        // SAFETY: the first call gives a new descriptor, which nobody else owns; the second takes it and a C string.
        unsafe {
            let descriptor = Errno::result(libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK)).unwrap();
            Errno::result(libc::inotify_add_watch(descriptor, name.as_ptr(), wanted)).unwrap();
            Self(File::from_raw_fd(descriptor))
        }
    }

    /// Those about one name, in order.
    fn about(mut self, name: &str) -> Vec<u32> {
        let mut events = Vec::new();
        let mut room = [0; 4096];
        // until there are no more
        while let Ok(count) = self.0.read(&mut room) {
            let mut rest = &room[..count];
            while let Some((head, more)) = rest.split_at_checked(16) {
                let field = |number: usize| u32::from_ne_bytes(head[number * 4..][..4].try_into().unwrap());
                let (text, more) = more.split_at(field(3) as usize);
                if text.split(|&byte| byte == 0).next() == Some(name.as_bytes()) {
                    events.push(field(1));
                }
                rest = more;
            }
        }
        events
    }
}

/// What is laid in the way of a start that waits is seen when its turn has come.
#[test]
fn what_comes_to_the_name_while_the_lock_is_waited_for_stays() {
    let place = Place::new();
    let lock = lock_of(&place);
    let plant = |file: &Path, kind| match kind {
        SFlag::S_IFIFO => nix::unistd::mkfifo(file, Mode::from_bits_truncate(0o600)).unwrap(),
        SFlag::S_IFLNK => symlink("lock", file).unwrap(),
        _ => fs::create_dir(file).unwrap(),
    };
    for (name, kind) in [("fifo", SFlag::S_IFIFO), ("link", SFlag::S_IFLNK), ("directory", SFlag::S_IFDIR)] {
        for old in [None, Some("1234567\n")] {
            let file = place.file(name);
            if let Some(text) = old {
                fs::write(&file, text).unwrap();
            }
            let held = File::options().create(true).truncate(false).write(true).open(&lock).unwrap();
            fs::set_permissions(&lock, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            let held = Flock::lock(held, FlockArg::LockExclusive).unwrap();
            let words = place.words(Form::Alone, &["--flock", "-N", "-l", &lock], &file, &["/bin/touch", "ran"]);
            let started = Started::new(place.command(&words), Form::Alone);
            await_call(started.pid(), &[libc::SYS_flock]);
            let _ = fs::remove_file(&file);
            plant(&file, kind);
            drop(held);
            let seen = started.ended();
            assert_eq!(seen.code, Some(111), "{name} {old:?}: {seen:?}");
            let said = format!("pidfile-lock: fatal: unable to use {}: it is ", file.display());
            assert!(seen.stderr.starts_with(&said), "{name} {old:?}: {seen:?}");
            let mode = fs::symlink_metadata(&file).unwrap().mode();
            assert_eq!(SFlag::from_bits_truncate(mode & SFlag::S_IFMT.bits()), kind, "{name} {old:?}");
            assert_eq!(
                names(&place),
                if name < "lock" { [name, "lock"] } else { ["lock", name] },
                "{name}: nothing else"
            );
            let _ = fs::remove_file(&file).or_else(|_| fs::remove_dir(&file));
        }
    }
}

#[test]
fn what_cannot_be_replaced_stops_the_start() {
    let place = Place::new();
    let lock = lock_of(&place);
    fs::create_dir(place.file("directory")).unwrap();
    for (name, reason) in [
        ("directory", "unable to use {}: it is not a regular file"),
        ("missing/pid", "unable to create {}: file does not exist"),
    ] {
        let file = place.file(name);
        for form in [Form::Alone, Form::Behind, Form::BehindByExec] {
            let seen = place.run(&place.words(form, &["-l", &lock], &file, &["/bin/touch", "ran"]));
            assert_eq!((seen.code, seen.stderr.lines().count()), (Some(111), 1), "{name}: {seen:?}");
            let (before, after) = reason.split_once("{}").unwrap();
            assert!(seen.stderr.starts_with(&format!("pidfile-lock: fatal: {before}")), "{name}: {seen:?}");
            assert!(seen.stderr.ends_with(&format!("{after}\n")), "{name}: {seen:?}");
            // what is seen before anything is done leaves nothing behind
            let left: &[&str] = if name == "directory" { &["directory"] } else { &["directory", "lock"] };
            assert_eq!(names(&place), left, "{name}");
            if left.len() > 1 {
                assert_eq!(holder_of(lock.as_ref()), None);
            }
        }
    }
}

#[test]
fn the_lock_file_cannot_be_the_file() {
    let place = Place::new();
    let lock = lock_of(&place);
    let said = "pidfile-lock: fatal: unable to use lock: it is the lock file itself\n";
    for name in [lock.as_str(), "lock", "./lock"] {
        let seen = place.run(&["pidfile-lock", "-l", name, "lock", "/bin/touch", "ran"]);
        assert_eq!(seen, Refused::new(111, said), "{name}");
        assert_eq!(names(&place), Vec::<String>::new(), "{name}");
    }
    fs::write(&lock, "1234567\n").unwrap();
    assert_eq!(place.run(&["pidfile-lock", "-l", &lock, "lock", "/bin/true"]), Refused::new(111, said));
    assert_eq!(fs::read(&lock).unwrap(), b"1234567\n", "what was there stays");
}

#[test]
fn a_name_as_long_as_can_be_has_room_for_the_temporary_file() {
    let place = Place::new();
    let lock = lock_of(&place);
    for length in [200, 246, 250, 255] {
        let file = place.file("x".repeat(length));
        let running = place.holder(Form::Alone, &["-l", &lock], &file);
        assert_eq!(pid_in(&file), running.pid(), "{length}");
    }
    assert_eq!(names(&place).len(), 5);
}

#[test]
fn what_a_killed_start_has_left_is_in_nobodys_way() {
    let place = Place::new();
    let lock = lock_of(&place);
    let file = place.file("pid");
    fs::write(place.file("target"), "precious\n").unwrap();
    // by a process of the same pid
    for leave in ["echo old >.pid.$$", "ln -s target .pid.$$", "mkfifo .pid.$$"] {
        let line = format!("{leave}; exec pidfile-lock -l {lock} \"$0\" cat \"$0\"");
        let output = place.command(&["/bin/sh", "-c", &line, file.to_str().unwrap()]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{}\n", pid_in(&file)), "{line}: {output:?}");
        assert_eq!(names(&place), ["lock", "pid", "target"], "{line}");
    }
    assert_eq!(fs::read(place.file("target")).unwrap(), b"precious\n");
}

#[test]
fn a_program_that_cannot_be_run_leaves_no_pid_in_the_file() {
    let place = Place::new();
    let lock = lock_of(&place);
    let file = place.file("pid");
    for form in [Form::Alone, Form::Behind, Form::BehindByExec] {
        fs::write(&file, "1234567\n").unwrap();
        let seen = place.run(&place.words(form, &["-l", &lock], &file, &["/missing"]));
        let said = "pidfile-lock: fatal: unable to run /missing: file does not exist\n";
        assert_eq!(seen, Refused::new(127, said), "{form:?}");
        assert_eq!(fs::read(&file).unwrap(), b"", "{form:?}");
        assert_eq!(names(&place), ["lock", "pid"]);
    }
}

#[test]
fn a_program_that_writes_its_own_pid_file_keeps_a_lock_that_is_elsewhere() {
    let place = Place::new();
    let lock = lock_of(&place);
    let file = place.file("pid");
    let script = format!("echo $$ >{}; echo up; exec cat", file.display());
    let program = ["/bin/sh", "-c", &script];
    let running = place.start_program(Form::Alone, &["-l", &lock], &file, &program).up().unwrap();
    assert_eq!(holder_of(lock.as_ref()), Some(running.pid()));
    assert_eq!(pid_in(&file), running.pid());
    let refused = place.start(Form::Alone, &["-l", &lock], &file).up().err().unwrap();
    assert_eq!(refused.code, Some(75), "{refused:?}");
}

#[test]
fn a_flock_excludes_others_of_its_kind_and_their_message_names_the_pid_in_the_file() {
    let place = Place::new();
    let elsewhere = lock_of(&place);
    for (file, lock) in [(place.file("pid"), None), (place.file("other"), Some(elsewhere.as_str()))] {
        let locked = lock.map_or(file.clone(), PathBuf::from);
        let options: Vec<_> = ["--flock"].into_iter().chain(lock.into_iter().flat_map(|name| ["-l", name])).collect();
        let running = place.holder(Form::Behind, &options, &file);
        let daemon = pid_in(&file);
        assert_eq!(holder_of(&locked), None, "{lock:?}: no record lock");
        let how = format!("is locked (pid {daemon} in the file, running)");
        for next in [Form::Alone, Form::Behind, Form::BehindByExec] {
            let refused = place.start(next, &options, &file).up().err().unwrap();
            assert_eq!(refused, Refused::new(75, next.says_held(&file, &how)), "{lock:?} {next:?}");
        }
        let seen = place.run(&["setlock", "-n", locked.to_str().unwrap(), "/bin/true"]);
        let said = format!("setlock: fatal: unable to lock {}: temporary failure\n", locked.display());
        assert_eq!(seen, Refused::new(111, said));
        // who waits gets it
        let waiting = place.start(Form::Alone, &[&options[..], &["-N"]].concat(), &file);
        await_call(waiting.pid(), &[libc::SYS_flock]);
        running.kill(daemon);
        let waiting = waiting.up().unwrap();
        assert_eq!(pid_in(&file), waiting.pid(), "{lock:?}");
    }
}

#[test]
fn a_flock_without_a_pid_or_with_that_of_nobody_is_told_as_such() {
    let place = Place::new();
    let file = place.file("pid");
    let mut ended = std::process::Command::new("/bin/true").spawn().unwrap();
    ended.wait().unwrap();
    for (text, how) in [
        (String::new(), "is locked (no pid in the file)".to_owned()),
        ("junk\n".to_owned(), "is locked (no pid in the file)".to_owned()),
        (format!("{}\n", ended.id()), format!("is locked (pid {} in the file, not running)", ended.id())),
        (format!("{}\n", std::process::id()), format!("is locked (pid {} in the file, running)", std::process::id())),
    ] {
        fs::write(&file, &text).unwrap();
        let held = Flock::lock(File::open(&file).unwrap(), FlockArg::LockShared).unwrap();
        for form in [Form::Alone, Form::Behind] {
            let refused = place.start(form, &["--flock"], &file).up().err().unwrap();
            assert_eq!(refused, Refused::new(75, form.says_held(&file, &how)), "{text:?}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
        held.unlock().unwrap();
    }
}

#[test]
fn a_flock_lasts_as_long_as_any_process_has_it() {
    let place = Place::new();
    let file = place.file("pid");
    // the child says its pid, and goes on when its parent has ended
    let program = ["/bin/sh", "-c", "exec 9<&0; cat <&9 >/dev/null & echo $! >child; echo up; exec cat"];
    let running = place.start_program(Form::Alone, &["--flock"], &file, &program).up().unwrap();
    let (daemon, child) = (running.pid(), pid_in(&place.file("child")));
    running.kill(daemon);
    let refused = place.start(Form::Alone, &["--flock"], &file).up().err().unwrap();
    let how = format!("is locked (pid {daemon} in the file, not running)");
    assert_eq!(refused, Refused::new(75, Form::Alone.says_held(&file, &how)));
    running.kill(child);
    let next = place.start_program(Form::Behind, &["--flock", "-t", &PATIENCE.as_secs().to_string()], &file, CAT);
    let _next = next.up().unwrap();
    assert_ne!(pid_in(&file), daemon);
}
