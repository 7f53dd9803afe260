//! A pid file tells the truth: it is complete and locked by the process that it names when a start has succeeded, and
//! whatever was left in it, or by whoever was killed, the next start takes it over at once.

use crate::pidfile_ground::{CAT, Form, Place, Refused, WAITS, await_call, holder, holder_of, pid_in, record};
use crate::support::leave_out;
use crate::support::random::rounds_asked_for;
use crate::support::waiting::{PATIENCE, end_of, is_ready, look_until};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// How many starts are looked at, or what CATENA_ROUNDS says.
pub fn rounds() -> usize {
    rounds_asked_for().map_or(1000, |asked| asked as usize)
}

#[test]
fn the_file_is_complete_and_locked_when_the_foreground_returns() {
    let place = Place::new();
    let round = |form: Form, file: &Path| {
        // nothing waits between the return and the look
        let running = place.start_program(form, &[], file, CAT).up().unwrap();
        let daemon = holder(file);
        assert_ne!(daemon, running.pid());
        // waits for its end
        drop(running);
        assert_eq!((pid_in(file), holder_of(file)), (daemon, None), "what stays behind");
    };
    thread::scope(|scope| {
        for thread in 0..3 {
            let (place, round) = (&place, &round);
            scope.spawn(move || {
                let form = Form::DAEMONS[thread];
                for number in 0..rounds().div_ceil(3) {
                    // new ones, and those that another has left
                    round(form, &place.file(format!("{form:?}.{}", number % 100)));
                }
            });
        }
    });
}

#[test]
fn the_program_alone_holds_its_file() {
    let place = Place::new();
    let file = place.file("pid");
    let running = place.holder(Form::Alone, &[], &file);
    assert_eq!(holder(&file), running.pid());
}

#[test]
fn after_a_kill_the_next_start_takes_the_file_at_once() {
    let place = Place::new();
    for form in Form::ALL {
        let file = place.file(format!("{form:?}"));
        let running = place.holder(form, &[], &file);
        let killed = holder(&file);
        running.kill(killed);
        let is_child = killed == running.pid();
        let state = fs::read_to_string(format!("/proc/{killed}/stat")).unwrap_or_default();
        // the test has not waited for its own child yet
        assert!(!is_child || state.contains(") Z "), "{form:?}: {state}");
        for next in Form::ALL {
            let _running = place.holder(next, &[], &file);
            assert_ne!(holder(&file), killed, "{form:?} {next:?}");
        }
    }
}

#[test]
fn a_child_that_outlives_the_program_does_not_keep_the_file() {
    let place = Place::new();
    let script = "exec 9<&0; cat <&9 & echo $! >child; echo up; exec cat";
    for form in [Form::Alone, Form::Own] {
        let file = place.file(format!("{form:?}"));
        let program = ["/bin/sh", "-c", &format!("cd {}; {script}", place.path().display())];
        let running = place.start_program(form, &[], &file, &program).up().unwrap();
        let killed = holder(&file);
        running_wrote(&place.file("child"));
        let child = pid_in(&place.file("child"));
        running.kill(killed);
        assert!(has_open(child, &file), "{form:?}: the child has the file open");
        let _next = place.holder(form, &[], &file);
        assert_ne!(holder(&file), child);
        fs::remove_file(place.file("child")).unwrap();
    }
}

/// Waits until a file has a line.
fn running_wrote(file: &Path) {
    look_until("a line", || fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')));
}

fn has_open(pid: Pid, file: &Path) -> bool {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    descriptors.flatten().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == file))
}

#[test]
fn what_was_left_in_the_file_keeps_nobody_from_it() {
    let place = Place::new();
    let mut stranger = Command::new("/bin/cat").stdin(Stdio::piped()).spawn().unwrap();
    let own = std::process::id();
    let texts: Vec<Vec<u8>> = [
        format!("{}\n", stranger.id()),
        format!("{own}\n"),
        format!("{own}"),
        "1234567890\nand more\n".to_owned(),
        String::new(),
        "\n\n\n".to_owned(),
        "0\n".to_owned(),
        "1\n".to_owned(),
        "-1\n".to_owned(),
        "nobody\n".to_owned(),
        "9".repeat(1_000_000),
        format!("{own}\n").repeat(200_000),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([(0..=255).collect(), vec![0; 1 << 20]])
    .collect();
    for form in Form::ALL {
        for (number, text) in texts.iter().enumerate() {
            let file = place.file(format!("{form:?}.{number}"));
            fs::write(&file, text).unwrap();
            let _running = place.holder(form, &[], &file);
            // exactly one line
            holder(&file);
        }
    }
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
}

#[test]
fn the_first_line_is_right_at_every_instant() {
    // no process has it, and it is longer than any that is written
    let old = "99999999\n";
    let place = Place::new();
    let file = place.file("pid");
    fs::write(&file, old).unwrap();
    let is_over = AtomicBool::new(false);
    let mut written = BTreeSet::from([old.trim_end().to_owned()]);
    let seen = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = BTreeSet::new();
            while !is_over.load(Ordering::Relaxed) {
                seen.insert(fs::read_to_string(&file).unwrap());
            }
            seen
        });
        for _ in 0..rounds() / 10 {
            let running = place.holder(Form::Alone, &[], &file);
            written.insert(running.pid().to_string());
            drop(running);
            // in one step, so that only the program under test writes into what is read
            fs::write(place.file("old"), old).unwrap();
            fs::rename(place.file("old"), &file).unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    });
    for text in &seen {
        let line = text.split_once('\n').map(|(line, _)| line);
        assert!(line.is_some_and(|line| written.contains(line)), "{text:?} of {written:?}");
    }
    assert!(seen.len() > 2, "the reader has seen {seen:?} alone");
}

