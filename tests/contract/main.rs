//! The contract that every wrapper keeps: whatever state it is started in, the program it runs finds that very state,
//! but for what the applet says it changes, and that it does change.
//!
//! A probe reports its state when started directly and when started through the wrapper, and the reports are compared.
//! Not seen by the probe: Landlock domains, mappings, and what the kernel counts (times, faults).
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the launcher and the ground are part of the tests")]

mod changes;
mod disturber;
#[path = "../support/hostile.rs"]
mod hostile;
#[path = "../support/launch.rs"]
mod launch;
#[path = "../support/probe.rs"]
mod probe;
#[path = "../support/report.rs"]
mod report;
#[path = "../support/mod.rs"]
mod support;

use catena::applet::{Applet, Aspect};
use hostile::{ENVIRONMENT, EVERYTHING, PLAIN, STARTS, Start};
use launch::{Launch, install_self, no_forks};
use report::Report;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use support::{Installed, is_root, leave_out};
use tempfile::TempDir;

/// Words that a program must get as they are.
const WORDS: &[&[u8]] = &[b"", b"--help", b"two words", b"\xff\xfe", b"line\nline", b"-x", b"="];

/// A place with the probe, the wrappers and a working directory.
struct Ground {
    installed: Installed,
    directory: TempDir,
}

