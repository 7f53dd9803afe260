//! How a pid file changes hands: no lock that a mere reader can hold is in the way, those of writers are, and whoever is killed
//! in the middle of it leaves nothing that is.

use crate::pidfile_account::run;
use crate::pidfile_ground::{Form, Place, Refused, Running, holder, holder_of, pid_in, record};
use crate::support::{is_root, leave_out, peer};
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

/// What a start makes beside the file as long as it decides.
pub fn guard_of(file: &Path) -> std::path::PathBuf {
    file.with_file_name(format!(".{}.claim", file.file_name().unwrap().to_str().unwrap()))
}

pub fn own_name() -> String {
    fs::read_to_string("/proc/self/comm").unwrap().trim_end().to_owned()
}

/// A process that does nothing but hold a read lock: Python, or nothing.
fn read_lock(place: &Place, file: &Path) -> Option<Running> {
    let python = peer("python3")?;
    let script = "import fcntl,os,sys\nf=os.open(sys.argv[1],os.O_RDONLY)\nfcntl.lockf(f,fcntl.LOCK_SH)\nos.write(1,b'x')\nos.read(0,9)\n";
    let words = [python.to_str().unwrap(), "-c", script, file.to_str().unwrap()];
    Some(crate::pidfile_ground::Started::new(place.command(&words), Form::Alone).up().unwrap())
}

