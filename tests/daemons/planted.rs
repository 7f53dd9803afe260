//! Planted files: what others have laid in the way of a pid file is refused with the reason, and stays as it was, to the
//! last link count and time stamp.

use crate::pidfile_ground::{Form, Place, Refused};
use crate::support::{is_root, leave_out};
use nix::sys::stat::{Mode, SFlag, mknod};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// Whom a root test runs as where it is to be an ordinary user, and somebody else.
const USER: u32 = 65534;
const STRANGER: u32 = 65533;

/// What is said: `unable to VERB FILE: REASON`, in daemontools' words and in glibc's.
struct Reason(&'static str, &'static str, &'static str);

const SYMLINK: Reason = Reason("use", "it is a symbolic link", "it is a symbolic link");
const IRREGULAR: Reason = Reason("use", "it is not a regular file", "it is not a regular file");
const HARD_LINKS: Reason = Reason("use", "it has 2 hard links", "it has 2 hard links");
const DIRECTORY: Reason = Reason("open", "is a directory", "Is a directory");
const DENIED: Reason = Reason("open", "access denied", "Permission denied");
const MISSING: Reason = Reason("open", "file does not exist", "No such file or directory");
const NOT_A_DIRECTORY: Reason = Reason("open", "not a directory", "Not a directory");
const TOO_LONG: Reason = Reason("open", "file name too long", "File name too long");
const NOBODY_LISTENS: Reason = Reason("open", "device not configured", "No such device or address");

/// All that can be seen of what is in a directory, and of itself.
type Sight = BTreeMap<PathBuf, (u32, u32, u64, u64, [i64; 4], Option<PathBuf>, Vec<u8>)>;

fn look(directory: &Path) -> Sight {
    let mut sight = Sight::new();
    let mut left = vec![directory.to_owned()];
    while let Some(path) = left.pop() {
        let seen = fs::symlink_metadata(&path).unwrap();
        if seen.is_dir() {
            left.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let text = if seen.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let times = [seen.mtime(), seen.mtime_nsec(), seen.ctime(), seen.ctime_nsec()];
        sight.insert(
            path.clone(),
            (seen.mode(), seen.uid(), seen.nlink(), seen.ino(), times, fs::read_link(&path).ok(), text),
        );
    }
    sight
}

/// Lays something out with `plant`, which gives the name that is asked for, and sees it refused in each form.
#[track_caller]
fn refuses(place: &Place, reason: &Reason, plant: impl FnOnce(&Path) -> PathBuf) {
    let name = plant(place.path());
    let before = look(place.path());
    let Reason(verb, ours, glibc) = *reason;
    let text = format!("unable to {verb} {}: ", name.display());
    for form in Form::ALL {
        // in the words of the reference, where it has any
        let said = match (form, verb) {
            (Form::Own, "open") => format!("daemonize: Can't create PID file \"{}\": {glibc}\n", name.display()),
            _ => form.says(&text, (ours, glibc)),
        };
        let expected = Refused::new(form.failure(), said);
        // a program that must not run
        let words = place.words(form, &[], &name, &["/bin/touch", "ran"]);
        assert_eq!(place.run(&words), expected, "{form:?}");
        assert_eq!(look(place.path()), before, "{form:?}: untouched");
    }
    for words in [vec!["-N"], vec!["-x"], vec!["--flock"], vec!["-l", name.to_str().unwrap()]] {
        let file = if words[0] == "-l" { place.file("other") } else { name.clone() };
        let seen = place.run(&place.words(Form::Alone, &words, &file, &["/bin/touch", "ran"]));
        assert_eq!(seen, Refused::new(111, Form::Alone.says(&text, (ours, glibc))), "{words:?}");
        assert_eq!(look(place.path()), before, "{words:?}: untouched");
    }
    // with a lock of its own the file is not opened, but looked at all the same; and no lock file is made first
    if let Some(reason) = reason.seen_unopened().filter(|_| fs::symlink_metadata(&name).is_ok()) {
        let text = format!("unable to use {}: ", name.display());
        for form in [Form::Alone, Form::Behind, Form::BehindByExec] {
            let seen = place.run(&place.words(form, &["-l", "lock"], &name, &["/bin/touch", "ran"]));
            assert_eq!(seen, Refused::new(111, form.says(&text, (reason, reason))), "-l {form:?}");
            assert_eq!(look(place.path()), before, "-l {form:?}: untouched");
        }
    }
}

impl Reason {
    /// What is wrong with a file that is there, for who only looks at it; `None` where none is.
    fn seen_unopened(&self) -> Option<&'static str> {
        match (self.0, self.1) {
            ("use", reason) => Some(reason),
            (_, "is a directory" | "device not configured") => Some(IRREGULAR.1),
            _ => None,
        }
    }
}

/// As whoever runs the tests, and as an ordinary user where that is root.
fn as_each(test: impl Fn(&Place)) {
    test(&Place::new());
    if is_root() {
        test(&Place::of_user(USER));
    }
}

fn as_user(test: impl Fn(&Place)) {
    test(&if is_root() { Place::of_user(USER) } else { Place::new() });
}

/// A file of whoever the programs run as.
fn own(path: PathBuf, text: &str, mode: u32) -> PathBuf {
    fs::write(&path, text).unwrap();
    let owner = fs::metadata(path.parent().unwrap()).unwrap();
    if is_root() {
        chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }
    // last, as chown takes bits away
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn symbolic_links() {
    as_each(|place| {
        for (number, target) in ["missing", "target", "/dev/null", ".", "circle"].into_iter().enumerate() {
            refuses(place, &SYMLINK, |directory| {
                if target == "target" {
                    own(directory.join(target), "precious\n", 0o644);
                }
                let name = if target == "circle" { target.to_owned() } else { format!("link{number}") };
                symlink(target, directory.join(&name)).unwrap();
                directory.join(name)
            });
        }
    });
}

#[test]
fn hard_links() {
    as_each(|place| {
        refuses(place, &HARD_LINKS, |directory| {
            let target = own(directory.join("target"), "precious\n", 0o644);
            fs::hard_link(target, directory.join("link")).unwrap();
            directory.join("link")
        });
    });
}

#[test]
fn what_is_no_file() {
    as_each(|place| {
        refuses(place, &IRREGULAR, |directory| {
            let name = directory.join("fifo");
            mknod(&name, SFlag::S_IFIFO, Mode::from_bits_truncate(0o600), 0).unwrap();
            let owner = fs::metadata(directory).unwrap();
            chown(&name, Some(owner.uid()), None).unwrap();
            name
        });
        let listener = UnixListener::bind(place.file("socket")).unwrap();
        fs::set_permissions(place.file("socket"), fs::Permissions::from_mode(0o666)).unwrap();
        refuses(place, &NOBODY_LISTENS, |directory| directory.join("socket"));
        drop(listener);
        refuses(place, &DIRECTORY, |directory| {
            fs::create_dir(directory.join("directory")).unwrap();
            directory.join("directory")
        });
    });
}

#[test]
fn devices() {
    if !is_root() {
        return leave_out("device nodes as pid files: need root");
    }
    let place = Place::new();
    let null = place.file("null");
    if mknod(&null, SFlag::S_IFCHR, Mode::from_bits_truncate(0o600), libc::makedev(1, 3)).is_err()
        || fs::File::open(&null).is_err()
    {
        return leave_out("device nodes as pid files: not allowed here");
    }
    refuses(&place, &IRREGULAR, |_| null);
}

#[test]
fn files_of_others() {
    if !is_root() {
        return leave_out("pid files of other accounts: need root");
    }
    // root, in a directory where everybody may create files
    let place = Place::new();
    let shared = place.file("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    let stranger = Reason("use", "it belongs to user 65533", "it belongs to user 65533");
    refuses(&place, &stranger, |_| {
        let name = own(shared.join("pid"), "1\n", 0o644);
        chown(&name, Some(STRANGER), Some(STRANGER)).unwrap();
        name
    });

    // a user who may write to what is another's; the kernel's own guard of such directories depends on O_CREAT
    let place = Place::of_user(USER);
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o1777)).unwrap();
    refuses(&place, &stranger, |directory| {
        let name = own(directory.join("pid"), "1\n", 0o666);
        chown(&name, Some(STRANGER), Some(STRANGER)).unwrap();
        name
    });
    // what root has left for reading
    refuses(&place, &DENIED, |directory| {
        let name = own(directory.join("root"), "1\n", 0o644);
        chown(&name, Some(0), Some(0)).unwrap();
        name
    });
}

#[test]
fn files_that_others_may_write_to() {
    as_each(|place| {
        for (mode, octal) in [(0o664, "0664"), (0o646, "0646"), (0o666, "0666"), (0o620, "0620"), (0o6777, "6777")] {
            let text: &'static str = format!("group or others may write to it (mode {octal})").leak();
            refuses(place, &Reason("use", text, text), |directory| own(directory.join(octal), "1\n", mode));
        }
        // unless that is asked for, and then no more than that
        let file = own(place.file("asked"), "", 0o664);
        let seen = place.run(&["pidfile-lock", "-m", "640", file.to_str().unwrap(), "/bin/true"]);
        let said = format!("unable to use {}: group or others may write to it (mode 0664)", file.display());
        assert_eq!(seen, Refused::new(111, Form::Alone.says(&said, ("", ""))));
        assert_eq!(place.run(&["pidfile-lock", "-m", "666", file.to_str().unwrap(), "/bin/true"]), Refused::new(0, ""));
        assert_eq!(fs::metadata(file).unwrap().mode() & 0o7777, 0o666);
    });
}

#[test]
fn directories_in_which_nothing_can_be() {
    as_each(|place| {
        refuses(place, &MISSING, |directory| directory.join("missing/pid"));
        refuses(place, &MISSING, |_| PathBuf::new());
        refuses(place, &NOT_A_DIRECTORY, |directory| own(directory.join("file"), "1\n", 0o644).join("pid"));
        refuses(place, &NOT_A_DIRECTORY, |directory| directory.join("file/"));
        refuses(place, &DIRECTORY, |directory| directory.join("new/"));
        refuses(place, &DIRECTORY, |directory| directory.join("."));
        refuses(place, &TOO_LONG, |directory| directory.join("x".repeat(256)));
    });
    as_user(|place| {
        refuses(place, &DENIED, |directory| {
            fs::create_dir(directory.join("closed")).unwrap();
            fs::set_permissions(directory.join("closed"), fs::Permissions::from_mode(0o555)).unwrap();
            if is_root() {
                chown(directory.join("closed"), Some(USER), None).unwrap();
            }
            directory.join("closed/pid")
        });
    });
}

#[test]
fn a_name_may_be_as_long_as_the_system_lets_it() {
    as_each(|place| {
        let file = place.file("x".repeat(255));
        for form in Form::ALL {
            let _running = place.holder(form, &[], &file);
            crate::pidfile_ground::holder(&file);
        }
    });
}
