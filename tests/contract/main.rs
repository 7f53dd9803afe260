//! The contract that every wrapper keeps: whatever state it is started in, the program it runs finds that very state,
//! but for what the link says of itself; and that it finds, with the value that was said.
//!
//! A probe reports its state when started directly and when started through the wrapper, and the reports are compared.
//! Not seen by the probe: Landlock domains, mappings, and what the kernel counts (times, faults).
#![allow(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "the launcher and the ground are part of the tests")]

mod calls;
mod changes;
mod disturber;
mod facts;
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

use catena::applet::{Applet, Meaning, Role};
use catena::attributes::{Change, Fact, View, descriptors};
use catena::environ::Environ;
use catena::options;
use catena::sys::words::{Word, Words};
use hostile::{ENVIRONMENT, EVERYTHING, PLAIN, STARTS, Start, TERMINALS};
use launch::{Launch, install_self, no_forks};
use report::Report;
use std::cell::Cell;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use support::{Installed, is_root, leave_out};
use tempfile::TempDir;

/// Words that a program must get as they are.
const WORDS: &[&[u8]] = &[b"", b"--help", b"two words", b"\xff\xfe", b"line\nline", b"-x", b"="];

/// Held by the test that is at work. A link may ask getent for an account, in a fork of this process, which must not find the
/// allocator locked by another thread.
static ALONE: Mutex<()> = Mutex::new(());

/// A place with the probe, the wrappers and a working directory.
struct Ground {
    installed: Installed,
    directory: TempDir,
    /// How many calls have had files of their own.
    calls: Cell<u32>,
    /// Given up last.
    _alone: MutexGuard<'static, ()>,
}

