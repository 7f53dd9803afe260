//! Races for a pid file: of two starts exactly one wins, and whatever others do to its name meanwhile, no two programs run
//! under it at a time, and no start hangs.

use crate::pidfile_ground::{Form, Place, Refused, Started, holder, record};
use crate::pidfiles::rounds;
use crate::support::waiting::PATIENCE;
use nix::fcntl::{FcntlArg, fcntl};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn of_two_starts_one_wins_and_the_other_names_it() {
    let place = Place::new();
    thread::scope(|scope| {
        for thread in 0..2 {
            let place = &place;
            scope.spawn(move || {
                for number in (thread..rounds()).step_by(2) {
                    // every pair of forms in turn, with new files and with old ones
                    let forms = [Form::ALL[number % 4], Form::ALL[number / 4 % 4]];
                    of_two(place, forms, &place.file(format!("pid{thread}.{}", number % 300)));
                }
            });
        }
    });
}

fn of_two(place: &Place, forms: [Form; 2], file: &Path) {
    let started = forms.map(|form| place.start(form, &[], file));
    let [one, other] = started.map(Started::up);
    let (running, refused, form) = match (one, other) {
        (Ok(running), Err(refused)) => (running, refused, forms[1]),
        (Err(refused), Ok(running)) => (running, refused, forms[0]),
        (Err(one), Err(other)) => panic!("{forms:?}: none wins: {one:?} {other:?}"),
        (Ok(_), Ok(_)) => panic!("{forms:?}: both win"),
    };
    let winner = holder(file);
    // the winner's name, as it was when it was in the way; the kernel lets a name be read while an exec changes it, and
    // then it is a mixture of both
    let names = ["pidfile-lock", "daemonize", "cat"].map(str::as_bytes);
    let (before, after) = (format!("is held by pid {winner} ("), ")\n");
    let line = form.says_held(file, &format!("{before})"));
    let name = refused.stderr.strip_prefix(line.strip_suffix(after).unwrap()).and_then(|rest| rest.strip_suffix(after));
    let is_mixed =
        |name: &str| name.bytes().enumerate().all(|(at, byte)| names.iter().any(|of| of.get(at) == Some(&byte)));
    assert_eq!(refused.code, Some(75), "{forms:?}: {refused:?}");
    assert!(name.is_some_and(|name| !name.is_empty() && is_mixed(name)), "{forms:?}: {refused:?} with {winner}");
    drop(running);
}

/// Repeats something until the other thing is done.
fn meanwhile<T>(again: impl Fn() + Sync, body: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                again();
                // a pace at which others get their turn
                thread::sleep(Duration::from_micros(200));
            }
        });
        /// Lets the other thread end also when this one panics.
        struct Over<'a>(&'a AtomicBool);
        impl Drop for Over<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _over = Over(&is_over);
        body()
    })
}

/// Starts that all come to an end, four at a time. Gives what became of each.
fn starts(place: &Place, options: &[&str], file: &Path, script: &str) -> Vec<Refused> {
    thread::scope(|scope| {
        let threads = [Form::Alone, Form::Behind, Form::Alone, Form::BehindByExec].map(|form| {
            scope.spawn(move || {
                let words = place.words(form, options, file, &["/bin/sh", "-c", script]);
                (0..rounds().div_ceil(20)).map(|_| place.run(&words)).collect::<Vec<_>>()
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

/// Fails where another of it runs at the same time.
fn alone(place: &Place) -> String {
    let directory = place.path().display();
    format!("mkdir {directory}/alone || echo two >>{directory}/two; rmdir {directory}/alone")
}

/// Takes the lock as a start does, and then does something to the name.
fn politely(file: &Path, change: impl FnOnce()) {
    let flags = libc::O_NOFOLLOW | libc::O_CLOEXEC;
    let Ok(opened) = OpenOptions::new().read(true).write(true).custom_flags(flags).open(file) else { return };
    if fcntl(&opened, FcntlArg::F_SETLK(&record(libc::F_WRLCK))).is_err() {
        return;
    }
    let identity = |seen: fs::Metadata| (seen.dev(), seen.ino());
    if fs::symlink_metadata(file).map(identity).ok() == opened.metadata().map(identity).ok() {
        change();
    }
}

/// Each has run, or has been refused, if it does not wait.
fn assert_held_or_run(ends: &[Refused], file: &Path, options: &[&str]) {
    let held = format!("pidfile-lock: fatal: {} is held by pid ", file.display());
    for end in ends {
        let is_run = *end == Refused::new(0, "");
        let is_held = end.code == Some(75) && end.stderr.starts_with(&held) && end.stderr.lines().count() == 1;
        assert!(is_run || is_held && options != ["-N"], "{options:?}: {end:?}");
    }
}

#[test]
fn starts_that_wait_run_one_after_the_other() {
    let place = Place::new();
    let file = place.file("pid");
    let script = alone(&place);
    let words = place.words(Form::Alone, &["-N"], &file, &["/bin/sh", "-c", &script]);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..rounds().div_ceil(20) {
                    assert_eq!(place.run(&words), Refused::new(0, ""));
                }
            });
        }
    });
    assert!(!place.file("two").exists());
}

#[test]
fn who_removes_the_file_under_its_lock_lets_no_second_one_in() {
    let place = Place::new();
    let file = place.file("pid");
    let script = alone(&place);
    let remove = || politely(&file, || fs::remove_file(&file).unwrap());
    for options in [&[][..], &["-N"]] {
        let ends = meanwhile(remove, || starts(&place, options, &file, &script));
        assert!(!place.file("two").exists(), "{options:?}: two at a time");
        assert_held_or_run(&ends, &file, options);
    }
}

#[test]
fn who_replaces_the_file_under_its_lock_lets_no_second_one_in() {
    let place = Place::new();
    let file = place.file("pid");
    let new = place.file("new");
    let script = alone(&place);
    let replace = || {
        politely(&file, || {
            File::create(&new).unwrap();
            fs::rename(&new, &file).unwrap();
        });
    };
    for options in [&[][..], &["-N"]] {
        let ends = meanwhile(replace, || starts(&place, options, &file, &script));
        assert!(!place.file("two").exists(), "{options:?}: two at a time");
        assert_held_or_run(&ends, &file, options);
    }
}

/// Without a lock nothing keeps a second one out once the file of the first is gone. But no start hangs, and none fails for
/// another reason.
#[test]
fn who_removes_or_replaces_the_file_rudely_stops_no_start() {
    let place = Place::new();
    let file = place.file("pid");
    let new = place.file("new");
    let started = Instant::now();
    for is_replaced in [false, true] {
        let change = || {
            if is_replaced {
                File::create(&new).unwrap();
                fs::rename(&new, &file).unwrap();
            } else {
                let _ = fs::remove_file(&file);
            }
        };
        let ends = meanwhile(change, || starts(&place, &[], &file, "exit 0"));
        let busy = format!("pidfile-lock: fatal: unable to lock {}: it is replaced again and again\n", file.display());
        let (busy, ends): (Vec<_>, Vec<_>) = ends.into_iter().partition(|end| *end == Refused::new(111, &*busy));
        assert_held_or_run(&ends, &file, &[]);
        assert!(ends.iter().any(|end| end.code == Some(0)), "none has run");
        assert!(busy.len() < ends.len(), "most starts get through: {} do not", busy.len());
    }
    assert!(started.elapsed() < PATIENCE);
    // and afterwards all is well
    let _running = place.holder(Form::Own, &[], &file);
    holder(&file);
}
