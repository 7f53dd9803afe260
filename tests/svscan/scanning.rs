//! Which entries of the directory are services, and what each is started as: its words, its directory, its descriptors.

use crate::all_at_once::Slow;
use crate::ground::{ALL, Ground, OWN, Reference, SERVE, Way, each, is_catena, script};
use crate::processes::{self, argv, children, descriptors, is_for_writing, link};
use crate::support::waiting::{PATIENCE, look_until};
use crate::tree::Tree;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

pub const SLOW: &[Slow] = &[
    ("a_directory_that_has_two_names_is_one_service", ALL, two_names),
    ("a_failed_look_at_an_entry_is_a_warning_and_the_others_are_started", ALL, a_failed_look),
];

/// A name as long as a path component may be, all but.
fn long_name() -> String {
    "long".repeat(50)
}

/// Names that a careless program would take for options, for none, or for several words.
fn names() -> Vec<String> {
    let mut names =
        ["a", "b c", "-x", "--help", "--version", "caf\u{e9}", "x.", "UPPER", "\u{1}"].map(str::to_owned).to_vec();
    names.push(long_name());
    names
}

/// What a supervise is called with. By an exec, ours has to be told where options end, if the name looks like one.
fn name_of(pid: i32) -> String {
    let words = argv(pid);
    match &words[1..] {
        [end, name] if end == "--" && name.starts_with('-') => name.clone(),
        words => words.join(" "),
    }
}

/// What all supervises are called with.
fn supervised(tree: &Tree<'_>) -> BTreeSet<String> {
    tree.supervises().iter().map(|process| name_of(process.pid)).collect()
}

#[test]
fn directories_and_links_to_directories_are_services_if_their_names_begin_without_a_dot() {
    each(ALL, |way| {
        let ground = Ground::new(way);
        let is_service = names();
        for (place, name) in is_service.iter().enumerate() {
            ground.make(&ground.service_at(name), &format!("entry{place}"), SERVE, None);
        }
        ground.make(&ground.at("elsewhere"), "linked", SERVE, None);
        symlink("../elsewhere", ground.service_at("link")).unwrap();
        for (place, name) in [".hidden", "..", "..two", "..."].iter().enumerate().filter(|(_, name)| **name != "..") {
            ground.make(&ground.service_at(name), &format!("hidden{place}"), SERVE, None);
        }
        fs::write(ground.service_at("file"), "").unwrap();
        script(&ground.service_at("program"), "echo program up $$ >&8");
        mkfifo(&ground.service_at("fifo"), Mode::S_IRWXU).unwrap();
        symlink("file", ground.service_at("link-to-file")).unwrap();

        let mut tree = ground.start();
        tree.all_up(&(0..is_service.len()).map(|place| format!("entry{place}")).collect::<Vec<_>>());
        tree.all_up(&["linked"]);
        let expected: BTreeSet<String> = is_service.into_iter().chain(["link".to_owned()]).collect();
        look_until("every supervise has its words", || supervised(&tree) == expected);
        let lines = tree.voice.lines();
        assert!(!lines.iter().any(|line| line.starts_with("hidden") || line.starts_with("program")), "{lines:?}");
        assert_eq!(ground.messages(), "");
    });
}

fn two_names(way: Way) {
    let ground = Ground::new(way);
    ground.service("middle", SERVE);
    for other in ["first", "second", "zlast"] {
        symlink("middle", ground.service_at(other)).unwrap();
    }
    ground.service("marker", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["middle", "marker"]);
    // another scan does not find it anew
    ground.service("later", SERVE);
    tree.all_up(&["later"]);
    assert_eq!(tree.supervises().len(), 3, "{:#?}", tree.shown());
    assert_eq!(tree.voice.lines().len(), 3);
    assert_eq!(ground.messages(), "");
}