/// A program that writes its own pid file, and so closes a descriptor of it.
fn careless(file: &Path) -> [String; 3] {
    ["/bin/sh".into(), "-c".into(), format!("echo $$ >{}; echo up; exec cat", file.display())]
}

const DROPPED: &str = ", which has it open but has dropped its lock, by opening and closing the file";

#[test]
fn a_program_that_writes_its_own_pid_file_still_holds_it() {
    let place = Place::new();
    for form in Form::ALL {
        let file = place.file(format!("{form:?}"));
        let program = careless(&file);
        let program = program.each_ref().map(String::as_str);
        let running = place.start_program(form, &[], &file, &program).up().unwrap();
        await_name(&file, "cat");
        let pid = pid_in(&file);
        assert_eq!(holder_of(&file), None, "{form:?}: the lock is lost");

        let how = format!("is held by pid {pid} (cat){DROPPED}");
        for next in Form::ALL {
            let refused = place.start(next, &[], &file).up().err().unwrap();
            assert_eq!((refused.code, refused.stderr), (Some(75), next.says_held(&file, &how)), "{form:?} {next:?}");
        }
        assert_eq!(pid_in(&file), pid);

        // one that waits gets it
        let patience: &[&str] = if form == Form::Own { &["-t", "600"] } else { &["-N"] };
        let waiting = place.start(Form::Alone, patience, &file);
        await_call(waiting.pid(), WAITS);
        let too_late = place.start(Form::Alone, &["-t", "0.1"], &file).up().err().unwrap();
        assert_eq!(too_late, Refused::new(75, Form::Alone.says_held(&file, &how)));
        running.kill(pid);
        let waiting = waiting.up().unwrap();
        assert_eq!(holder(&file), waiting.pid());
    }
}

/// Waits until the process that the file names has this name.
fn await_name(file: &Path, name: &str) {
    look_until(&format!("{name} is in the file"), || {
        let text = fs::read_to_string(file).unwrap();
        let comm = fs::read_to_string(format!("/proc/{}/comm", text.trim_end()));
        comm.is_ok_and(|comm| comm.trim_end() == name)
    });
}

#[test]
fn after_the_death_of_a_program_that_dropped_the_lock_a_start_works() {
    let place = Place::new();
    for form in Form::ALL {
        let file = place.file(format!("{form:?}"));
        let program = careless(&file);
        let program = program.each_ref().map(String::as_str);
        let running = place.start_program(form, &[], &file, &program).up().unwrap();
        await_name(&file, "cat");
        let pid = pid_in(&file);
        let ended = end_of(pid);
        kill(pid, Signal::SIGTERM).unwrap();
        assert!(is_ready(std::os::fd::AsFd::as_fd(&ended), PATIENCE));
        let _next = place.holder(form, &[], &file);
        assert_ne!(holder(&file), pid);
        drop(running);
    }
}

#[test]
fn a_holder_that_cannot_be_seen_is_one_all_the_same() {
    let place = Place::new();
    let file = place.file("pid");
    fs::write(&file, "").unwrap();
    let unseen =
        |form: Form| Refused::new(75, form.says_held(&file, "is held by a process that cannot be seen from here"));
    // a lock that belongs to an open file, and not to a process
    let opened = fs::File::options().write(true).open(&file).unwrap();
    fcntl(&opened, FcntlArg::F_OFD_SETLK(&record(libc::F_WRLCK))).unwrap();
    for form in Form::ALL {
        assert_eq!(place.start(form, &[], &file).up().err(), Some(unseen(form)), "{form:?}");
    }
    drop(opened);

    // a process of another namespace
    let inside = ["unshare", "--user", "--map-root-user", "--pid", "--fork"];
    if place.run(&[&inside[..], &["true"]].concat()).code != Some(0) {
        return leave_out("pid files across pid namespaces: not allowed here");
    }
    let _running = place.holder(Form::Own, &[], &file);
    let daemon = holder(&file);
    let name = file.to_str().unwrap();
    assert_eq!(place.run(&[&inside[..], &["pidfile-lock", name, "/bin/true"]].concat()), unseen(Form::Alone));
    assert_eq!(holder(&file), daemon);
}
