//! Tools at the end of a chain: fused, they look and behave as if an exec had started them.

use crate::launch::no_forks;
use crate::support::waiting::{look_until, unread};
use crate::support::{Installed, is_root, leave_out};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Chains, with what comes before the tool, and how they are begun.
const CHAINS: [&[&str]; 5] = [
    &["softlimit", "-o", "100"],
    &["catena", "softlimit", "-o", "100"],
    &["catena", "nohup", "pgrphack"],
    &["setlock", "-n", "lock", "envdir", "env"],
    // the kernel keeps a process that has changed its account from being inspected, up to its next exec
    &["setuidgid", ":65534:65534", "softlimit", "-o", "100"],
];

/// How a tool that has been called lives.
#[derive(Clone, Copy, PartialEq)]
enum Life {
    /// It reads standard input up to its end.
    Reads,
    /// It keeps this FIFO open, and ends at TERM.
    Stays(&'static str),
    /// It says something and ends.
    Short,
}

/// The words of a harmless call of each tool.
fn call<'a>(name: &'a str, directory: &'a str) -> (Vec<&'a str>, Life) {
    match name {
        "multilog" => (vec![name, "t", directory, "-x", "--"], Life::Reads),
        "supervise" => (vec![name, "scan/service"], Life::Stays("scan/service/supervise/ok")),
        "svscan" => (vec![name, "scan"], Life::Stays("scan/service/supervise/ok")),
        // no argument would be wrong usage of some, and there is no such service
        "svc" | "svok" | "svup" | "svstat" => (vec![name, "absent"], Life::Short),
        "svwait" => (vec![name, "-d", "absent"], Life::Short),
        // it becomes readproctitle by an exec
        "svscanboot" => (vec![name, "absent"], Life::Short),
        "readproctitle" => (vec![name, "--", "........"], Life::Reads),
        _ => (vec![name], Life::Reads),
    }
}

/// A tool that is up, with its standard input.
fn start(installed: &Installed, place: &Path, chain: &[&str], life: Life, fuse: &str) -> Child {
    let mut command = Command::new(installed.applet(chain[0]));
    command.args(&chain[1..]).current_dir(place).env("PATH", installed.path()).env("CATENA_FUSE", fuse);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    if let Life::Stays(fifo) = life {
        let is_held = || {
            let flags = nix::fcntl::OFlag::O_WRONLY | nix::fcntl::OFlag::O_NONBLOCK;
            nix::fcntl::open(&place.join(fifo), flags, nix::sys::stat::Mode::empty()).is_ok()
        };
        look_until(&format!("{chain:?} is up"), || {
            let is_held = is_held();
            assert!(is_held || child.try_wait().unwrap().is_none(), "{chain:?}");
            is_held
        });
    }
    if life != Life::Reads {
        return child;
    }
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one line\n").unwrap();
    // what reads it has started
    look_until(&format!("{chain:?} reads"), || unread(&input) == 0);
    let status = format!("/proc/{}/stat", child.id());
    look_until(&format!("{chain:?} waits"), || {
        std::fs::read_to_string(&status).unwrap().rsplit(')').next().unwrap().starts_with(" S")
    });
    child.stdin = Some(input);
    child
}

/// What /proc tells of it, but for what is another number in each run.
fn seen(child: &Child) -> BTreeMap<String, String> {
    let proc = Path::new("/proc").join(child.id().to_string());
    let read = |name: &str| String::from_utf8_lossy(&std::fs::read(proc.join(name)).unwrap()).into_owned();
    // supervise hears of its own renamings by SIGIO, which it takes in a moment; what works may have another file open
    let is_settled = || {
        let status = read("status");
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim();
        let has_news = u64::from_str_radix(field("ShdPnd:"), 16).unwrap() >> (libc::SIGIO - 1) & 1 == 1;
        !has_news && field("State:").starts_with('S')
    };
    look_until("it settles", is_settled);
    let mut seen = BTreeMap::new();
    seen.insert("comm".to_owned(), read("comm"));
    // an exec ends it with one NUL; what was longer before has more
    seen.insert("cmdline".to_owned(), read("cmdline").trim_end_matches('\0').to_owned());
    seen.insert("limits".to_owned(), read("limits"));
    seen.insert("owner".to_owned(), std::fs::metadata(proc.join("status")).unwrap().uid().to_string());
    for line in read("status")
        .lines()
        .filter(|line| ["Sig", "Shd", "Umask", "Uid", "Gid"].iter().any(|of| line.starts_with(of)))
    {
        let (name, value) = line.split_once(':').unwrap();
        if name != "SigQ" {
            seen.insert(name.to_owned(), value.to_owned());
        }
    }
    for entry in std::fs::read_dir(proc.join("fd")).unwrap() {
        let path = entry.unwrap().path();
        let target = std::fs::read_link(&path).unwrap().to_string_lossy().into_owned();
        let kind = target.split(":[").next().unwrap().to_owned();
        seen.insert(format!("fd {}", path.file_name().unwrap().to_string_lossy()), kind);
    }
    seen
}

