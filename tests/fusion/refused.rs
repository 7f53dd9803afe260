//! An exec that is refused: a chain in one process must stop at the same link, with the same words, before the next link
//! has done anything.

use crate::ground::{Ground, Mode, Outcome};
use crate::hostile::PLAIN;
use crate::launch::no_forks;
use crate::links::Words;
use crate::probe;
use crate::support::{is_root, leave_out};
use std::ffi::{CStr, CString};
use std::fs::Permissions;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a chain that ends with the probe in the modes that must agree.
fn run(ground: &Ground, chain: &[&str], more: Words) -> Outcome {
    let chain: Words = chain.iter().map(|word| word.as_bytes().to_vec()).collect();
    let modes = [Mode::FUSED, Mode::UNFUSED, Mode::BY_NAME, Mode::BY_NAME_UNFUSED, Mode::BY_NAME_EXPLICIT];
    ground.assert_same(&[chain, ground.probe(), more].concat(), &PLAIN, &modes)
}

/// The stack's limit bounds the arguments: execve(2). The link after is smaller than that, and the lock is not taken.
#[test]
fn too_many_words_for_a_lowered_stack() {
    let ground = Ground::new();
    let many = vec![vec![b'x'; 100_000]; 3];
    let outcome = run(&ground, &["pgrphack", "softlimit", "-s", "400k", "setlock", "-n", "lock"], many.clone());
    assert_eq!(outcome.stderr, "softlimit: fatal: unable to run setlock: argument list too long\\n");
    assert_eq!(outcome.code, 111);
    assert!(!outcome.files.contains_key(&ground.at("work/lock")), "{:?}", outcome.files.keys());

    let outcome = run(&ground, &["pgrphack", "softlimit", "-s", "4M", "setlock", "-n", "lock"], many);
    assert!(outcome.report.is_some() && outcome.files.contains_key(&ground.at("work/lock")));
}

/// A number that is none is named, on the command line and in the environment, and nothing behind it is done.
#[test]
fn a_limit_that_is_none() {
    let ground = Ground::new();
    let variables = ground.at("variables");
    std::fs::create_dir(&variables).unwrap();
    std::fs::write(variables.join("SOFTLIMIT_OPENFILES"), "5x\n").unwrap();
    for (chain, what) in [
        (&["pgrphack", "softlimit", "--nofile", "12:5"][..], "--nofile: soft limit above the hard one: 12:5"),
        (&["envdir", variables.to_str().unwrap(), "softlimit", "-c", "0"], "SOFTLIMIT_OPENFILES: not a limit: 5x"),
    ] {
        let outcome = run(&ground, &[chain, &["setlock", "-n", "lock"]].concat(), Words::new());
        let expected = format!("softlimit: fatal: {what}\\nsoftlimit: usage: softlimit ");
        assert!(outcome.stderr.starts_with(&expected), "{}", outcome.stderr);
        assert_eq!(outcome.code, 100);
        assert!(!outcome.files.contains_key(&ground.at("work/lock")), "{:?}", outcome.files.keys());
    }
}

/// Nobody may run more processes than the limit on them says, and the exec after the change of ids asks.
#[test]
fn too_many_processes_of_an_account() {
    const ACCOUNT: u32 = 64_987;
    if !is_root() {
        leave_out("an account with too many processes: needs root");
        return;
    }
    let ground = Ground::new();
    let guard = no_forks();
    // more than one beside the chain itself, which is counted only when it has become the account
    let others = [(); 2].map(|()| {
        let mut cat = Command::new("/bin/cat");
        cat.uid(ACCOUNT).gid(ACCOUNT).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
    });
    drop(guard);
    let account = format!(":{ACCOUNT}:{ACCOUNT}");
    let chain = |limit| ["softlimit", "-p", limit, "setuidgid", &account, "setlock", "-n", "lock"];
    let refused = run(&ground, &chain("1"), Words::new());
    let allowed = run(&ground, &chain("100"), Words::new());
    for mut other in others {
        drop(other.stdin.take());
        other.wait().unwrap();
    }
    assert_eq!(refused.stderr, "setuidgid: fatal: unable to run setlock: temporary failure\\n");
    assert_eq!(refused.code, 111);
    assert!(!refused.files.contains_key(&ground.at("work/lock")), "{:?}", refused.files.keys());
    assert!(allowed.report.is_some() && allowed.files.contains_key(&ground.at("work/lock")), "{}", allowed.stderr);
}