impl Ground {
    fn new() -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let installed = {
            let _guard = no_forks();
            Installed::new()
        };
        let directory = support::world_readable_directory();
        install_self(directory.path(), &[probe::NAME, disturber::NAME]);
        let ground = Self { installed, directory, calls: Cell::new(0), _alone: alone };
        std::fs::create_dir(ground.work()).unwrap();
        ground.make_public("report");
        std::fs::create_dir(ground.at("variables")).unwrap();
        for (name, value) in [("SAME", "once \nmore"), ("B", ""), ("ZZ", "last"), ("NEW", "\n")] {
            std::fs::write(ground.at("variables").join(name), value).unwrap();
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

    /// Words of a call, with files and directories put in.
    fn words(&self, words: &[&str]) -> Vec<String> {
        // the null device has one lock for the whole machine, and anybody may hold it
        // New ones for each call: what the last one held may be given up only after its end has been heard of.
        let number = self.calls.replace(self.calls.get() + 1);
        let [lock, file] = ["lock", "file"].map(|name| format!("{name}-{number}"));
        self.make_public(&lock);
        std::fs::write(self.at(&file), "").unwrap();
        let places = [("/dev/null", &*lock), ("{file}", &file), ("{directory}", "variables")];
        let place = |word: String, &(name, file): &(&str, &str)| word.replace(name, self.at(file).to_str().unwrap());
        words.iter().map(|word| places.iter().fold(word.replace("{name}", &file), place)).collect()
    }

    /// Each call of a link that its table has, and what that is to change.
    fn calls(&self, applet: &'static Applet) -> Vec<(Vec<String>, Vec<Change>)> {
        let plain = (self.words(applet.example), applet.changes.to_vec());
        let requested = applet
            .on_request
            .iter()
            .map(|request| (self.words(&[request.by, applet.example].concat()), vec![request.change]));
        let more = calls::MORE.iter().filter(|(name, _)| *name == applet.name).flat_map(|(_, calls)| *calls);
        let more = more.map(|words| (self.words(words), Vec::new()));
        std::iter::once(plain).chain(requested).chain(more).collect()
    }

    /// What programs are started with.
    fn environment(&self) -> Vec<Vec<u8>> {
        let path = [b"PATH=/nowhere:", self.installed.path().as_os_str().as_bytes()].concat();
        let mutant = std::env::var(MUTANT).ok().map(|mutant| format!("{MUTANT}={mutant}").into_bytes());
        ENVIRONMENT.iter().map(|entry| entry.to_vec()).chain(mutant).chain([path]).collect()
    }

    /// What a link says of this call of it, started in the state that the report shows.
    fn said(&self, applet: &'static Applet, words: &[String], direct: &Report) -> Option<Vec<Fact>> {
        // SAFETY: the look-up of an account forks, for getent; and no other thread is at work, as each test is alone.
        unsafe { catena::sys::process::vouch_for_one_thread() };
        let leaked = |words: Vec<Vec<u8>>| Words::leak(words.into_iter().map(Word::leak));
        let environ = Environ::new(leaked(self.environment()));
        let assumed = facts::of(direct);
        read(applet, words).facts(&View { environ: &environ, assumed: &assumed, is_closed: true }).ok()
    }

    /// The report of a probe that is started through `file` with these words, or directly.
    fn report(&self, start: &Start, through: Option<(&Path, &[&str])>) -> Report {
        self.report_of(start, through).unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same; or what it said if there was none.
    fn report_of(&self, start: &Start, through: Option<(&Path, &[&str])>) -> Result<Report, String> {
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
        let launch = Launch {
            file: file.to_owned(),
            argv: argv.into_iter().map(<[u8]>::to_vec).collect(),
            envp: self.environment(),
            directory: self.work(),
        };
        std::fs::write(&report, "").unwrap();
        let ended = launch.run(start);
        let text = std::fs::read_to_string(&report).unwrap();
        if text.is_empty() {
            let said = ended.stderr.escape_ascii();
            return Err(format!("{file:?} {before:?}, {}: no report, code {}: {said}", start.name, ended.code));
        }
        // who forks does not wait, but for the one whose office that is
        let is_asked_to = before.iter().any(|word| ["-w", "--wait"].contains(word));
        let waits = text.contains(&format!("pid: {}\n", ended.pid)) || file.ends_with("fghack") || is_asked_to;
        let expected = if waits { probe::EXIT.into() } else { 0 };
        assert_eq!(ended.code, expected, "{file:?} {before:?}, {}", start.name);
        assert_eq!([&ended.stdout, &ended.stderr], [b""; 2], "{file:?} {before:?}, {}", start.name);
        Ok(Report::new(&text, &ended))
    }
}

/// A fault that a build for this test makes on purpose: `LINK:FAULT` (src/chain/mutants.rs). Only that link is looked at then.
const MUTANT: &str = "CATENA_MUTANT";

/// The links that are looked at.
fn links() -> impl Iterator<Item = &'static Applet> {
    let mutant = std::env::var(MUTANT).ok().map(|mutant| mutant.split(':').next().unwrap().to_owned());
    let all = catena::applets::ALL.iter().copied().filter(|applet| applet.is_link());
    all.filter(move |applet| mutant.as_deref().is_none_or(|only| only == applet.name))
}

/// What these words ask of a link.
fn read(applet: &'static Applet, words: &[String]) -> Meaning {
    let words = Words::leak(words.iter().map(|word| Word::leak(word.clone().into_bytes())));
    let given =
        options::parse(applet.options, words, true).unwrap_or_else(|misuse| panic!("{}: {misuse:?}", applet.name));
    match applet.role {
        Role::Link(read) => read(&given).unwrap_or_else(|error| panic!("{} {words:?}: {error}", applet.name)),
        _ => panic!("{} is no link", applet.name),
    }
}

/// Every state there is, and descriptors 0 to 2 closed in every way.
fn starts() -> impl Iterator<Item = Start> {
    let closing = (1..8).flat_map(|closed| [PLAIN.closing(closed), EVERYTHING.closing(closed)]);
    STARTS.iter().copied().chain([TERMINALS]).chain(closing).filter(|start| {
        let possible = !start.needs_root || is_root();
        if !possible {
            leave_out(&format!("start as {}: needs root", start.name));
        }
        possible
    })
}

/// Whether root starts it with all rights, and so nothing may be refused.
fn is_all_powerful(start: &Start) -> bool {
    is_root() && start.name != "a capability without root"
}

/// Whether it failed as it may where it has no right to it: with its code and a word.
fn is_refusal(text: &str, applet: &Applet) -> bool {
    let reasons =
        ["permission denied", "access denied", "Permission denied", "Operation not permitted", "Must be root"];
    let is_failure = text.contains(&format!("code {}: {}", applet.codes.failure, applet.name));
    is_failure && reasons.iter().any(|reason| text.contains(reason))
}

/// Whether this call can be looked at in this state: the witnesses take every descriptor there is, and leave the probe none to
/// look with.
fn can_look(applet: &Applet, direct: &Report) -> bool {
    let is_narrow = direct.get("limit Max open files").starts_with("20 ");
    !is_narrow || applet.changes.iter().all(|change| change.words != descriptors::WITNESSES.words)
}

#[test]
fn nothing_differs_but_what_a_link_says_of_itself() {
    let ground = Ground::new();
    // which changes of which links have been seen
    let mut seen: Vec<(&str, &str)> = Vec::new();
    let mut refused = 0;
    for start in starts() {
        let direct = ground.report(&start, None);
        assert!(direct.len() > 100, "the probe reports too little: {direct:?}");
        for applet in links().filter(|applet| can_look(applet, &direct)) {
            let wrapper = ground.installed.applet(applet.name);
            for (words, changes) in ground.calls(applet) {
                let shown = format!(
                    "{} {} started with {}, closed {:03b}",
                    applet.name,
                    words.join(" "),
                    start.name,
                    start.closed
                );
                let said = ground.said(applet, &words, &direct);
                let before: Vec<&str> = words.iter().map(String::as_str).collect();
                let through = match (ground.report_of(&start, Some((&wrapper, &before))), &said) {
                    (Ok(through), Some(_)) => through,
                    (Err(text), _) if is_refusal(&text, applet) && !is_all_powerful(&start) => {
                        refused += 1;
                        continue;
                    }
                    (Err(text), _) => panic!("{shown}: {text}"),
                    (Ok(_), None) => panic!("{shown}: it does not say what it has done"),
                };
                let said = said.unwrap_or_default();
                let differences = direct.differences(&through);
                let strange: Vec<_> =
                    differences.iter().filter(|line| !changes::may_change(&said, &start, line)).collect();
                let all = direct.shown_differences(&through);
                assert!(strange.is_empty(), "{shown}: {strange:?} must not differ:{all}");
                changes::assert_so(&said, &direct, &through, &shown);
                for fact in &said {
                    let is_new = facts::value(&direct, &fact.name) != facts::value(&through, &fact.name);
                    let declared = changes.iter().filter(|change| {
                        change.attributes.iter().any(|attribute| attribute.name() == fact.name.attribute())
                    });
                    seen.extend(declared.filter(|_| is_new).map(|change| (applet.name, change.words)));
                }
                let is_declared = |fact: &Fact| {
                    let mut all = applet.all_changes().flat_map(|change| change.attributes);
                    all.any(|attribute| attribute.name() == fact.name.attribute())
                };
                let secret: Vec<_> = said.iter().filter(|fact| !is_declared(fact)).collect();
                assert!(secret.is_empty(), "{shown}: its table has no such change: {secret:?}");
            }
        }
    }
    for applet in links() {
        for change in applet.all_changes() {
            let is_idle = !seen.contains(&(applet.name, change.words));
            let needs_root = change.attributes.iter().any(|attribute| attribute.name() == "uid") && !is_root();
            assert!(
                !is_idle || needs_root,
                "{} declares that it changes {}, and no start has seen that: give it an example, or the change options in \
                 `by`, with which it does",
                applet.name,
                change.words
            );
        }
    }
    assert!(refused < 30, "{refused} calls failed where they were started");
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