#[test]
fn services_are_started_in_the_order_of_their_names() {
    each(OWN, |way| {
        let ground = Ground::new(way);
        // some twenty, made in another order than that of their bytes
        let mut names: Vec<String> = (0..20).map(|number| format!("s{}", (number * 7) % 20)).collect();
        names.extend(["Z", "-", "\u{e9}"].map(str::to_owned));
        ground.services(names.iter().cloned(), "echo up up $$ >&8; read x <&9");
        let mut tree = ground.start();
        tree.hears("up up", names.len());
        names.sort();
        let started: Vec<String> = children(tree.svscan).into_iter().map(name_of).collect();
        assert_eq!(started, names);
    });
}

#[test]
fn without_an_argument_the_current_directory_is_scanned() {
    each(ALL, |way| {
        let ground = Ground::new(way);
        ground.service("a", SERVE);
        // a tree starts there
        let mut tree = Tree::new(&ground, &[]);
        tree.run(&[ground.program("svscan").to_str().unwrap()]);
        tree.all_up(&["a"]);
        assert_eq!(tree.supervise("a").map(argv), Some(vec!["supervise".to_owned(), "a".to_owned()]));
    });
}

/// What a logged and an unlogged service look like from outside.
#[test]
fn a_service_with_a_log_writes_into_a_pipe_that_its_logger_reads_and_svscan_keeps() {
    each(ALL, |way| {
        let ground = Ground::new(way);
        let run = "echo NAME up $$ >&8; exec sleep 1000000";
        let log = "echo NAME/log up $$ >&8; exec sleep 1000000";
        let pairs = ["a".to_owned(), "b".to_owned(), long_name()];
        for pair in &pairs {
            ground.service_with_log(pair, run, log);
        }
        ground.service("plain", run);
        let mut tree = ground.start();
        let own = descriptors(tree.svscan);
        let mut pipes = BTreeSet::new();
        let up = |tree: &mut Tree<'_>, name: &str| {
            let pid = tree.hears(&format!("{name} up"), 1);
            look_until("the shell has gone", || argv(pid) == ["sleep", "1000000"]);
            pid
        };
        for pair in &pairs {
            let log = format!("{pair}/log");
            let [main_service, log_service] = [pair, &log].map(|name| up(&mut tree, name));
            let [main, logger] = [pair, &log].map(|name| tree.supervise(name).unwrap());
            assert_eq!(argv(main), ["supervise", pair]);
            assert_eq!(argv(logger), ["supervise", "log"]);
            let pipe = link(main, "fd/1");
            assert!(pipe.starts_with("pipe:["), "{pipe}");
            assert!(pipes.insert(pipe.clone()), "two services have the same pipe");
            assert_eq!(link(logger, "fd/0"), pipe);
            // each of them and its service has the one end only
            for (pid, number) in [(main, 1), (main_service, 1), (logger, 0), (log_service, 0)] {
                let ends: Vec<i32> =
                    descriptors(pid).iter().filter(|(_, target)| **target == pipe).map(|(&number, _)| number).collect();
                assert_eq!(
                    (ends.as_slice(), is_for_writing(pid, number)),
                    (&[number][..], number == 1),
                    "{:?}",
                    argv(pid)
                );
            }
            let ends: BTreeSet<bool> = descriptors(tree.svscan)
                .into_iter()
                .filter(|(_, target)| *target == pipe)
                .map(|(number, _)| is_for_writing(tree.svscan, number))
                .collect();
            assert_eq!(ends, BTreeSet::from([false, true]), "svscan keeps both ends");
            // all else is svscan's own
            for (pid, same) in [(main_service, [0, 2]), (log_service, [1, 2])] {
                for number in same {
                    assert_eq!(link(pid, &format!("fd/{number}")), own[&number]);
                }
            }
        }
        let plain = up(&mut tree, "plain");
        let mut services: Vec<i32> = pairs.iter().map(|pair| tree.hears(&format!("{pair} up"), 1)).collect();
        services.extend(pairs.iter().map(|pair| tree.hears(&format!("{pair}/log up"), 1)));
        for pid in services.into_iter().chain([plain]) {
            // standard files, voice, life
            assert_eq!(descriptors(pid).into_keys().collect::<Vec<_>>(), [0, 1, 2, 8, 9]);
        }
        assert_eq!([0, 1, 2].map(|number| descriptors(plain)[&number].clone()), [0, 1, 2].map(|it| own[&it].clone()));
        // no supervise has an end of another's pipe: that would keep a logger from ever seeing its end
        for process in tree.supervises() {
            let foreign: Vec<_> =
                descriptors(process.pid).into_iter().filter(|(number, to)| *number > 2 && pipes.contains(to)).collect();
            assert!(foreign.is_empty(), "{:?} has {foreign:?}", argv(process.pid));
        }
    });
}

