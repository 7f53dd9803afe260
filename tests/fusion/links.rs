//! Links to make chains of: one harmless call of each applet, and a pool in which some fail.

use crate::support::random::Random;
use crate::support::{is_root, leave_out};

/// An argv or a part of one.
pub type Words = Vec<Vec<u8>>;

fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Each link by its example. Those of the locks are for files that anybody may lock, or would wait for themselves
/// where they come twice in a chain.
pub fn harmless() -> Vec<Words> {
    let applets = catena::applets::ALL.iter().filter(|applet| applet.is_link());
    let calls = applets.map(|applet| match applet.name {
        "setlock" => words(&["setlock", "-n", "lock"]),
        "pidfile-lock" => words(&["pidfile-lock", "pid"]),
        // what comes next must not make its files in /
        "daemonize" => words(&["daemonize", "-c", "."]),
        "setuidgid" if !is_root() => {
            leave_out("setuidgid to another account in chains: needs root");
            to_itself()
        }
        name => words(&[&[name], applet.example].concat()),
    });
    calls.collect()
}

/// The one change of ids that is anybody's.
fn to_itself() -> Words {
    let [user, group] = [nix::unistd::getuid().as_raw(), nix::unistd::getgid().as_raw()];
    words(&["setuidgid", "-kq", &format!(":{user}:{group}")])
}

/// Links that let the chain go on, at least as the first one and started by root.
const GOING_ON: &[&[&str]] = &[
    &["nohup"],
    &["nohup", "--"],
    &["setsid"],
    &["setsid", "-f"],
    &["setsid", "-w"],
    &["setsid", "--fork", "--wait"],
    &["pgrphack"],
    &["pgrphack", "--"],
    &["envdir", "env"],
    &["envdir", "-f", "env"],
    &["envdir", "-p", "X_", "env"],
    &["envdir", "-i", "missing"],
    &["envuidgid", ":1:2"],
    &["envuidgid", "root"],
    &["setuidgid", ":65534:65534"],
    &["setuidgid", ":65534:65534:7:8"],
    &["setuidgid", "-k", ":65533:65533"],
    &["setuidgid", "-q", ":0:0"],
    &["setuidgid", ":0:0:5"],
    &["softlimit"],
    &["softlimit", "-o", "64", "-c", "0"],
    &["softlimit", "-o", "="],
    &["softlimit", "-m", "100M"],
    &["softlimit", "-s", "1M"],
    &["softlimit", "-a", "900M"],
    &["softlimit", "-d", "200M", "-t", "500"],
    &["softlimit", "--nofile", "30:40"],
    &["setlock", "-n", "lock"],
    &["setlock", "-n", "other"],
    &["setlock", "-ns", "shared"],
    &["setlock", "-n", "-d", "12", "third"],
    &["setlock", "-n", "--fcntl", "record"],
    &["daemonize", "-c", "."],
    &["daemonize", "--keep-stdio", "-c", "."],
    &["daemonize", "--double-fork", "--umask=027", "-E", "A=daemon", "-c", "."],
    &["daemonize", "--no-session", "-c", ".", "-o", "output", "-e", "error"],
    &["daemonize", "-l", "daemonize-lock", "-p", "daemonize.pid", "-c", "."],
    &["daemonize", "-u", "root", "-c", "."],
    &["pidfile-lock", "pid"],
    &["pidfile-lock", "--flock", "-m", "0600", "pid-by-flock"],
    &["pidfile-lock", "-d", "12", "-l", "pid-lock", "pid-behind-lock"],
    &["fghack"],
    &["fghack", "--subreaper"],
];

/// Links that end it.
const FAILING: &[&[&str]] = &[
    &["nohup", "--help"],
    &["nohup", "--version"],
    &["nohup", "-x"],
    &["nohup", "--bogus"],
    &["setsid", "-z"],
    &["setsid", "--c"],
    &["setsid", "-V"],
    &["setsid", "-fw", "--nothing"],
    &["pgrphack", "-x"],
    &["pgrphack", "--help"],
    &["envdir", "missing"],
    &["envdir", "dangling"],
    &["envdir", "odd"],
    &["envdir", "-p"],
    &["envdir", "-z", "env"],
    &["envuidgid", "no-such-account"],
    &["envuidgid", ":1"],
    &["setuidgid", "no-such-account"],
    &["setuidgid", ":4294967295:0"],
    &["setuidgid", "--help"],
    &["softlimit", "-o", "x"],
    &["softlimit", "-m", ""],
    &["softlimit", "-Z"],
    &["setlock", "-n", "held"],
    &["setlock", "-nx", "held"],
    &["setlock", "-t", "0", "held"],
    &["setlock", "-n", "directory"],
    &["setlock", "-n", "missing/lock"],
    &["setlock", "-q", "lock"],
    &["daemonize", "-c", "missing"],
    &["daemonize", "-o", "missing/output"],
    &["daemonize", "-l", "held"],
    &["daemonize", "--ready=x"],
    &["daemonize", "-z"],
    &["pidfile-lock", "held"],
    &["pidfile-lock", "--flock", "-m", "0666", "held"],
    &["pidfile-lock", "directory"],
    &["pidfile-lock", "missing/pid"],
    &["pidfile-lock", "-t", "x", "pid"],
    &["fghack", "-x"],
];

/// Ends other than the probe.
const ENDS: &[&[&str]] =
    &[&[], &["no-such-program"], &["./script", "a", "b"], &["./foreign", "c"], &["./directory"], &["./env/A"], &[""]];

/// A chain of 3 to 8 links. One link in 20 fails by itself, and one chain in 8 has no proper end.
pub fn random(draw: &mut Random, probe: &[Vec<u8>]) -> Words {
    let mut chain = Words::new();
    for _ in 0..3 + draw.below(6) {
        let is_failing = draw.below(20) == 0;
        let pool = if is_failing { FAILING } else { GOING_ON };
        let link = pool[draw.below(pool.len())];
        // what root alone may do fails for all others, so there it is as rare as other failures
        // whose witnesses leave no descriptor where there are few; a dynamic program needs one to be loaded, be it a link or
        // the last, and which of them cannot be is a question of how many execs there are
        let is_loaded = cfg!(not(target_feature = "crt-static"));
        let link = if is_loaded && link == &["fghack"][..] { &["fghack", "--subreaper"] } else { link };
        let is_for_root = link[0] == "setuidgid" && !is_failing && !is_root() && draw.below(20) > 0;
        chain.extend(if is_for_root { to_itself() } else { words(link) });
    }
    if draw.below(8) == 0 {
        chain.extend(words(ENDS[draw.below(ENDS.len())]));
    } else {
        chain.extend_from_slice(probe);
    }
    chain
}
