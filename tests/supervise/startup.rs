//! A start of supervise: what it makes, in which order, and what it leaves as it finds it.

use crate::recorder::{is_alive, state, words};
use crate::service::{Service, open_fifo, shown};
use crate::suite::Suite;
use crate::supervised::Supervised;
use crate::support::together::together;
use crate::support::waiting::{Watch, look_until};
use nix::fcntl::{Flock, FlockArg};
use nix::sys::stat::{Mode, umask};
use nix::unistd::mkfifo;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

fn usual_umask() -> nix::Result<()> {
    umask(Mode::from_bits_truncate(0o022));
    Ok(())
}

#[test]
fn the_files_have_the_types_modes_and_sizes_of_the_reference() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let mut supervised = Supervised::new(&service, service.start(suite).entering(usual_umask).go());
        supervised.expect("run started");
        supervised.settle();
        let size = if suite.is_ours { 20 } else { 18 };
        let mut expected: BTreeMap<String, String> = [
            ("control", "prw-------".to_owned()),
            ("lock", "-rw------- 0".to_owned()),
            ("ok", "prw-------".to_owned()),
            ("status", format!("-rw-r--r-- {size}")),
        ]
        .map(|(name, shown)| (name.to_owned(), shown))
        .into();
        let mut seen = service.list("supervise");
        if suite.is_ours {
            let info = seen.remove("info").unwrap();
            let size = info.strip_prefix("-rw-r--r-- ").unwrap_or_else(|| panic!("{info}"));
            assert!((1..=512).contains(&size.parse::<u32>().unwrap()), "{info}");
        } else {
            expected.remove("info");
        }
        assert_eq!(seen, expected, "{}", suite.name);
        assert_eq!(shown(&service.at("supervise")), "drwx------");
        supervised.finish();
    });
}

/// What is nobody else's business stays so.
#[test]
fn a_stricter_umask_is_respected() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "");
        let start = service.start(suite).entering(|| {
            umask(Mode::from_bits_truncate(0o077));
            Ok(())
        });
        let mut supervised = Supervised::new(&service, start.go());
        supervised.settle();
        let files = service.list("supervise");
        let status = files["status"].split(' ').next();
        assert_eq!(status, Some("-rw-------"), "{}", suite.name);
        assert_eq!([&files["control"], &files["ok"]], ["prw-------"; 2], "{}", suite.name);
        supervised.finish();
    });
}

/// The names of what has been made or renamed in a watched directory, in that order.
fn made(watch: &Watch) -> Vec<String> {
    let mut names = vec![];
    let mut room = [0; 8192];
    while let Ok(count @ 1..) = nix::unistd::read(watch, &mut room) {
        let mut left = &room[..count];
        // watch, what, cookie, length of the name, name
        while let [head, ..] = left.as_chunks::<16>().0 {
            let [what, length] = [4, 12].map(|at| u32::from_ne_bytes(head[at..][..4].try_into().unwrap()));
            let (name, rest) = left[16..].split_at(length as usize);
            if what & (libc::IN_CREATE | libc::IN_MOVED_TO) != 0 {
                names.push(CStr::from_bytes_until_nul(name).unwrap().to_str().unwrap().to_owned());
            }
            left = rest;
        }
    }
    names
}

/// Who finds `ok` finds all the others.
#[test]
fn lock_control_and_status_are_there_before_ok() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "");
        fs::create_dir(service.at("supervise")).unwrap();
        let watch = Watch::new(&service.at("supervise"));
        let mut supervised = service.supervise(suite);
        supervised.settle();
        let mut names = made(&watch);
        let known = ["lock", "control", "status", "ok"];
        names.retain(|name| known.contains(&name.as_str()));
        let first: Vec<_> = (0..names.len()).filter(|&at| !names[..at].contains(&names[at])).collect();
        let first: Vec<_> = first.into_iter().map(|at| names[at].as_str()).collect();
        assert_eq!(first, known, "{}", suite.name);
        supervised.finish();
    });
}