#[test]
fn what_svscan_starts_looks_like_supervise_started_by_hand() {
    each(ALL, |way| {
        let ground = Ground::new(way);
        ground.service_with_log("pair", SERVE, "echo NAME/log up $$ >&8; exec cat");
        ground.service(&long_name(), SERVE);
        let mut tree = ground.start();
        tree.all_up(&["pair", "pair/log", &long_name()]);
        for (name, words) in [("pair", "pair"), ("pair/log", "log"), (&long_name(), &long_name())] {
            // by its directory, so that its words are looked at and not looked for
            let identity = ground.identity(name);
            let all = tree.processes().into_iter();
            let all: Vec<_> =
                all.filter(|it| processes::directory(it.pid) == Some(identity) && it.parent == tree.svscan).collect();
            let [supervise] = &all[..] else { panic!("{all:?}") };
            assert_eq!(argv(supervise.pid), ["supervise", words]);
            assert_eq!(supervise.comm, "supervise");
            let cmdline = fs::read(format!("/proc/{}/cmdline", supervise.pid)).unwrap();
            assert_eq!(cmdline, format!("supervise\0{words}\0").into_bytes(), "and nothing behind it");
            if way != Reference && way != crate::ground::Foreign {
                assert!(is_catena(&ground, supervise.pid), "{}", link(supervise.pid, "exe"));
            }
        }
        assert_eq!(argv(tree.svscan)[1..], [ground.at("service").display().to_string()]);
    });
}

fn a_failed_look(way: Way) {
    let ground = Ground::new(way);
    symlink("nowhere", ground.service_at("dangling")).unwrap();
    symlink("loop", ground.service_at("loop")).unwrap();
    ground.service("z", SERVE);
    let mut tree = ground.start();
    tree.all_up(&["z"]);
    let lines = || ground.messages().lines().map(str::to_owned).collect::<Vec<_>>();
    let about = |name: &str| lines().iter().filter(|line| line.contains(&format!(" {name}: "))).count();
    for warning in ["dangling: file does not exist", "loop: "] {
        let warning = format!("svscan: warning: unable to stat {warning}");
        look_until(&warning, || lines().iter().any(|line| line.starts_with(&warning)));
    }
    // again in the next scan; ours says the same only once a minute
    let start = Instant::now();
    for name in ["later", "still-later"] {
        ground.service(name, SERVE);
        tree.all_up(&[name]);
    }
    if way != Reference && start.elapsed() < PATIENCE / 2 {
        assert_eq!((about("dangling"), about("loop")), (1, 1), "{:?}", lines());
    } else if way == Reference {
        assert!(about("dangling") > 1);
    }
}

/// A link to nothing is told of.
#[test]
fn what_goes_while_it_is_looked_at_is_no_trouble() {
    let ground = Ground::new(Way::Forked);
    let name = ground.service_at("gone");
    fs::create_dir(&name).unwrap();
    let messages = fs::File::create(ground.at("messages")).unwrap();
    let mut command = std::process::Command::new(ground.program("svscan"));
    command.arg(ground.at("service")).stdin(std::process::Stdio::null()).stderr(messages);
    let Some(mut tracee) = crate::support::tracer::Tracee::start(command) else { return };
    // it has been listed
    while !(tracee.next_call().unwrap().is_stat() && tracee.is_about("gone")) {}
    fs::remove_dir(&name).unwrap();
    while !tracee.next_call().unwrap().is_wait() {}
    assert_eq!(ground.messages(), "");
    tracee.kill();
}
