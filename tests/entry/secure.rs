//! Behind a set-user-id launcher: the environment is its caller's, and whom a program runs for is another. A dynamic
//! program's loader has then dropped what libraries would obey.

use crate::launch::{Executed, exec_as};
use crate::support::{Installed, is_root, leave_out, peer};
use catena::environ::UNSAFE;
use std::collections::BTreeSet;
use std::path::Path;

/// What the loader of a program may add to the output stands before this.
const FIRST: &str = "FIRST=1";

/// Among the dangerous ones: what is alike, what is not well formed, and what is ours.
fn environment() -> Vec<String> {
    let unsafe_ones = UNSAFE.iter().map(|name| match *name {
        // not to be obeyed by those that print the result
        "LD_DEBUG_OUTPUT" | "LD_PROFILE" => format!("{name}="),
        "GLIBC_TUNABLES" => format!("{name}=glibc.malloc.check=0"),
        _ => format!("{name}=0"),
    });
    let others =
        ["LD_PRELOADED=1", "LD_NOTHING=x", "TZ=UTC", "LANG=C", "=LD_PRELOAD=1", "MALLOC_X=1", "PATH=/usr/bin:/bin"];
    let mut all = vec![FIRST.to_owned()];
    for (place, entry) in unsafe_ones.enumerate() {
        all.push(entry);
        all.push(format!("BETWEEN_{place}=kept"));
    }
    all.extend(others.map(str::to_owned));
    all
}

/// What a program finds in its environment behind `file` with these words, started with this real user id.
fn found(file: &Path, words: &[&str], real: u32, extra: &str) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let mut environment = environment();
    environment.push(extra.to_owned());
    let words = [&[file.to_str().unwrap()], words, &["/bin/cat", "/proc/self/environ"]].concat();
    let outcome = exec_as(&Executed::Name(file), &words, directory.path(), &environment, Some(real));
    assert_eq!(outcome.code, 0, "{words:?}: {outcome:?}");
    let start = outcome.stdout.find(FIRST).unwrap();
    outcome.stdout[start..].split_terminator('\0').map(str::to_owned).collect()
}

fn name(entry: &str) -> &str {
    entry.split('=').next().unwrap()
}

#[test]
fn what_a_loader_drops_is_dropped_and_nothing_else() {
    if !is_root() {
        return leave_out("an environment from another account: needs root");
    }
    let installed = Installed::new();
    let setuidgid = installed.applet("setuidgid");
    let catena = installed.applet("catena");
    for fuse in ["CATENA_FUSE=1", "CATENA_FUSE=0"] {
        let all: Vec<String> = environment().into_iter().chain([fuse.to_owned()]).collect();
        let kept: Vec<String> = all.iter().filter(|entry| !UNSAFE.contains(&name(entry))).cloned().collect();
        assert_eq!(kept.len() + UNSAFE.len(), all.len());
        let pgrphack = installed.applet("pgrphack");
        let again = [":0:0", pgrphack.to_str().unwrap()];
        for (file, words) in [
            (&setuidgid, &[":0:0"][..]),
            (&setuidgid, &again),
            (&catena, &["setuidgid", ":0:0"]),
            (&pgrphack, &[setuidgid.to_str().unwrap(), ":0:0"]),
        ] {
            assert_eq!(found(file, words, 1000, fuse), kept, "{words:?}");
            // where all ids are the caller's own, nothing is dropped
            if cfg!(target_feature = "crt-static") {
                assert_eq!(found(file, words, 0, fuse), all, "{words:?}");
            }
        }
    }
}

/// Against the loader of this machine: what it takes from a peer, which was linked dynamically, does not pass here either.
#[test]
fn nothing_passes_that_does_not_pass_a_peer() {
    let Some(peer) = peer("setuidgid").filter(|_| is_root()) else {
        return leave_out("an environment from another account, compared with setuidgid: needs root and daemontools");
    };
    let installed = Installed::new();
    let extra = "LAST=1";
    let [ours, its] = [installed.applet("setuidgid"), peer].map(|file| found(&file, &["root"], 1000, extra));
    // some versions of glibc only empty it
    let its: Vec<String> = its.into_iter().filter(|entry| entry != "GLIBC_TUNABLES=").collect();
    let more: BTreeSet<&str> = its.iter().filter(|&entry| !ours.contains(entry)).map(|entry| name(entry)).collect();
    assert!(ours.iter().all(|entry| its.contains(entry)), "{ours:?} {its:?}");
    // those that newer versions drop
    assert!(
        more.iter().all(|name| ["LD_BIND", "LD_VERBOSE", "LD_WARN", "MALLOC_", "GLIBC_"]
            .iter()
            .any(|start| name.starts_with(start))),
        "{more:?}"
    );
}
