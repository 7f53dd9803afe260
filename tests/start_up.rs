//! What a start costs in page faults, which do not jitter as times do. src/sys/start_up.rs and src/sys/start_up.ld are there for it,
//! by names of files and functions that a newer C library or a moved module may not have any more: then this tells.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::{Command, Stdio};
use support::Installed;

/// Page faults above the terminal program's own: 13 to 17 of a link with LLVM's linker, 17 to 20 with GNU's. With nothing
/// laid out together it is 27 to 29, and 29 of a chain.
const OF_A_LINK: i64 = 21;
const OF_A_CHAIN: i64 = 25;

/// As many as this takes when nothing comes between.
fn faults(command: &[&str], path: &str) -> i64 {
    let once = || {
        let before = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().minor_page_faults();
        let mut start = Command::new(command[0]);
        start.args(&command[1..]).env_clear().env("PATH", path);
        let status = start.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{command:?}: {status}");
        getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().minor_page_faults() - before
    };
    (0..20).map(|_| once()).min().unwrap()
}

// one test: it counts what all children of this process do
#[test]
fn a_link_touches_little() {
    if !cfg!(all(target_feature = "crt-static", target_arch = "x86_64", feature = "fast-start"))
        || cfg!(debug_assertions)
    {
        return support::leave_out("page faults of a start: for static release builds on x86-64");
    }
    let installed = Installed::new();
    let place = support::world_readable_directory();
    let end = place.path().join("end");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bench/end.c");
    let mut cc = Command::new("cc");
    cc.args(["-Os", "-nostdlib", "-static", "-no-pie", "-fno-stack-protector", "-s", "-o"]).arg(&end).arg(source);
    assert!(cc.status().unwrap().success());
    let directory = place.path().join("env");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("V"), "x\n").unwrap();
    let [end, directory, lock] = [end, directory, place.path().join("lock")].map(|path| path.display().to_string());

    let path = installed.path().display().to_string();
    let own = faults(&[&end], &path);
    let above = |command: &str| {
        let (link, rest) = command.split_once(' ').unwrap_or((command, ""));
        // by its full name: one that is to be searched for costs a fork, whose child has page faults of its own
        let link = installed.applet(link).display().to_string();
        let words = [link.as_str()].into_iter().chain(rest.split_terminator(' ')).chain([end.as_str()]);
        faults(&words.collect::<Vec<_>>(), &path) - own
    };
    let mut links =
        vec!["softlimit -o 1024".to_owned(), "setsid".to_owned(), "nohup".to_owned(), format!("setlock {lock}")];
    links.push(format!("envdir {directory}"));
    let mut chain = format!("envdir {directory} softlimit -o 1024 setsid");
    if support::is_root() {
        links.push("setuidgid nobody".to_owned());
        chain = format!("envdir {directory} setuidgid nobody softlimit -o 1024 pgrphack");
    }
    for link in links {
        let found = above(&link);
        assert!(
            found <= OF_A_LINK,
            "{link}: {found} page faults; `perf trace -F all` tells which, see src/sys/start_up.ld"
        );
    }
    let found = above(&chain);
    assert!(found <= OF_A_CHAIN, "{chain}: {found} page faults");
}