/// catena where its caller may run it and the account it becomes may not.
#[test]
fn a_catena_that_the_account_may_not_run() {
    if !is_root() {
        leave_out("a catena that an account may not run: needs root");
        return;
    }
    // modes of the directory and the file, what else the file has, and what is said; nothing if it runs
    let denied = "setuidgid: fatal: unable to run PROGRAM: access denied\\n";
    let refused = "catena: fatal: refusing to run set-user-id, set-group-id or with file capabilities\\n";
    for (directory_mode, file_mode, attribute, words) in [
        (0o700, 0o755, None, denied),
        (0o755, 0o700, None, denied),
        (0o755, 0o750, None, denied),
        (0o711, 0o711, None, ""),
        (0o755, 0o755, Some((c"system.posix_acl_access", ACCESS_LIST)), denied),
        (0o755, 0o755, Some((c"security.capability", CAPABILITY)), refused),
    ] {
        let ground = Ground::new();
        let private = ground.at("private");
        std::fs::create_dir(&private).unwrap();
        {
            let _guard = no_forks();
            std::fs::copy(ground.installed.applet("catena"), private.join("catena")).unwrap();
        }
        for name in ["setuidgid", "setlock"] {
            symlink("catena", private.join(name)).unwrap();
        }
        std::fs::set_permissions(private.join("catena"), Permissions::from_mode(file_mode)).unwrap();
        if let Some((name, value)) = attribute
            && !set_attribute(&private.join("catena"), name, value)
        {
            leave_out(&format!("a catena with {}: not here", name.to_str().unwrap()));
            continue;
        }
        std::fs::set_permissions(&private, Permissions::from_mode(directory_mode)).unwrap();
        let program = private.join("setlock");
        let chain = ["setuidgid", ":65534:65534", program.to_str().unwrap(), "-n", "lock"];
        let chain: Words = chain.iter().map(|word| word.as_bytes().to_vec()).chain(ground.probe()).collect();
        let run = |mode| ground.run_from(&private, &chain, mode);
        let [fused, unfused] = [Mode::FUSED, Mode::UNFUSED].map(|mode| run(mode).without_variable());
        assert_eq!(fused.difference_from(&unfused), "", "{directory_mode:o} {file_mode:o}");
        let expected = words.replace("PROGRAM", program.to_str().unwrap());
        assert_eq!(fused.stderr, expected, "{directory_mode:o} {file_mode:o} {attribute:?}");
        assert_eq!(fused.code, if words.is_empty() { probe::EXIT.into() } else { 111 });
    }
}

/// All may execute it but user 65534: version 2; owner rwx, user 65534 nothing, group, mask and others r-x.
const ACCESS_LIST: &[u8] = b"\x02\0\0\0\
    \x01\0\x07\0\xff\xff\xff\xff\
    \x02\0\0\0\xfe\xff\0\0\
    \x04\0\x05\0\xff\xff\xff\xff\
    \x10\0\x05\0\xff\xff\xff\xff\
    \x20\0\x05\0\xff\xff\xff\xff";

/// CAP_NET_BIND_SERVICE, permitted and effective: version 2 with the effective bit, then two words of sets twice.
const CAPABILITY: &[u8] = b"\x01\0\0\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn set_attribute(file: &Path, name: &CStr, value: &[u8]) -> bool {
    let file = CString::new(file.as_os_str().as_bytes()).unwrap();
    // SAFETY: two C strings, and a value with its length.
    unsafe { libc::setxattr(file.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) == 0 }
}
