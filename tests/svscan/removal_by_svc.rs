//! `svc --remove` below a whole tree; and what people have typed until now, `svc -dx` and `rm -r`.

use crate::all_at_once::Slow;
use crate::ground::{Forked, Ground, OWN, Way};
use crate::lines::{LOGGER, WRITER};
use crate::removal::{SLOW_WRITER, is_complete, only_svscan_is_left};
use crate::support::waiting::look_until;
use crate::tree::Tree;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

pub const SLOW: &[Slow] = &[
    ("svc_removes_a_hundred_services_without_a_rest", OWN, hundred_removals),
    ("svc_removes_what_a_foreign_svscan_keeps", &[crate::ground::Reference], below_the_reference),
    ("dx_and_then_rm_leave_nothing", OWN, told_and_removed),
    ("a_removed_service_can_be_brought_back", &[Forked], brought_back),
];

/// Services that put nothing into their directories, which are being removed.
const QUICK: &str = "echo NAME up $$ >&8; while sleep 0.02; do echo line; done";
const SLOW_TO_END: &str = "trap 'sleep 0.3; exit' TERM; echo NAME up $$ >&8; while sleep 0.02; do echo line; done";

/// Runs our svc where the services are.
fn svc(ground: &Ground, words: &[&str]) -> Output {
    let mut command = Command::new(ground.installed.applet("svc"));
    command.args(words).env_clear().env("PATH", "/usr/bin:/bin").current_dir(ground.at("service")).output().unwrap()
}

#[track_caller]
fn removes(ground: &Ground, names: &[&str]) {
    let output = svc(ground, &[&["--remove=60"], names].concat());
    let mut printed: Vec<String> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    printed.sort();
    let mut hidden: Vec<String> = names.iter().map(|name| format!(".{name}")).collect();
    hidden.sort();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), printed, said), (Some(0), hidden, ground.messages()));
}

/// Ten services with their logs, of two kinds; one of them takes its time to end.
fn ten(ground: &Ground, tree: &mut Tree<'_>, round: usize, kinds: [&str; 2]) -> Vec<String> {
    let names: Vec<String> = (0..10).map(|number| format!("s{round}-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        ground.service_with_log(name, kinds[number % 2], LOGGER);
    }
    for name in &names {
        tree.all_up(&[name.clone(), format!("{name}/log")]);
        look_until("it can be told", || ground.try_to_tell(name, "").is_ok());
    }
    names
}

/// When it returns nothing of them runs any more, no line is lost, and the directory can be removed at once.
fn hundred_removals(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    for round in 0..10 {
        let names = ten(&ground, &mut tree, round, [WRITER, SLOW_WRITER]);
        // some of them one by one, some together
        for chunk in names.chunks(if round % 2 == 0 { 1 } else { 5 }) {
            let chunk: Vec<&str> = chunk.iter().map(String::as_str).collect();
            removes(&ground, &chunk);
            for name in chunk {
                let hidden = ground.service_at(format!(".{name}"));
                is_complete(&hidden);
                fs::remove_dir_all(hidden).unwrap();
            }
        }
        only_svscan_is_left(&tree);
    }
    assert_eq!(ground.messages(), "");
    tree.stop();
}

/// Its svscan ends no log; so the log is told when it has read all.
fn below_the_reference(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    let names = ten(&ground, &mut tree, 0, [WRITER, SLOW_WRITER]);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let output = svc(&ground, &[&["--remove=60"], names.as_slice()].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for name in &names {
        assert!(said.contains(&format!("svc: warning: waiting for {name}/log to end: pid ")), "{said}");
        is_complete(&ground.service_at(format!(".{name}")));
    }
    look_until("only svscan is left", || tree.processes().iter().all(|it| it.pid == tree.svscan));
    tree.signal(Signal::SIGKILL);
}

/// As it is told to the reference. What is in the way of a removal is not made anew, and what is left ends by itself.
fn told_and_removed(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    let mut removed = 0;
    for round in 0..4 {
        for name in ten(&ground, &mut tree, round, [QUICK, SLOW_TO_END]) {
            let directories = [name.clone(), format!("{name}/log")].map(|name| ground.identity(name));
            let begin = Instant::now();
            let output = svc(&ground, &["-dx", &name]);
            assert_eq!((output.status.code(), output.stderr), (Some(0), vec![]));
            let outcome = fs::remove_dir_all(ground.service_at(&name));
            if begin.elapsed() < LEFT_ALONE {
                outcome.unwrap_or_else(|error| panic!("{name}: {error}: {:#?}", all_below(&ground.service_at(&name))));
                removed += 1;
            } else {
                remove_all_the_same(&tree, &ground.service_at(&name), directories);
            }
        }
        only_svscan_is_left(&tree);
    }
    assert!(removed > 0, "no time for any removal");
    tree.stop();
}

/// For how long nothing is put back or started again, in any case. On a machine that has no time a removal may take longer.
const LEFT_ALONE: Duration = Duration::from_millis(240);

/// The files that are in the way, for a message.
fn all_below(at: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(at).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { all_below(&path) } else { vec![path] }).collect()
}

/// Removes a service that has been started again, or whose files have been put back.
fn remove_all_the_same(tree: &Tree<'_>, at: &Path, directories: [(u64, u64); 2]) {
    look_until("it is removed", || {
        for supervise in directories.into_iter().filter_map(|directory| tree.supervise_in(directory)) {
            // it may have ended meanwhile
            let _ = kill(Pid::from_raw(supervise), Signal::SIGTERM);
        }
        fs::remove_dir_all(at).is_ok() || !at.exists()
    });
    look_until("its supervises have ended", || {
        let left: Vec<i32> = directories.into_iter().filter_map(|directory| tree.supervise_in(directory)).collect();
        // one that has just been started has not been told
        for &pid in &left {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        left.is_empty()
    });
}

/// Its name is all that keeps it from the scan.
fn brought_back(way: Way) {
    let ground = Ground::new(way);
    let mut tree = ground.start();
    ground.service_with_log("a", WRITER, LOGGER);
    for round in 1..4 {
        tree.hears("a up", round);
        tree.hears("a/log up", round);
        look_until("it can be told", || ground.try_to_tell("a", "").is_ok());
        removes(&ground, &["a"]);
        fs::rename(ground.service_at(".a"), ground.service_at("a")).unwrap();
    }
    tree.hears("a up", 4);
    tree.stop();
}
