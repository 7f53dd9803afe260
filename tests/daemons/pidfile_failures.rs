//! What becomes of a pid file when the start fails: a new one is removed, or left empty where only the program was
//! wrong, and an old one is emptied, all under the lock.

use crate::pidfile_ground::{Form, Place, Refused, holder_of};
use crate::support::namespaces::{MOUNTS, may_unshare};
use crate::support::{leave_out, peer, write_script};
use std::fs;
use std::path::Path;

fn shell(place: &Place, line: &str, file: &Path) -> Refused {
    place.run(&["/bin/sh", "-c", line, file.to_str().unwrap()])
}

#[test]
fn a_pid_that_cannot_be_written_stops_the_start() {
    let place = Place::new();
    for form in Form::ALL {
        for is_new in [true, false] {
            for (limit, reason) in [
                ("0", ("file too big", "File too large")),
                // one byte of it can be
                ("1", ("out of disk space", "No space left on device")),
            ] {
                let file = place.file("pid");
                if !is_new {
                    fs::write(&file, "1234567\n").unwrap();
                }
                let mut words = vec!["softlimit".to_owned(), "-f".to_owned(), limit.to_owned()];
                words.extend(place.words(form, &[], &file, &["/bin/touch", "ran"]));
                let text = format!("unable to write {}: ", file.display());
                let seen = place.run(&words);
                assert_eq!(seen, Refused::new(form.failure(), form.says(&text, reason)), "{words:?}");
                assert!(!place.file("ran").exists(), "{words:?}");
                if is_new {
                    assert!(!file.exists(), "{words:?}");
                } else {
                    assert_eq!(fs::read(&file).unwrap(), b"", "{words:?}");
                    fs::remove_file(&file).unwrap();
                }
            }
        }
    }
}

#[test]
fn a_full_disk_stops_the_start() {
    let place = Place::new();
    if !may_unshare(MOUNTS) {
        return;
    }
    for form in Form::ALL {
        // one page, and it is taken
        let fill = "mount -t tmpfs -o size=4k none full && printf %4096s >full/rest && : >full/old || exit 99";
        let script = place.file("script");
        write_script(&script, format!("#!/bin/sh\n{fill}\nfile=$1; shift\n\"$@\"\necho $? >&2; ls full >&2"));
        let _ = fs::create_dir(place.file("full"));
        for (name, left) in [("new", "old\nrest\n"), ("old", "old\nrest\n")] {
            let file = place.file("full").join(name);
            let front = ["unshare", "--user", "--map-root-user", "--mount", script.to_str().unwrap(), name];
            let mut words: Vec<_> = front.map(str::to_owned).to_vec();
            words.extend(place.words(form, &[], &file, &["/bin/touch", "ran"]));
            let text = format!("unable to write {}: ", file.display());
            let said = form.says(&text, ("out of disk space", "No space left on device"));
            let said = format!("{said}{}\n{left}", form.failure());
            assert_eq!(place.run(&words), Refused::new(0, said), "{words:?}");
            assert!(!place.file("ran").exists());
        }
    }
}

#[test]
fn a_program_that_cannot_be_run_leaves_no_pid() {
    let place = Place::new();
    fs::write(place.file("text"), "no program").unwrap();
    let directory = place.path().to_str().unwrap().to_owned();
    let text = place.file("text").to_str().unwrap().to_owned();
    write_script(&place.file("script"), "#!/missing/interpreter\n");
    let script = place.file("script").to_str().unwrap().to_owned();
    for (program, code, reason) in [
        ("/missing", 127, "file does not exist"),
        ("missing", 127, "file does not exist"),
        (script.as_str(), 127, "file does not exist"),
        (text.as_str(), 126, "access denied"),
        (directory.as_str(), 126, "access denied"),
    ] {
        for form in [Form::Alone, Form::Behind, Form::BehindByExec] {
            for is_new in [true, false] {
                let file = place.file("pid");
                if !is_new {
                    fs::write(&file, "1234567\nmore\n").unwrap();
                }
                let seen = place.run(&place.words(form, &[], &file, &[program]));
                let said = format!("pidfile-lock: fatal: unable to run {program}: {reason}\n");
                assert_eq!(seen, Refused::new(code, said), "{form:?}");
                assert_eq!((fs::read(&file).unwrap(), holder_of(&file)), (vec![], None), "{form:?} {program}");
                fs::remove_file(&file).unwrap();
            }
        }
    }
}