#[test]
fn from_the_instant_of_ok_supervise_can_be_controlled() {
    together(&Suite::all(), |suite| {
        for round in 0..10 {
            let service = Service::new().with("down", "");
            let mut kept = service.start(suite).go();
            while !service.is_supervised() {
                assert!(kept.is_running());
            }
            let status = service.status();
            assert_eq!((status.shown().as_str(), status.0.len() >= 18), ("down d", true), "{}, {round}", suite.name);
            assert!(open_fifo(&service.at("supervise/control")).is_ok(), "{}, {round}", suite.name);
            let lock = File::open(service.at("supervise/lock")).unwrap();
            assert!(Flock::lock(lock, FlockArg::LockExclusiveNonblock).is_err(), "{}, {round}", suite.name);
            let mut supervised = Supervised::new(&service, kept);
            supervised.finish();
        }
    });
}

#[test]
fn whatever_is_called_down_keeps_a_service_down() {
    together(&Suite::all(), |suite| {
        let plain = Service::new().with("down", "");
        let directory = Service::new();
        fs::create_dir(directory.at("down")).unwrap();
        let link = Service::new();
        symlink("run", link.at("down")).unwrap();
        let unreadable = Service::new().with("down", "");
        fs::set_permissions(unreadable.at("down"), Permissions::from_mode(0o0)).unwrap();
        for service in [plain, directory, link, unreadable] {
            let mut supervised = service.supervise(suite);
            supervised.settle();
            assert_eq!(supervised.status().shown(), "down d");
            supervised.write("x");
            assert_eq!(supervised.rest(), (0, String::new()), "{}", suite.name);
        }
        // a link to nothing is nothing
        let service = Service::new();
        symlink("nothing", service.at("down")).unwrap();
        let mut supervised = service.supervise(suite);
        supervised.expect("run started");
        supervised.until_shown("up u");
        supervised.finish();
    });
}

#[test]
fn down_is_looked_at_when_supervise_starts_and_never_again() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "");
        let mut supervised = service.supervise(suite);
        service.take_away("down");
        supervised.tell("d");
        assert_eq!(supervised.status().shown(), "down d");
        supervised.tell("u");
        let pid = supervised.expect("run started");
        service.put("down", "");
        supervised.end(pid, 0);
        supervised.expect("run started");
        supervised.until_shown("up u");
        supervised.finish();
    });
}

type Snapshot = BTreeMap<String, (String, u64, i64, i64, Vec<u8>)>;

/// All that tells whether somebody has touched the files of supervise.
fn snapshot(service: &Service) -> Snapshot {
    let names = service.list("supervise").into_iter();
    let files = names.map(|(name, shown)| {
        let path = service.at("supervise").join(&name);
        let metadata = fs::metadata(&path).unwrap();
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { vec![] };
        (name, (shown, metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), content))
    });
    files.collect()
}

#[test]
fn a_second_supervise_is_refused_and_changes_no_file() {
    together(&Suite::all(), |suite| {
        for other in Suite::all() {
            let service = Service::new();
            let mut supervised = service.supervise(suite);
            let pid = supervised.expect("run started");
            // the reference, which hears nothing for a second after a start, writes its status once more then
            supervised.tell("h");
            supervised.expect("run HUP");
            let before = snapshot(&service);
            for _ in 0..3 {
                let mut second = service.start(&other).go();
                let says = format!(
                    "supervise: fatal: unable to acquire {}/supervise/lock: temporary failure\n",
                    service.path().display()
                );
                assert_eq!((second.code(), second.error.rest()), (111, says), "{} and {}", suite.name, other.name);
                assert_eq!(second.voice.rest(), "");
            }
            assert_eq!(snapshot(&service), before, "{} and {}", suite.name, other.name);
            supervised.tell("h");
            assert_eq!(supervised.expect("run HUP"), pid);
            supervised.expect_silence_of(pid);
            supervised.finish();
        }
    });
}

#[test]
fn of_many_that_start_together_one_stays() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        let start = service.start(suite);
        let mut all: Vec<_> = (0..10).map(|_| start.go()).collect();
        look_until("all but one have ended", || {
            let running = all.iter_mut().map(|kept| usize::from(kept.is_running())).sum::<usize>();
            assert!(running > 0, "none is left");
            running == 1
        });
        let stays = all.iter_mut().position(|kept| kept.is_running()).unwrap();
        let mut supervised = Supervised::new(&service, all.swap_remove(stays));
        let pid = supervised.expect("run started");
        supervised.expect_silence_of(pid);
        for mut kept in all {
            assert_eq!((kept.code(), kept.voice.rest()), (111, String::new()), "{}", suite.name);
        }
        supervised.finish();
    });
}

