//! Starts of supervise that fail: each says why in one line, exits 111 or 100, and starts nothing.

use crate::kept::{Kept, Start};
use crate::service::Service;
use crate::suite::Suite;
use crate::support::together::together;
use crate::support::{is_root, leave_out};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, mkfifo};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

/// Somebody who is neither root nor the owner of anything.
const NOBODY: u32 = 65534;

/// What is done to a service beforehand.
type Spoil = fn(&Service);

struct Failure {
    prepare: Spoil,
    /// The directory that supervise is given, below the service's parent.
    directory: &'static str,
    /// What is said after `supervise: fatal: `, with `@` for the parent.
    says: &'static str,
}

const FAILURES: &[Failure] = &[
    Failure { prepare: |_| (), directory: "missing", says: "unable to chdir to @/missing: file does not exist" },
    Failure { prepare: |_| (), directory: "service/run", says: "unable to chdir to @/service/run: not a directory" },
    Failure {
        prepare: |service| symlink("down", service.at("down")).unwrap(),
        directory: "service",
        says: "unable to stat @/service/down: symbolic link loop",
    },
    Failure {
        prepare: |service| service.put("supervise", ""),
        directory: "service",
        says: "unable to acquire @/service/supervise/lock: not a directory",
    },
    Failure {
        prepare: |service| fs::create_dir_all(service.at("supervise/lock")).unwrap(),
        directory: "service",
        says: "unable to acquire @/service/supervise/lock: is a directory",
    },
    Failure {
        prepare: |service| symlink("supervise", service.at("supervise")).unwrap(),
        directory: "service",
        says: "unable to acquire @/service/supervise/lock: symbolic link loop",
    },
];

/// Starts it in the way of a failure's directory.
fn start(service: &Service, suite: &Suite, directory: &str) -> Start {
    Start::of(suite, "supervise").word(service.place().join(directory))
}

#[track_caller]
fn assert_fails(mut kept: Kept, service: &Service, says: &str, context: &str) {
    let expected = format!("supervise: fatal: {}\n", says.replace('@', service.place().to_str().unwrap()));
    assert_eq!((kept.code(), kept.error.rest()), (111, expected), "{context}");
    kept.wait_for_all();
    assert_eq!(kept.voice.rest(), "", "{context}: nothing is started");
    assert!(!service.is_supervised(), "{context}");
}

#[test]
fn a_start_that_fails_says_why_and_starts_nothing() {
    together(&Suite::all(), |suite| {
        for failure in FAILURES {
            let service = Service::new();
            (failure.prepare)(&service);
            let context = format!("{}: {}", suite.name, failure.says);
            assert_fails(start(&service, suite, failure.directory).go(), &service, failure.says, &context);
        }
    });
}

#[test]
fn an_empty_name_is_no_directory() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let kept = Start::of(suite, "supervise").word("").within(service.path()).go();
        assert_fails(kept, &service, "unable to chdir to : file does not exist", suite.name);
    });
}

#[test]
fn supervise_takes_exactly_one_argument() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let none = Start::of(suite, "supervise");
        let two = service.start(suite).word(service.path());
        for start in [none, two] {
            let mut kept = start.within(service.path()).go();
            let (code, said) = (kept.code(), kept.error.rest());
            assert_eq!(code, 100, "{}: {said}", suite.name);
            assert!(said.starts_with("supervise: usage: ") && said.lines().count() == 1, "{}: {said}", suite.name);
            assert_eq!(kept.voice.rest(), "");
            assert!(!service.at("supervise").exists(), "{}", suite.name);
        }
    });
}

/// The reference takes a plain file and then reads from it for ever, without waiting.
#[test]
fn control_that_is_no_fifo_is_refused() {
    let prepares: [Spoil; 3] = [
        |service| service.put("supervise/control", ""),
        |service| fs::create_dir(service.at("supervise/control")).unwrap(),
        |service| symlink("/dev/null", service.at("supervise/control")).unwrap(),
    ];
    for prepare in prepares {
        let service = Service::new();
        fs::create_dir(service.at("supervise")).unwrap();
        prepare(&service);
        let before = service.list("supervise")["control"].clone();
        let mut kept = service.start(&Suite::ours()).go();
        let (code, said) = (kept.code(), kept.error.rest());
        assert_eq!(code, 111, "{before}: {said}");
        let is_plain = before.starts_with('-');
        let reason = if is_plain { "supervise/control is not a fifo\n" } else { "supervise/control: " };
        let is_said = said.starts_with("supervise: fatal: ") && said.contains(reason);
        assert!(is_said && said.lines().count() == 1, "{before}: {said}");
        assert_eq!(kept.voice.rest(), "");
        assert_eq!(service.list("supervise")["control"], before);
        assert!(!service.is_supervised());
    }
}

#[test]
fn control_that_is_somebody_elses_is_refused() {
    if !is_root() {
        leave_out("a control FIFO of another account: needs root");
        return;
    }
    let service = Service::new();
    fs::create_dir(service.at("supervise")).unwrap();
    let control = service.at("supervise/control");
    mkfifo(&control, Mode::S_IRWXU).unwrap();
    std::os::unix::fs::chown(&control, Some(NOBODY), None).unwrap();
    let mut kept = service.start(&Suite::ours()).go();
    let (code, said) = (kept.code(), kept.error.rest());
    assert_eq!(code, 111, "{said}");
    assert!(said.starts_with("supervise: fatal: ") && said.contains("supervise/control"), "{said}");
    assert_eq!(kept.voice.rest(), "");
    assert!(!service.is_supervised());
}

