//! What fusion is for: one exec for a whole chain. Counted by strace.

use crate::ground::Ground;
use crate::launch::no_forks;
use crate::support::{self, is_root, leave_out};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What strace saw up to the last exec that succeeded.
struct Seen {
    execs: usize,
    calls: usize,
    text: String,
}

/// Runs a chain, the first word being an applet's name or `catena`, under strace; `None` where that is not possible.
fn trace<Word: AsRef<OsStr>>(ground: &Ground, chain: &[Word], fuse: &str) -> Option<Seen> {
    let strace = support::peer("strace")?;
    let output: PathBuf = ground.at("trace");
    let guard = no_forks();
    let mut child = Command::new(strace)
        .arg("-o")
        .arg(&output)
        .arg(ground.installed.applet(chain[0].as_ref().to_str()?))
        .args(&chain[1..])
        .env_clear()
        .env("PATH", ground.installed.path())
        .env("CATENA_FUSE", fuse)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(guard);
    let status = child.wait().unwrap();
    let text = std::fs::read_to_string(&output).unwrap_or_default();
    if text.is_empty() {
        leave_out("counts: strace is not allowed to trace");
        return None;
    }
    assert!(status.success(), "{status}: {text}");
    let is_exec = |line: &&str| line.starts_with("execve(") && line.ends_with(" = 0");
    let lines: Vec<&str> = text.lines().collect();
    let last = lines.iter().rposition(is_exec).unwrap();
    Some(Seen { execs: lines.iter().filter(|line| is_exec(line)).count(), calls: last + 1, text })
}

const END: &str = "/bin/true";

#[test]
fn a_chain_of_four_links_is_one_exec() {
    let ground = Ground::new();
    let env = ground.at("five");
    std::fs::create_dir(&env).unwrap();
    for name in ["A", "B", "C", "D", "E"] {
        std::fs::write(env.join(name), "value\n").unwrap();
    }
    let env = env.to_str().unwrap();
    if !is_root() {
        leave_out("count of a chain with setuidgid: needs root");
        return;
    }
    let chain = ["envdir", env, "setuidgid", ":65534:65534", "softlimit", "-o", "64", "pgrphack", END];
    let Some(fused) = trace(&ground, &chain, "1") else { return };
    assert_eq!(fused.execs, 2, "{}", fused.text);
    if cfg!(target_feature = "crt-static") {
        // debug assertions ask about each descriptor before it is closed
        let most = if cfg!(debug_assertions) { 60 } else { 45 };
        assert!(fused.calls <= most, "{} system calls:\n{}", fused.calls, fused.text);
    }
    let unfused = trace(&ground, &chain, "0").unwrap();
    assert_eq!(unfused.execs, 5, "{}", unfused.text);
}

#[test]
fn a_link_more_costs_no_exec_and_no_more_than_the_one_before() {
    let ground = Ground::new();
    let count = |links: usize, fuse: &str| trace(&ground, &[vec!["pgrphack"; links], vec![END]].concat(), fuse);
    let Some(one) = count(1, "1") else { return };
    assert_eq!(one.execs, 2, "{}", one.text);
    // the second has the search of PATH to do, and this program to recognise
    let [two, three, ten] = [2, 3, 10].map(|links| count(links, "1").unwrap());
    for seen in [&two, &three, &ten] {
        assert_eq!(seen.execs, 2, "{}", seen.text);
    }
    let each = three.calls - two.calls;
    assert!((1..=3).contains(&each), "{each} system calls for a link: {}", three.text);
    assert_eq!(ten.calls, two.calls + 8 * each, "{}", ten.text);
    assert_eq!(count(10, "0").unwrap().execs, 11);
    let by_name = |before: &[&'static str]| trace(&ground, &[before, &["pgrphack"; 3], &[END]].concat(), "1").unwrap();
    assert_eq!(by_name(&["catena"]).execs, 2);
    assert_eq!(by_name(&["catena", "--no-fuse"]).execs, 4);
}
