//! Where `supervise/` is: behind a link, beside a directory that cannot be written, or where $SUPERVISEDIR says.

use crate::kept::Start;
use crate::service::{Service, shown};
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::leave_out;
use crate::support::together::together;
use crate::support::waiting::look_until;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{getegid, geteuid};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[test]
fn a_link_to_a_directory_is_as_good_as_a_directory() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let elsewhere = service.place().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        symlink("../elsewhere", service.at("supervise")).unwrap();
        let mut supervised = service.supervise(suite);
        supervised.expect("run started");
        supervised.until_shown("up u");
        assert!(elsewhere.join("status").is_file(), "{}", suite.name);
        supervised.finish();
    });
}

/// As after a restart of the machine, where the link leads into memory.
#[test]
fn the_directory_that_a_link_leads_to_is_made() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let elsewhere = service.place().join("elsewhere");
        symlink(&elsewhere, service.at("supervise")).unwrap();
        let mut supervised = service.supervise(suite);
        supervised.expect("run started");
        assert_eq!(shown(&elsewhere), "drwx------", "{}", suite.name);
        assert!(elsewhere.join("status").is_file());
        assert!(shown(&service.at("supervise")).starts_with('l'));
        supervised.finish();
    });
}

#[test]
fn the_directory_that_a_link_leads_to_is_made_only_if_its_parent_exists() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        symlink("../missing/elsewhere", service.at("supervise")).unwrap();
        let mut kept = service.start(suite).go();
        let lock = service.at("supervise/lock");
        let says = format!("supervise: fatal: unable to acquire {}: file does not exist\n", lock.display());
        assert_eq!((kept.code(), kept.error.rest(), kept.voice.rest()), (111, says, String::new()), "{}", suite.name);
        assert!(!service.place().join("missing").exists());
    });
}

/// A start in which nothing can be written below `directory`; or nothing where no namespace is to be had.
fn read_only(start: Start, directory: &Path) -> Option<Start> {
    let is_root = geteuid().is_root();
    let maps = [
        (c"/proc/self/setgroups", "deny".to_owned()),
        (c"/proc/self/uid_map", format!("0 {} 1", geteuid())),
        (c"/proc/self/gid_map", format!("0 {} 1", getegid())),
    ];
    let path = directory.to_owned();
    let enter = move || {
        const NOTHING: Option<&Path> = None;
        unshare(CloneFlags::CLONE_NEWNS | if is_root { CloneFlags::empty() } else { CloneFlags::CLONE_NEWUSER })?;
        for (file, text) in maps.iter().filter(|_| !is_root) {
            nix::unistd::write(open(*file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?, text.as_bytes())?;
        }
        mount(NOTHING, "/", NOTHING, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NOTHING)?;
        mount(Some(&path), &path, NOTHING, MsFlags::MS_BIND, NOTHING)?;
        let again = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(NOTHING, &path, NOTHING, again, NOTHING)
    };
    let probe = Start::new(Path::new("/bin/true")).entering(enter.clone());
    let is_possible = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| probe.go().code() == 0));
    if !is_possible.unwrap_or(false) {
        leave_out("a read-only service directory: needs a mount namespace");
        return None;
    }
    Some(start.entering(enter))
}

#[test]
fn a_read_only_service_directory_does_with_a_link() {
    together(&Suite::all(), |suite| {
        for exists in [true, false] {
            let service = Service::new();
            let elsewhere = service.place().join("elsewhere");
            if exists {
                fs::create_dir(&elsewhere).unwrap();
            }
            symlink(&elsewhere, service.at("supervise")).unwrap();
            let Some(start) = read_only(service.start(suite), service.path()) else { return };
            let mut supervised = Supervised::new(&service, start.go());
            let pid = supervised.expect("run started");
            supervised.tell("h");
            assert_eq!(supervised.expect("run HUP"), pid, "{}", suite.name);
            supervised.until_shown("up u");
            supervised.finish();
        }
    });
}

#[test]
fn a_read_only_service_directory_without_a_link_is_refused() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let Some(start) = read_only(service.start(suite), service.path()) else { return };
        let mut kept = start.go();
        assert_eq!(kept.code(), 111, "{}", suite.name);
        let says = format!("supervise: fatal: unable to acquire {}/supervise/lock: ", service.path().display());
        let said = kept.error.rest();
        assert!(said.starts_with(&says), "{}: {said}", suite.name);
        assert_eq!(kept.voice.rest(), "");
        // with a directory that has all but the lock
        fs::create_dir(service.at("supervise")).unwrap();
        let start = read_only(service.start(suite), service.path()).unwrap();
        let mut kept = start.go();
        assert_eq!(kept.code(), 111, "{}", suite.name);
        let said = kept.error.rest();
        assert!(said.starts_with(&says), "{}: {said}", suite.name);
    });
}

/// Neither the name nor the directory is looked up again.
#[test]
fn a_service_directory_can_be_renamed_while_it_is_supervised() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = service.supervise(suite);
        let pid = supervised.expect("run started");
        let renamed = service.place().join("renamed");
        fs::rename(service.path(), &renamed).unwrap();
        supervised.end(pid, 0);
        let second = supervised.expect("run started");
        look_until("the new status", || {
            let status = crate::status::Status(fs::read(renamed.join("supervise/status")).unwrap());
            status.pid() == second && status.shown() == "up u"
        });
        fs::rename(&renamed, service.path()).unwrap();
        supervised.finish();
    });
}

/// And in messages it is called so.
#[test]
fn a_service_directory_may_have_any_name_that_leads_to_it() {
    together(&Suite::all(), |suite| {
        for name in ["service", "./service", "service/", "../service/../service", "."] {
            let service = Service::new();
            // one directory further down for the names that begin with two dots
            let within = match name {
                "." | "../service/../service" => service.path(),
                _ => service.place(),
            };
            let start = Start::of(suite, "supervise").word(name).within(within);
            let mut supervised = Supervised::new(&service, start.go());
            supervised.expect("run started");
            let mut second = start.go();
            let says = format!("supervise: fatal: unable to acquire {name}/supervise/lock: temporary failure\n");
            assert_eq!((second.code(), second.error.rest()), (111, says), "{}", suite.name);
            supervised.finish();
        }
    });
}

/// Whoever can make such a link would else choose where root writes.
#[test]
fn a_link_of_somebody_else_is_refused() {
    if !geteuid().is_root() {
        leave_out("a link of another account in place of supervise/: needs root");
        return;
    }
    let service = Service::new();
    let elsewhere = service.place().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, service.at("supervise")).unwrap();
    std::os::unix::fs::lchown(service.at("supervise"), Some(65534), Some(65534)).unwrap();
    let mut kept = service.start(&Suite::ours()).go();
    let (code, said) = (kept.code(), kept.error.rest());
    assert_eq!(code, 111, "{said}");
    assert!(said.starts_with("supervise: fatal: unable to ") && said.lines().count() == 1, "{said}");
    assert_eq!(kept.voice.rest(), "");
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
}