impl Ground {
    fn new() -> Self {
        let installed = {
            let _guard = no_forks();
            Installed::new()
        };
        let directory = support::world_readable_directory();
        install_self(directory.path(), &[probe::NAME, disturber::NAME]);
        let ground = Self { installed, directory };
        std::fs::create_dir(ground.work()).unwrap();
        for name in ["report", "lock"] {
            ground.make_public(name);
        }
        ground
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn work(&self) -> PathBuf {
        self.at("work")
    }

    fn make_public(&self, name: &str) {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(self.at(name), "").unwrap();
        std::fs::set_permissions(self.at(name), std::fs::Permissions::from_mode(0o666)).unwrap();
    }

    /// The applet's example; but the null device has one lock for the whole machine, and anybody may hold it.
    fn example(&self, applet: &Applet) -> Vec<String> {
        let lock = self.at("lock").to_str().unwrap().to_owned();
        let takes_lock = applet.changes.contains(&Aspect::LockDescriptor);
        let words = applet.example.iter();
        words.map(|&word| if takes_lock && word == "/dev/null" { lock.clone() } else { word.to_owned() }).collect()
    }

    /// The report of a probe that is started through `file` with these words, or directly.
    fn report(&self, start: &Start, through: Option<(&Path, &[&str])>) -> Report {
        let probe = self.at(probe::NAME);
        let (file, before) = through.unwrap_or((&probe, &[]));
        let mut argv: Vec<&[u8]> = Vec::new();
        if through.is_some() {
            argv.push(file.as_os_str().as_bytes());
            argv.extend(before.iter().map(|word| word.as_bytes()));
        }
        let report = self.at("report");
        argv.extend([probe.as_os_str().as_bytes(), report.as_os_str().as_bytes()]);
        argv.extend(WORDS);
        let path = [b"PATH=/nowhere:", self.installed.path().as_os_str().as_bytes()].concat();
        let launch = Launch {
            file: file.to_owned(),
            argv: argv.into_iter().map(<[u8]>::to_vec).collect(),
            envp: ENVIRONMENT.iter().map(|entry| entry.to_vec()).chain([path]).collect(),
            directory: self.work(),
        };
        std::fs::write(&report, "").unwrap();
        let ended = launch.run(start);
        let text = std::fs::read_to_string(&report).unwrap();
        assert!(
            !text.is_empty(),
            "{file:?} {before:?}, {}: no report, code {}: {:?}",
            start.name,
            ended.code,
            ended.stderr
        );
        // who forks does not wait, but for the one whose office that is
        let waits = text.contains(&format!("pid: {}\n", ended.pid)) || file.ends_with("fghack");
        let expected = if waits { probe::EXIT.into() } else { 0 };
        assert_eq!(ended.code, expected, "{file:?} {before:?}, {}", start.name);
        assert_eq!([&ended.stdout, &ended.stderr], [b""; 2], "{file:?} {before:?}, {}", start.name);
        Report::new(&text, &ended)
    }
}

/// Every state there is, and descriptors 0 to 2 closed in every way.
fn starts() -> impl Iterator<Item = Start> {
    let closing = (1..8).flat_map(|closed| [PLAIN.closing(closed), EVERYTHING.closing(closed)]);
    STARTS.iter().copied().chain(closing).filter(|start| {
        let possible = !start.needs_root || is_root();
        if !possible {
            leave_out(&format!("start as {}: needs root", start.name));
        }
        possible
    })
}

/// A name for messages.
fn shown(applet: &Applet, start: &Start) -> String {
    format!("{} started with {}, closed {:03b}", applet.name, start.name, start.closed)
}

/// Whether the applet's example can be run by this account.
fn is_allowed_to(applet: &Applet) -> bool {
    let possible = is_root() || !applet.changes.contains(&Aspect::Identity);
    if !possible {
        leave_out(&format!("contract of {}: needs root", applet.name));
    }
    possible
}

#[test]
fn nothing_differs_but_what_the_applet_changes() {
    let ground = Ground::new();
    for start in starts() {
        let direct = ground.report(&start, None);
        assert!(direct.len() > 100, "the probe reports too little: {direct:?}");
        // the witnesses take every descriptor there is, and leave the probe none to look with
        let is_narrow = direct.get("limit Max open files").starts_with("20 ");
        let can_look = |applet: &Applet| !is_narrow || !applet.changes.contains(&Aspect::WitnessDescriptors);
        for applet in
            catena::applets::ALL.iter().filter(|applet| applet.is_link() && is_allowed_to(applet) && can_look(applet))
        {
            let wrapper = ground.installed.applet(applet.name);
            let example = ground.example(applet);
            let example: Vec<&str> = example.iter().map(String::as_str).collect();
            let through = ground.report(&start, Some((&wrapper, &example)));
            let strange: Vec<_> = direct
                .differences(&through)
                .into_iter()
                .filter(|line| !applet.changes.iter().any(|aspect| changes::may_change(*aspect, &start, &direct, line)))
                .collect();
            let all = direct.shown_differences(&through);
            assert!(strange.is_empty(), "{}: {strange:?} must not differ:{all}", shown(applet, &start));
            changes::assert_documented(applet, &start, &direct, &through, &shown(applet, &start));
        }
    }
}

#[test]
fn two_direct_starts_are_the_same() {
    let ground = Ground::new();
    for start in starts() {
        let [first, second] = [ground.report(&start, None), ground.report(&start, None)];
        assert_eq!(first.shown_differences(&second), "", "{}", start.name);
    }
}

/// What is closed, ignored and so on is what the state says: a start that does nothing would prove nothing.
#[test]
fn the_states_are_as_hostile_as_they_say() {
    let ground = Ground::new();
    let report = ground.report(&EVERYTHING.closing(0b101), None);
    let expected = [
        ("fd 0", ""),
        ("fd 2", ""),
        ("ignored 1", "yes"),
        ("ignored 13", "yes"),
        ("ignored 17", "yes"),
        ("blocked 10", "yes"),
        ("blocked 33", "yes"),
        ("pending for process 10", "yes"),
        ("pending for thread 15", "yes"),
        ("caught 1", ""),
        ("Umask", "0777"),
        ("nice", "5"),
        ("timer REAL", "every 7.250000 s, 5 thousand s left"),
        ("parent-death signal", "28"),
        ("child subreaper", "1"),
        ("NoNewPrivs", "1"),
        ("oom_score_adj", "500"),
        ("coredump_filter", "00000001"),
        ("fd 9 lock", "OFDLCK ADVISORY WRITE by -1 0 0"),
        ("fd 10 lock", "POSIX ADVISORY WRITE by self 2 2"),
        ("fd 11 lock", "FLOCK ADVISORY WRITE by self 0 EOF"),
    ];
    for (line, value) in expected {
        assert_eq!(report.get(line), value, "{line}");
    }
    assert!(report.get("cwd").ends_with("(deleted)"));
    assert!(report.get("limit Max open files").starts_with("20 "));
    assert!(report.get("fd 5").contains("offset 3"));
    let plain = ground.report(&PLAIN, None);
    for signal in 1..=64 {
        assert_eq!(plain.get(&format!("ignored {signal}")), "", "signal {signal}");
    }
    let environment: Vec<String> = ENVIRONMENT.iter().map(|entry| entry.escape_ascii().to_string()).collect();
    assert_eq!(plain.list("env")[..ENVIRONMENT.len()], environment);
}

/// Bad wrappers are found out: each does one thing that no applet may, and exactly that is reported.
#[test]
fn every_disturbance_is_reported() {
    let ground = Ground::new();
    let wrapper = ground.at(disturber::NAME);
    for disturbance in disturber::ALL {
        let start = (STARTS.iter().chain([&EVERYTHING])).find(|start| start.name == disturbance.start).unwrap();
        let direct = ground.report(start, None);
        let through = ground.report(start, Some((&wrapper, &[disturbance.name])));
        let differences: Vec<String> = direct.differences(&through).into_iter().collect();
        assert_eq!(differences, disturbance.seen_in, "{}", disturbance.name);
    }
}

/// Calls that change more than an applet's example does.
#[test]
fn an_environment_directory_changes_its_variables_alone() {
    let ground = Ground::new();
    let variables = ground.at("variables");
    std::fs::create_dir(&variables).unwrap();
    for (name, value) in [("SAME", "once \nmore"), ("B", ""), ("ZZ", "last"), ("NEW", "\n")] {
        std::fs::write(variables.join(name), value).unwrap();
    }
    let wrapper = ground.installed.applet("envdir");
    for start in starts() {
        let direct = ground.report(&start, None);
        let through = ground.report(&start, Some((&wrapper, &[variables.to_str().unwrap()])));
        let mut expected: Vec<&str> = direct.list("env");
        expected.retain(|entry| *entry != "B=");
        let first = expected.iter().position(|entry| *entry == "SAME=twice").unwrap();
        expected[first] = "SAME=once";
        expected.remove(first + 1);
        expected.extend(["NEW=", "ZZ=last"]);
        assert_eq!(through.list("env"), expected, "{}", start.name);
        let others: Vec<_> =
            direct.differences(&through).into_iter().filter(|line| !line.starts_with("env ")).collect();
        assert!(others.is_empty(), "{}: {others:?}", start.name);
    }
}