#[test]
fn no_reader_is_in_the_way_of_a_start() {
    let place = Place::new();
    let own = std::process::id();
    let dead = {
        let mut child = std::process::Command::new("/bin/true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    };
    let texts = [String::new(), format!("{dead}\n"), "77777777\n".to_owned(), format!("{own}\n")];
    for form in Form::ALL {
        for (number, text) in texts.iter().enumerate() {
            let file = place.file(format!("{form:?}.{number}"));
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            // by each kind of lock, and even under the name of the very process that the file names
            let reader = File::open(&file).unwrap();
            fcntl(&reader, FcntlArg::F_SETLK(&record(libc::F_RDLCK))).unwrap();
            let other = Flock::lock(File::open("/dev/null").unwrap(), FlockArg::LockExclusiveNonblock);
            drop(other);
            let running = place.start(form, &[], &file).up();
            let running = running.unwrap_or_else(|refused| panic!("{form:?} {text:?}: {refused:?}"));
            // closing another descriptor would give the reader's lock back
            let mut now = String::new();
            std::io::Read::read_to_string(&mut &reader, &mut now).unwrap();
            let started: i32 = now.trim_end().parse().unwrap();
            assert_ne!(started, own.cast_signed(), "{form:?} {text:?}");
            assert!(!guard_of(&file).exists());
            // the second one finds the first, whichever lock the kernel tells first
            for next in Form::ALL {
                let refused = place.start(next, &[], &file).up().err().unwrap();
                let how = format!("is held by pid {started} (");
                assert_eq!(refused.code, Some(75), "{form:?} {next:?} {refused:?}");
                assert!(refused.stderr.contains(&how), "{form:?} {next:?} {refused:?}");
            }
            drop(running);
        }
    }
}

/// The kernel tells of the lock that was there first.
#[test]
fn a_reader_that_was_there_first_does_not_hide_who_runs() {
    let place = Place::new();
    let file = place.file("pid");
    fs::write(&file, "").unwrap();
    let Some(_reader) = read_lock(&place, &file) else {
        return leave_out("a reader's lock beside that of a service: no python3");
    };
    let running = place.holder(Form::Own, &[], &file);
    let daemon = pid_in(&file);
    let said = |form: Form| Refused::new(75, form.says_held(&file, &format!("is held by pid {daemon} (cat)")));
    for next in Form::ALL {
        assert_eq!(place.start(next, &[], &file).up().err(), Some(said(next)), "{next:?}");
    }
    running.kill(daemon);
    let running = place.holder(Form::Own, &[], &file);
    assert_ne!(pid_in(&file), daemon);
    drop(running);
    // nor where the program's descriptors cannot be seen, as by root in many a container
    let Some(setpriv) = peer("setpriv").filter(|_| is_root()) else {
        return leave_out("a start without CAP_SYS_PTRACE: needs root and setpriv");
    };
    let running = place.start_program(Form::Own, &["-u", "nobody"], &file, &["/bin/cat"]).echoing().up().unwrap();
    let daemon = pid_in(&file);
    let lock = place.installed().applet("pidfile-lock");
    let front = [setpriv.to_str().unwrap(), "--bounding-set=-sys_ptrace"];
    let blind = |words: &[&str]| place.run(&[&front[..], words].concat());
    let seen = blind(&["/bin/readlink", &format!("/proc/{daemon}/fd/0")]);
    assert_ne!(seen.code, Some(0), "{seen:?}");
    let refused = blind(&[lock.to_str().unwrap(), file.to_str().unwrap(), "/bin/true"]);
    assert_eq!(refused.code, Some(75), "{refused:?}");
    assert!(refused.stderr.contains(&format!("is held by pid {daemon} (")), "{refused:?}");
    drop(running);
}

/// Where the directory is not the caller's to write in, nothing can be made beside the file.
#[test]
fn where_nothing_can_be_made_beside_it_a_reader_is_told_of() {
    const USER: u32 = 65534;
    if !is_root() {
        return leave_out("a pid file in a directory of another: needs root");
    }
    let place = Place::of_user(USER);
    let file = place.file("pid");
    fs::write(&file, "77777777\n").unwrap();
    chown(&file, Some(USER), Some(USER)).unwrap();
    chown(place.path(), Some(0), Some(0)).unwrap();
    let reader = File::open(&file).unwrap();
    fcntl(&reader, FcntlArg::F_SETLK(&record(libc::F_RDLCK))).unwrap();
    let how = format!("is blocked by a read lock of pid {} ({})", std::process::id(), own_name());
    for form in Form::ALL {
        let refused = place.start(form, &[], &file).up().err();
        assert_eq!(refused, Some(Refused::new(75, form.says_held(&file, &how))), "{form:?}");
    }
    drop(reader);
    for form in Form::ALL {
        let running = place.holder(form, &[], &file);
        let daemon = holder(&file);
        let refused = place.start(form, &[], &file).up().err().unwrap();
        assert_eq!(refused, Refused::new(75, form.says_held(&file, &format!("is held by pid {daemon} (cat)"))));
        drop(running);
    }
}

#[test]
fn writers_of_other_kinds_are_kept_out_and_keep_out() {
    let place = Place::new();
    for form in Form::ALL {
        let file = place.file(format!("{form:?}"));
        let running = place.holder(form, &[], &file);
        let daemon = holder(&file);
        let opened = File::options().read(true).write(true).open(&file).unwrap();
        for attempt in [FcntlArg::F_SETLK(&record(libc::F_WRLCK)), FcntlArg::F_OFD_SETLK(&record(libc::F_WRLCK))] {
            let refused = fcntl(&opened, attempt);
            assert!(
                matches!(refused, Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES)),
                "{form:?}: {refused:?}"
            );
        }
        // neither kind sees a flock(2)
        drop(Flock::lock(File::open(&file).unwrap(), FlockArg::LockExclusiveNonblock).unwrap());
        running.kill(daemon);
        fcntl(&opened, FcntlArg::F_SETLK(&record(libc::F_WRLCK))).unwrap();
        let how = format!("is held by pid {} ({})", std::process::id(), own_name());
        for next in Form::ALL {
            let refused = place.start(next, &[], &file).up().err();
            assert_eq!(refused, Some(Refused::new(75, next.says_held(&file, &how))), "{form:?} {next:?}");
        }
        drop(opened);
        let by_flock = Flock::lock(File::open(&file).unwrap(), FlockArg::LockExclusiveNonblock).unwrap();
        let next = place.holder(form, &[], &file);
        assert_eq!(run(&place, "pidfile-lock --flock", &file).code, Some(75));
        drop((next, by_flock));
        // and flock(2) among themselves
        let by_flock = place.holder(Form::Alone, &["--flock"], &file);
        let refused = Flock::lock(File::open(&file).unwrap(), FlockArg::LockExclusiveNonblock);
        assert!(refused.is_err(), "{form:?}");
        drop(by_flock);
    }
}

/// What others have put where the guard is to be is not touched, and no start depends on it.
#[test]
fn a_guard_that_is_not_ones_own_is_left_alone() {
    let place = Place::new();
    let file = place.file("pid");
    let guard = guard_of(&file);
    let elsewhere = place.file("elsewhere");
    fs::write(&elsewhere, "text").unwrap();
    let plant: [(&str, &dyn Fn()); 4] = [
        ("a link", &|| std::os::unix::fs::symlink(&elsewhere, &guard).unwrap()),
        ("a hard link", &|| fs::hard_link(&elsewhere, &guard).unwrap()),
        ("a directory", &|| fs::create_dir(&guard).unwrap()),
        ("what all may lock", &|| {
            fs::write(&guard, "").unwrap();
            fs::set_permissions(&guard, fs::Permissions::from_mode(0o644)).unwrap();
        }),
    ];
    for (what, plant) in plant {
        plant();
        let before = fs::symlink_metadata(&guard).unwrap().ino();
        let running = place.holder(Form::Own, &[], &file);
        let how = format!("is held by pid {} (cat)", holder(&file));
        let refused = place.start(Form::Alone, &[], &file).up().err().unwrap();
        assert_eq!(refused, Refused::new(75, Form::Alone.says_held(&file, &how)), "{what}");
        drop(running);
        assert_eq!(fs::symlink_metadata(&guard).unwrap().ino(), before, "{what}");
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "text", "{what}");
        if guard.is_dir() { fs::remove_dir(&guard) } else { fs::remove_file(&guard) }.unwrap();
    }
}