#[test]
fn a_directory_can_be_supervised_again_with_the_same_fifos() {
    together(&Suite::all(), |suite| {
        let service = Service::new().with("down", "");
        let mut fifos = vec![];
        for _ in 0..3 {
            let mut supervised = service.supervise(suite);
            supervised.settle();
            let files = snapshot(&service);
            fifos.push(["control", "ok", "lock"].map(|name| files[name].1));
            supervised.finish();
            assert!(!service.is_supervised());
        }
        assert_eq!([fifos[1], fifos[2]], [fifos[0]; 2], "{}", suite.name);
    });
}

/// As somebody may have left them who was killed in the middle of a write.
#[test]
fn unfinished_files_of_an_earlier_supervise_are_replaced() {
    together(&Suite::all(), |suite| {
        let service = Service::new();
        fs::create_dir(service.at("supervise")).unwrap();
        for name in ["supervise/status.new", "supervise/info.new", "supervise/status", "supervise/info"] {
            service.put(name, &"unfinished ".repeat(100));
        }
        let mut supervised = service.supervise(suite);
        supervised.expect("run started");
        supervised.until_shown("up u");
        supervised.settle();
        let files = service.list("supervise");
        assert!(!files.contains_key("status.new"), "{}: {files:?}", suite.name);
        let size = if suite.is_ours { 20 } else { 18 };
        assert_eq!(service.status().0.len(), size, "{}", suite.name);
        if suite.is_ours {
            assert!(!files.contains_key("info.new"), "{files:?}");
            assert_eq!(service.info()["pid"], service.status().pid().to_string());
        }
        supervised.finish();
    });
}

/// So that an administrator can let a group control a service.
#[test]
fn the_modes_of_fifos_that_exist_are_kept() {
    together(&Suite::all(), |suite| {
        for mode in [0o620, 0o622] {
            let service = Service::new().with("down", "");
            fs::create_dir(service.at("supervise")).unwrap();
            for name in ["supervise/control", "supervise/ok"] {
                mkfifo(&service.at(name), Mode::S_IRWXU).unwrap();
                fs::set_permissions(service.at(name), Permissions::from_mode(mode)).unwrap();
            }
            let mut supervised = service.supervise(suite);
            supervised.tell("u");
            supervised.expect("run started");
            for name in ["supervise/control", "supervise/ok"] {
                let seen = fs::metadata(service.at(name)).unwrap().mode() & 0o7777;
                assert_eq!(seen, mode, "{}: {name}", suite.name);
            }
            supervised.finish();
        }
    });
}

/// What supervise opens would land where a service's output goes. The service gets what supervise was given.
#[test]
fn closed_standard_descriptors_are_the_null_device_for_supervise_and_closed_for_the_service() {
    for closed in 1..8_u8 {
        let service = Service::new();
        let is_closed = move |number: &i32| closed >> number & 1 == 1;
        let start = service.start(&Suite::ours()).entering(move || {
            for number in (0..3).filter(is_closed) {
                // SAFETY: a number.
                unsafe { libc::close(number) };
            }
            Ok(())
        });
        let mut supervised = Supervised::new(&service, start.go());
        let pid = supervised.until_shown("up u").pid();
        // when it waits, it has closed what it has looked at
        look_until("it runs", || words(pid) == ["./run"] && state(pid) == Some('S'));
        for number in (0..3).filter(is_closed) {
            let target = fs::read_link(format!("/proc/{}/fd/{number}", supervised.pid())).unwrap();
            assert_eq!(target.to_str(), Some("/dev/null"), "closed {closed:03b}: {number}");
        }
        let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap().file_name());
        let mut open: Vec<i32> = open.map(|name| name.to_str().unwrap().parse().unwrap()).collect();
        open.sort_unstable();
        let expected: Vec<i32> = (0..3).filter(|number| !is_closed(number)).collect();
        assert_eq!(open, expected, "closed {closed:03b}");
        supervised.write("dxk");
        assert_eq!(supervised.kept.code(), 0);
        supervised.kept.wait_for_all();
        assert!(!is_alive(pid));
    }
}