#[test]
fn a_start_of_daemonize_that_fails_leaves_no_new_file_and_no_old_pid() {
    let place = Place::new();
    write_script(&place.file("script"), "#!/missing/interpreter\n");
    let script = place.file("script").to_str().unwrap().to_owned();
    for program in [
        // after the fork: the program, the next link, a link of its own, and one that has forked
        vec![script.as_str()],
        vec!["missing"],
        vec!["setlock", "missing/lock", "/bin/true"],
        vec!["setuidgid", "no such account", "/bin/true"],
        vec!["softlimit", "-o", "64", "missing"],
        vec!["setsid", "--fork", "missing"],
    ] {
        for options in [&[][..], &["--double-fork"], &["-c", "/"], &["-c", "/missing"], &["-o", "/missing/log"]] {
            for (is_new, fuse) in [(true, "1"), (false, "1"), (true, "0"), (false, "0")] {
                let file = place.file("pid");
                if !is_new {
                    fs::write(&file, "1234567\n").unwrap();
                }
                // by its relative name, whatever directory is changed to
                let words = [&["daemonize"], options, &["-p", "pid"], &program].concat();
                let mut command = place.command(&words);
                let output = command.env("CATENA_FUSE", fuse).output().unwrap();
                let context = format!("{words:?} {fuse}: {output:?}");
                assert!(!output.status.success(), "{context}");
                assert_eq!(output.stderr.iter().filter(|&&byte| byte == b'\n').count(), 1, "{context}");
                if is_new {
                    assert!(!file.exists(), "{context}");
                } else {
                    assert_eq!((fs::read(&file).unwrap(), holder_of(&file)), (vec![], None), "{context}");
                    fs::remove_file(&file).unwrap();
                }
            }
        }
    }
}

#[test]
fn the_file_is_emptied_under_its_lock() {
    let place = Place::new();
    let Some(strace) = peer("strace") else { return };
    let file = place.file("pid");
    let log = place.file("log");
    let calls = "--trace=execve,fcntl,open,openat,ftruncate,close,dup2,dup3,exit_group";
    let (strace, log) = (strace.to_str().unwrap(), log.to_str().unwrap());
    let mut words: Vec<_> = [strace, "-qq", "-o", log, calls].map(str::to_owned).to_vec();
    words.extend(place.words(Form::Alone, &[], &file, &["/missing"]));
    words[5] = place.installed().applet("pidfile-lock").to_str().unwrap().to_owned();
    let seen = place.run(&words);
    if seen.code != Some(127) {
        return leave_out(&format!("the order of what pidfile-lock does: strace gives {seen:?}"));
    }
    let log = fs::read_to_string(log).unwrap();
    let place_of = |what: &str| log.lines().position(|line| line.contains(what));
    let locked = place_of("F_SETLK, {l_type=F_RDLCK").unwrap_or_else(|| panic!("no lock\n{log}"));
    let number = log.lines().nth(locked).unwrap().split(['(', ',']).nth(1).unwrap();
    let failed = place_of("execve(\"/missing\"").unwrap();
    let opened =
        place_of(&format!("/proc/self/fd/{number}\", O_WRONLY")).unwrap_or_else(|| panic!("not emptied\n{log}"));
    let writer = log.lines().nth(opened).unwrap().rsplit("= ").next().unwrap();
    let emptied = place_of(&format!("ftruncate({writer}, 0)")).unwrap_or_else(|| panic!("not emptied\n{log}"));
    assert!(locked < failed && failed < opened && opened < emptied, "{log}");
    // the lock goes with any descriptor of the file
    let released = |line: &&str| {
        line.contains("F_UNLCK") || [number, writer].iter().any(|of| line.starts_with(&format!("close({of})")))
    };
    let between: Vec<_> = log.lines().take(emptied).skip(locked).filter(released).collect();
    assert_eq!(between, Vec::<&str>::new(), "{log}");
}

#[test]
fn a_daemon_that_goes_on_keeps_its_file() {
    let place = Place::new();
    let file = place.file("pid");
    let name = file.to_str().unwrap();
    // one that has its lock, one with a flock alone, and one that has dropped its lock
    let script = format!("exec 9<>{name}; : 8<>{name}; exec cat");
    let cases: [(&[&str], &[&str]); 3] =
        [(&[], &["/bin/cat"]), (&["-l", name], &["/bin/cat"]), (&[], &["/bin/sh", "-c", &script])];
    for (options, program) in cases {
        let late = ["--ready=fd=7", "--timeout=0.5", "--on-timeout=keep"];
        let mut started = place.start_program(Form::Own, &[&late, options].concat(), &file, program);
        assert_eq!(started.child.wait().unwrap().code(), Some(1));
        let pid = crate::pidfile_ground::pid_in(&file);
        let seen = started.ended();
        assert!(seen.stderr.ends_with(&format!("it goes on as pid {pid}\n")), "{options:?} {program:?}: {seen:?}");
        fs::remove_file(&file).unwrap();
    }
    // and one that does not go on does not
    let late = ["--ready=fd=7", "--timeout=0.2"];
    let mut started = place.start_program(Form::Own, &late, &file, &["/bin/cat"]);
    started.child.wait().unwrap();
    let seen = started.ended();
    assert!(seen.stderr.ends_with("it has been stopped\n"), "{seen:?}");
    assert!(!file.exists());
    let seen = shell(&place, "exec daemonize -p \"$0\" --settle=60000 /bin/false", &file);
    assert_eq!(seen, Refused::new(1, "daemonize: \"/bin/false\" exited with 1 within 60000 ms of its start\n"));
    assert!(!file.exists());
}