/// Ends it. Gives exit code and output, labels left out.
fn finish(mut child: Child, life: Life) -> (Option<i32>, String, String) {
    drop(child.stdin.take());
    if let Life::Stays(_) = life {
        let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }
    let text = |pipe: &mut dyn Read| {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        let pieces = text.split('@');
        pieces
            .map(|piece| piece.trim_start_matches(|digit: char| digit.is_ascii_hexdigit()))
            .collect::<Vec<_>>()
            .join("@")
    };
    let (output, error) = (text(&mut child.stdout.take().unwrap()), text(&mut child.stderr.take().unwrap()));
    (child.wait().unwrap().code(), output, error)
}

#[test]
fn a_fused_tool_looks_and_behaves_as_if_it_had_been_executed() {
    let installed = {
        let _guard = no_forks();
        Installed::new()
    };
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::create_dir(place.path().join("env")).unwrap();
    std::fs::write(place.path().join("env/TZ"), "UTC0").unwrap();
    // another account is to make its files there
    let service = place.path().join("scan/service");
    std::fs::create_dir_all(&service).unwrap();
    std::fs::set_permissions(&service, std::fs::Permissions::from_mode(0o777)).unwrap();
    std::fs::write(service.join("down"), "").unwrap();
    let mut tools = 0;
    for applet in catena::applets::ALL.iter().filter(|applet| !applet.is_link()) {
        tools += 1;
        for (number, links) in CHAINS.into_iter().enumerate() {
            if links[0] == "setuidgid" && !is_root() {
                leave_out("tools behind setuidgid: needs root");
                continue;
            }
            let directory = format!("./log{number}");
            let (call, life) = call(applet.name, &directory);
            let chain = [links, &call].concat();
            let [fused, unfused] = ["1", "0"].map(|fuse| {
                let child = start(&installed, place.path(), &chain, life, fuse);
                let seen = if life == Life::Short { BTreeMap::new() } else { seen(&child) };
                let end = finish(child, life);
                let _ = std::fs::remove_dir_all(service.join("supervise"));
                (seen, end)
            });
            assert_eq!(fused.0, unfused.0, "{chain:?}");
            assert_eq!(fused.1, unfused.1, "{chain:?}");
            if life == Life::Short {
                continue;
            }
            assert_eq!((fused.0["comm"].trim_end(), fused.1.0), (applet.name, Some(0)), "{chain:?}: {fused:?}");
            let mut shown = call.clone();
            if applet.name == "readproctitle" {
                // it has read a line
                shown[2] = "...line\n";
            }
            let words = fused.0["cmdline"].split('\0').map(str::to_owned).collect::<Vec<_>>();
            assert!(words.ends_with(&shown.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()), "{words:?}");
        }
    }
    assert!(tools >= 4);
}

/// A parent that waits for the start hears of a tool that cannot do its work, and of one that can.
#[test]
fn daemonize_tells_how_the_start_of_a_tool_went() {
    let installed = {
        let _guard = no_forks();
        Installed::new()
    };
    let place = tempfile::tempdir().unwrap();
    let run = |fuse: &str, directory: &str| {
        let mut command = Command::new(installed.applet("daemonize"));
        command.args(["-c", ".", "softlimit", "-o", "100", "multilog", directory]).current_dir(place.path());
        let output = command.env("PATH", installed.path()).env("CATENA_FUSE", fuse).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    std::fs::create_dir(place.path().join("held")).unwrap();
    let lock = std::fs::File::create(place.path().join("held/lock")).unwrap();
    let _lock = nix::fcntl::Flock::lock(lock, nix::fcntl::FlockArg::LockExclusiveNonblock).unwrap();
    for fuse in ["1", "0"] {
        let refusal = "multilog: fatal: unable to lock directory ./held: temporary failure\n";
        assert_eq!(run(fuse, "./held"), (Some(111), refusal.to_owned()));
        // the daemon of the other run may not be over yet
        assert_eq!(run(fuse, &format!("./free{fuse}")), (Some(0), String::new()));
    }
}
