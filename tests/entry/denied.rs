//! Filters on system calls, as container run-times and service managers install them.

use crate::launch::{Denial, Outcome, run};
use crate::support::{Installed, is_root, leave_out, write_script};
use nix::errno::Errno;
use std::ffi::c_long;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

macro_rules! calls {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name)),*] };
}

/// What an old or a narrow profile may not know, or not allow, of what catena asks of the kernel. Not among them is what no
/// program can do without: to look at a clock, and to wait by poll.
const CALLS: &[(&str, c_long)] = calls! {
    SYS_close_range SYS_statx SYS_pidfd_open SYS_pidfd_send_signal SYS_faccessat2 SYS_renameat2 SYS_preadv2 SYS_tee
    SYS_prctl SYS_execveat SYS_capget SYS_listxattr SYS_waitid SYS_kill SYS_setsid SYS_setpgid SYS_signalfd4
    SYS_epoll_create1 SYS_inotify_init1 SYS_inotify_add_watch SYS_getdents64 SYS_mknodat SYS_flock SYS_fcntl SYS_fsync
    SYS_prlimit64 SYS_getrandom SYS_rseq
};

/// What all is done without, as on a kernel that does not have it.
const WITHOUT: &[&str] =
    &["SYS_close_range", "SYS_statx", "SYS_pidfd_open", "SYS_pidfd_send_signal", "SYS_execveat", "SYS_capget"];

/// A way to use an applet.
struct Case {
    line: &'static str,
    /// Whether going on after a complaint is what it is for.
    goes_on: bool,
}

const fn once(line: &'static str) -> Case {
    Case { line, goes_on: false }
}

const fn for_ever(line: &'static str) -> Case {
    Case { line, goes_on: true }
}

/// A program at the end of a chain makes the file `ran`; here no shell is asked to do anything before.
const LINKS: &[Case] = &[
    once("nohup ./program"),
    once("setsid -w ./program"),
    once("pgrphack ./program"),
    once("fghack ./program"),
    once("envdir env ./program"),
    once("setlock -n lock pgrphack softlimit -c 0 ./program"),
    once("pidfile-lock pid ./program"),
    once("daemonize ./program"),
    once("daemonize -a -p pid -e out -o out ./program"),
    once("daemonize --close-fds --double-fork --settle=20 setsid ./program"),
    // never a success
    once("daemonize setuidgid nosuch ./program"),
    once("daemonize catena --no-fuse pgrphack softlimit ./nosuch"),
];

const AS_ROOT: &[Case] = &[
    once("setuidgid :65534:65534 ./program"),
    once("daemonize setuidgid -s nobody envdir env ./program"),
    once("daemonize -u nobody ./program"),
];

const TOOLS: &[Case] = &[
    once("tai64nlocal"),
    once("svstat --json service"),
    once("svup service"),
    once("svc -u service"),
    once("svwait -t 1 -u service"),
    for_ever("multilog s4096 ./log"),
    for_ever("multilog t !/bin/cat ./log"),
    for_ever("supervise service"),
];

/// A place where a case finds what it needs. The program and the services end by themselves.
fn fresh(installed: &Installed) -> tempfile::TempDir {
    let directory = crate::support::world_readable_directory();
    let at = |name: &str| directory.path().join(name);
    for name in ["env", "service"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    std::fs::write(at("env/NAME"), "value\n").unwrap();
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    std::os::unix::fs::symlink(installed.applet("program"), at("program")).unwrap();
    std::os::unix::fs::symlink(installed.applet("run"), at("service/run")).unwrap();
    directory
}

/// Runs a case; gives also which files it has left. `waits`: whether its program is sure to do its work.
fn outcome(installed: &Installed, case: &Case, denial: Option<Denial>, waits: bool) -> (Outcome, Vec<String>) {
    let directory = fresh(installed);
    let mut words = case.line.split(' ');
    let mut command = Command::new(installed.applet(words.next().unwrap()));
    command.args(words).current_dir(directory.path()).env_clear();
    command.env("PATH", format!("{}:/usr/bin:/bin", installed.path().display()));
    let mut outcome = run(&mut command, denial, case.goes_on);
    // times and numbers of processes are different each time
    outcome.stdout.retain(|sign| !sign.is_ascii_digit());
    // one that has closed everything is not waited for
    let deadline = Instant::now() + Duration::from_secs(if waits { 20 } else { 0 });
    let has_run = || case.line.ends_with("./program").then(|| directory.path().join("ran").exists());
    while outcome.code == 0 && has_run() == Some(false) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(2));
    }
    (outcome, files(directory.path()))
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        names.push(entry.unwrap().file_name().into_string().unwrap());
    }
    names.sort();
    names
}

/// What is wrong with an outcome, if anything.
fn fault(
    case: &Case,
    name: &str,
    denied: &(Outcome, Vec<String>),
    plain: &(Outcome, Vec<String>),
) -> Option<&'static str> {
    let ((outcome, files), (usual, usual_files)) = (denied, plain);
    match outcome.code {
        _ if outcome.is_endless && case.goes_on && !outcome.stderr.is_empty() => None,
        _ if outcome.is_endless => Some("hangs"),
        1000.. => Some("dies"),
        code if code == usual.code && (&outcome.stdout, files) == (&usual.stdout, usual_files) => None,
        0 => Some("is a false success"),
        _ if WITHOUT.contains(&name) => Some("is not done without"),
        _ if outcome.stderr.is_empty() => Some("says nothing"),
        _ => None,
    }
}

fn look_at(cases: &[Case]) {
    let installed = Installed::new();
    write_script(&installed.applet("program"), "#!/bin/sh\necho >ran\n");
    write_script(&installed.applet("run"), "#!/bin/sh\necho ran\nexec svc -dx .\n");
    let mut faults = Vec::new();
    // what the programs of the cases cannot do themselves is no fault of whoever has started them
    let denials: Vec<Denial> = CALLS
        .iter()
        .flat_map(|&(name, number)| [Errno::EPERM, Errno::ENOSYS].map(|reason| Denial { name, number, reason }))
        .filter(|&denial| {
            let (outcome, files) = outcome(&installed, &once("program"), Some(denial), false);
            outcome.code == 0 && outcome.stderr.is_empty() && files.iter().any(|name| name == "ran")
        })
        .collect();
    for case in cases {
        let plain = outcome(&installed, case, None, true);
        assert!(!plain.0.is_endless, "{}: {plain:?}", case.line);
        for &denial in &denials {
            let denied = outcome(&installed, case, Some(denial), true);
            if let Some(fault) = fault(case, denial.name, &denied, &plain) {
                faults.push(format!("{} without {} ({:?}) {fault}: {denied:?}", case.line, denial.name, denial.reason));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn links() {
    look_at(LINKS);
}

#[test]
fn changes_of_account() {
    if !is_root() {
        return leave_out("changes of account with filters on system calls: need root");
    }
    look_at(AS_ROOT);
}

#[test]
fn tools() {
    look_at(TOOLS);
}