/// A start that root may not make either: as nobody in directories that are not nobody's.
fn as_nobody(start: Start) -> Start {
    start.entering(|| {
        if Uid::effective().is_root() {
            nix::unistd::setgroups(&[])?;
            nix::unistd::setresgid(Gid::from_raw(NOBODY), Gid::from_raw(NOBODY), Gid::from_raw(NOBODY))?;
            nix::unistd::setresuid(Uid::from_raw(NOBODY), Uid::from_raw(NOBODY), Uid::from_raw(NOBODY))?;
        }
        Ok(())
    })
}

/// Of the directory itself if there is no name.
fn set_mode(service: &Service, name: &str, mode: u32) {
    let path = if name.is_empty() { service.path().to_owned() } else { service.at(name) };
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn permissions_are_respected() {
    let cases: &[(Spoil, &str)] = &[
        (|service| set_mode(service, "", 0o600), "unable to chdir to @/service: access denied"),
        (|service| set_mode(service, "", 0o555), "unable to acquire @/service/supervise/lock: file does not exist"),
        (
            |service| {
                fs::create_dir(service.at("supervise")).unwrap();
                set_mode(service, "supervise", 0o500);
            },
            "unable to acquire @/service/supervise/lock: access denied",
        ),
        (
            |service| {
                fs::create_dir(service.at("supervise")).unwrap();
                service.put("supervise/lock", "");
                set_mode(service, "supervise/lock", 0o444);
            },
            "unable to acquire @/service/supervise/lock: access denied",
        ),
        (
            |service| {
                fs::create_dir(service.at("supervise")).unwrap();
                service.put("supervise/lock", "");
                set_mode(service, "supervise/lock", 0o666);
                mkfifo(&service.at("supervise/control"), Mode::empty()).unwrap();
                set_mode(service, "supervise", 0o555);
            },
            "unable to read @/service/supervise/control: access denied",
        ),
    ];
    together(&Suite::all(), |suite| {
        for (prepare, says) in cases {
            let service = Service::new();
            prepare(&service);
            let kept = as_nobody(start(&service, suite, "service")).go();
            // the reference tells of the open, ours of the mkdir before it, which says why
            let is_the_cause = suite.is_ours && says.ends_with("file does not exist");
            let says =
                if is_the_cause { says.replace("file does not exist", "access denied") } else { says.to_string() };
            assert_fails(kept, &service, &says, suite.name);
            // so that it can be removed
            set_mode(&service, "", 0o755);
        }
    });
}

/// What somebody else has put there is not written to.
#[test]
fn a_link_in_place_of_a_file_is_not_followed() {
    for name in ["lock", "status.new", "status", "info.new", "info"] {
        let service = Service::new();
        fs::create_dir(service.at("supervise")).unwrap();
        let victim = service.place().join("victim");
        fs::write(&victim, "untouched").unwrap();
        symlink(&victim, service.at("supervise").join(name)).unwrap();
        let missing = service.place().join("missing");
        let mut kept = service.start(&Suite::ours()).go();
        if name == "lock" {
            let (code, said) = (kept.code(), kept.error.rest());
            assert_eq!(code, 111, "{said}");
            assert!(said.starts_with("supervise: fatal: unable to acquire "), "{said}");
            assert_eq!(kept.voice.rest(), "");
            // nor is what it leads to made
            fs::remove_file(service.at("supervise/lock")).unwrap();
            symlink(&missing, service.at("supervise/lock")).unwrap();
            assert_eq!(service.start(&Suite::ours()).go().code(), 111);
            assert!(!missing.exists());
        } else {
            assert!(kept.voice.next().is_some_and(|line| line.ends_with(" started")), "{name}");
        }
        drop(kept);
        assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched", "{name}");
    }
}

/// Nor what is the same file under another name: a file in the way of a new one makes room, whatever it is.
#[test]
fn what_stands_in_the_way_of_a_new_file_is_taken_away_and_not_written_to() {
    type Plant = fn(&Path, &Path);
    let plants: [(&str, Plant); 3] = [
        ("hard link", |victim, at| fs::hard_link(victim, at).unwrap()),
        ("symbolic link", |victim, at| symlink(victim, at).unwrap()),
        ("fifo", |_, at| mkfifo(at, Mode::S_IRWXU).unwrap()),
    ];
    for (kind, plant) in plants {
        for name in ["status", "info"] {
            let service = Service::new();
            fs::create_dir(service.at("supervise")).unwrap();
            let victim = service.place().join("victim");
            fs::write(&victim, "untouched").unwrap();
            plant(&victim, &service.at(&format!("supervise/{name}.new")));
            let mut supervised = service.supervise(&Suite::ours());
            let run = supervised.expect("run started");
            supervised.until_shown("up u");
            supervised.settle();
            assert_eq!(service.info()["pid"], run.to_string(), "{kind} {name}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched", "{kind} {name}");
            assert_eq!(fs::symlink_metadata(&victim).unwrap().nlink(), 1, "{kind} {name}");
            assert!(!service.list("supervise").contains_key(&format!("{name}.new")), "{kind} {name}");
            supervised.finish();
        }
    }
}