/// It is the lock, and how its process has the file open, that tells who runs; whoever may write the file may have put anything
/// into it.
#[test]
fn a_lock_counts_whatever_the_file_says() {
    let place = Place::new();
    let own = std::process::id();
    for form in Form::ALL {
        let file = place.file(format!("{form:?}"));
        let running = place.holder(form, &[], &file);
        let daemon = holder(&file);
        for text in [String::new(), "9999999\n".to_owned(), "2\n".to_owned(), format!("{own}\n"), "nobody\n".to_owned()]
        {
            fs::write(&file, &text).unwrap();
            for next in Form::ALL {
                let refused = place.start(next, &[], &file).up().err();
                let how = format!("is held by pid {daemon} (cat)");
                assert_eq!(refused, Some(Refused::new(75, next.says_held(&file, &how))), "{form:?} {next:?} {text:?}");
            }
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        drop(running);
    }
    // and of a file that is elsewhere
    let (file, other, lock) = (place.file("pid"), place.file("other"), place.file("lock"));
    let options = ["-l", lock.to_str().unwrap()];
    let running = place.holder(Form::Alone, &options, &file);
    let how = format!("is held by pid {} (cat)", running.pid());
    let refused = place.start(Form::Alone, &options, &other).up().err();
    assert_eq!(refused, Some(Refused::new(75, Form::Alone.says_held(&other, &how))));
    fs::remove_file(&file).unwrap();
    let refused = place.start(Form::Alone, &options, &file).up().err();
    assert_eq!(refused, Some(Refused::new(75, Form::Alone.says_held(&file, &how))));
    assert!(!file.exists() && !other.exists());
}

/// What it writes is a number of its own namespace.
#[test]
fn a_holder_in_a_pid_namespace_is_seen_from_outside() {
    let place = Place::new();
    let file = place.file("pid");
    let inside = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"];
    if place.run(&[&inside[..], &["true"]].concat()).code != Some(0) {
        return leave_out("pid files across pid namespaces: not allowed here");
    }
    let words = [&inside[..], &["pidfile-lock", file.to_str().unwrap(), "/bin/cat"]].concat();
    let running = crate::pidfile_ground::Started::new(place.command(&words), Form::Alone).echoing().up().unwrap();
    let holds = holder_of(&file).unwrap();
    for next in Form::ALL {
        let refused = place.start(next, &[], &file).up().err();
        assert_eq!(refused, Some(Refused::new(75, next.says_held(&file, &format!("is held by pid {holds} (cat)")))));
    }
    drop(running);
}

/// Without the right to O_NOATIME nothing would tell the lock from a reader's, so it stays a writer's.
#[test]
fn who_cannot_mark_its_descriptor_holds_the_file_all_the_same() {
    let Some(setpriv) = peer("setpriv").filter(|_| is_root()) else {
        return leave_out("a start with CAP_DAC_OVERRIDE alone: needs root and setpriv");
    };
    let place = Place::new();
    let file = place.file("pid");
    fs::write(&file, "").unwrap();
    let lock = place.installed().applet("pidfile-lock");
    let mut words = vec![setpriv.to_str().unwrap(), "--reuid=65534", "--regid=65534", "--clear-groups"];
    words.extend(["--inh-caps=+dac_override", "--ambient-caps=+dac_override"]);
    words.extend([lock.to_str().unwrap(), file.to_str().unwrap(), "/bin/cat"]);
    let start = || crate::pidfile_ground::Started::new(place.command(&words), Form::Alone).echoing().up();
    let running = start().unwrap();
    let said = Form::Alone.says_held(&file, &format!("is held by pid {} (cat)", holder(&file)));
    assert_eq!(start().err(), Some(Refused::new(75, said.as_str())));
    assert_eq!(place.start(Form::Alone, &[], &file).up().err(), Some(Refused::new(75, said.as_str())));
    drop(running);
}
