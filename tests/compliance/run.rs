//! Runs cases on the references and on catena, each in a fresh directory, and tells all that went wrong.

use crate::case::{Case, Content, End, Holding, Outcome, Stream, Text};
use crate::process::{Program, Surroundings, kill_all_in};
use crate::support::{self, Installed};
use nix::fcntl::{FcntlArg, Flock, FlockArg, fcntl};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than any case needs, even on a loaded machine.
const LIMIT: Duration = Duration::from_secs(20);

/// While a file is written no process may start: it would have the file open for writing until it execs, and until
/// then nobody could run it.
static STARTING: Mutex<()> = Mutex::new(());

/// Runs every case on both sides, and fails with a list of all that were not as expected.
pub fn check(cases: Vec<Case>) {
    let installed = {
        let _nobody_starts = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        Installed::new()
    };
    let mut wrong = Vec::new();
    for case in &cases {
        assert!(case.reference.is_some() || case.ours.is_some(), "nothing expected: {}", arguments(case));
        if case.needs_root && !support::is_root() {
            support::leave_out(&format!("{}: cases that need root", case.applet));
            continue;
        }
        let is_higher =
            |&(resource, _, hard): &(rlimit::Resource, u64, u64)| resource.get().is_ok_and(|(_, most)| hard > most);
        if (case.raises_limits || case.limits.iter().any(is_higher)) && !may_raise_limits() {
            support::leave_out(&format!("{}: cases that raise hard limits", case.applet));
            continue;
        }
        if case.wrapper.iter().any(|word| word == b"unshare") && !may_unshare() {
            support::leave_out("user namespaces: not allowed here");
            continue;
        }
        let theirs = case.reference.as_ref().and_then(|outcome| Some(("reference", reference(case.applet)?, outcome)));
        let ours = case.ours.as_ref().map(|outcome| ("catena", installed.applet(case.applet), outcome));
        for (side, program, outcome) in theirs.into_iter().chain(ours) {
            if let Err(mistakes) = run(case, &program, outcome) {
                wrong.push(format!("{side}: {} {}  at {}\n{mistakes}", case.applet, arguments(case), case.location));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn arguments(case: &Case) -> String {
    const MOST: usize = 70;
    let words: Vec<_> = case.args.iter().map(|word| shown(&word[..word.len().min(MOST)])).collect();
    let mut text = words.join(" ");
    if case.streams != [Stream::Null, Stream::Pipe, Stream::Pipe] {
        text += &format!("  {:?}", case.streams);
    }
    if case.is_leader {
        text += "  (group leader)";
    }
    text
}

fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 600;
    let text = bytes[..bytes.len().min(MOST)].escape_ascii().to_string();
    format!("\"{text}\"{}", if bytes.len() > MOST { "..." } else { "" })
}

/// The peer, if it is the one that the cases were written for.
fn reference(applet: &str) -> Option<PathBuf> {
    static KNOWN: Mutex<BTreeMap<String, Option<PathBuf>>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(applet.to_owned()).or_insert_with(|| find_reference(applet)).clone()
}

fn find_reference(applet: &str) -> Option<PathBuf> {
    let path = support::peer(applet)?;
    let says = |program: &Path, words: &[&str], text: &str| {
        let _nobody_writes = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let output = std::process::Command::new(program).args(words).output();
        output.is_ok_and(|output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains(text))
    };
    let is_known = match applet {
        "nohup" => says(&path, &["--version"], "(GNU coreutils) 9.1"),
        "setsid" => says(&path, &["--version"], "util-linux"),
        // 1.7.8 tells no version without crashing; later ones have -i
        "daemonize" => says(&path, &["-i"], "illegal option -- i"),
        // encore's softlimit knows `-`
        _ => support::peer("softlimit").is_some_and(|path| says(&path, &["-c", "-", "true"], "usage: softlimit [-a ")),
    };
    if !is_known {
        support::leave_out(&format!("comparison with {}: not the program the cases were written for", path.display()));
    }
    is_known.then_some(path)
}

/// Whether this process has CAP_SYS_RESOURCE.
fn may_raise_limits() -> bool {
    const BIT: u32 = 24;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let set = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    set.is_some_and(|set| set >> BIT & 1 == 1)
}

/// Whether this account can make a user namespace.
fn may_unshare() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let _nobody_writes = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let output = std::process::Command::new("unshare").args(["--user", "--map-root-user", "true"]).output();
        output.is_ok_and(|output| output.status.success())
    })
}

/// What a process wrote, and how it ended.
enum Event {
    Wrote(&'static str, Vec<u8>),
    Ended(ExitStatus),
}

fn run(case: &Case, program: &Path, outcome: &Outcome) -> Result<(), String> {
    let directory = support::world_readable_directory();
    let dir = directory.path().canonicalize().map_err(|error| error.to_string())?;
    if case.is_nobody {
        crate::case::set_mode(&dir, 0o777);
    }

    let starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    for step in &case.steps {
        step(&dir);
    }
    let mut lock = case.held.map(|(name, holding)| hold(&dir.join(name), holding));
    let mut terminal = case.streams.contains(&Stream::Terminal).then(Terminal::new);
    let mut readers: Vec<(&'static str, OwnedFd)> = Vec::new();
    let mut pipe = |name| {
        let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).expect("pipe");
        readers.push((name, reader));
        writer
    };
    let names = ["stdin", "stdout", "stderr"];
    let streams = [0, 1, 2].map(|number| match case.streams[number] {
        Stream::Pipe => Some(pipe(names[number])),
        Stream::Null => Some(device("/dev/null", number == 0)),
        Stream::Full => Some(device("/dev/full", false)),
        Stream::Terminal => terminal.as_ref().map(|terminal| terminal.program_side.try_clone().expect("terminal")),
        Stream::Closed => None,
    });
    let report = outcome.report.as_ref().map(|_| pipe("report"));
    let tty = terminal.as_ref().map(Terminal::name).unwrap_or_default();
    let fill = |text: &[u8], pid: u32| {
        let text = replace(text, b"{dir}", dir.as_os_str().as_encoded_bytes());
        replace(&replace(&text, b"{tty}", tty.as_bytes()), b"{pid}", pid.to_string().as_bytes())
    };
    let itself = program.as_os_str().as_encoded_bytes().to_vec();
    let words =
        |words: &[Vec<u8>]| words.iter().map(|word| replace(&fill(word, 0), b"{program}", &itself)).collect::<Vec<_>>();
    let program = Program::new(&words(&case.wrapper), case.applet, program, &words(&case.args), &words(&case.environ));
    let mut child = Surroundings { case, dir: dir.join(case.cwd), streams, report }.start(program);
    drop(starting);
    let pid = child.id();

    let (sender, events) = channel();
    let expected = readers.len() + 1;
    for (name, reader) in readers {
        read_to_end(name, reader, sender.clone());
    }
    thread::spawn(move || sender.send(Event::Ended(child.wait().expect("wait"))));
    if case.is_released {
        await_blocked(pid, LIMIT);
        std::fs::write(dir.join("released"), "released\n").expect("file");
        lock = None;
    }
    let deadline = Instant::now() + LIMIT;
    let mut written = BTreeMap::new();
    let mut end = None;
    for _ in 0..expected {
        match events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Event::Wrote(name, text)) => drop(written.insert(name, text)),
            Ok(Event::Ended(status)) => {
                end = status.code().map(End::Exit).or_else(|| status.signal().map(End::Signal));
            }
            Err(_) => {
                drop(lock);
                kill_all_in(&dir);
                return Err(format!("  still running after {LIMIT:?}; so far {written:?}\n"));
            }
        }
    }

    let mut mistakes = String::new();
    if end != Some(outcome.end) {
        mistakes += &format!("  ended by {end:?}, expected {:?}\n", outcome.end);
    }
    let mut compare = |what: &str, is: &[u8], expected: &Text| {
        let (fits, expected) = match expected {
            Text::Any => (true, Vec::new()),
            Text::Is(text) => (is == fill(text, pid), fill(text, pid)),
            Text::Begins(text) => (is.starts_with(&fill(text, pid)), [&fill(text, pid)[..], b"..."].concat()),
            Text::OneLine(text) => {
                let is_line = is.iter().position(|&byte| byte == b'\n') == Some(is.len().wrapping_sub(1));
                (is_line && is.starts_with(&fill(text, pid)), [&fill(text, pid)[..], b"...\\n"].concat())
            }
        };
        if !fits {
            mistakes += &format!("  {what}: {}\n  expected {}\n", shown(is), shown(&expected));
        }
    };
    for (name, expected) in [("stdout", &outcome.stdout), ("stderr", &outcome.stderr)] {
        compare(name, written.get(name).map_or(b"", Vec::as_slice), expected);
    }
    if let Some(expected) = &outcome.report {
        compare("report", &without_numbers(written.get("report").map_or(b"", Vec::as_slice)), expected);
    }
    if let Some(terminal) = &mut terminal {
        compare("terminal", &terminal.shown(), &outcome.terminal);
    }
    for (name, expected) in &outcome.files {
        let expected = expected.as_ref().map(|(mode, content)| (*mode, fill(content, pid)));
        mistakes += &compare_file(&dir.join(name), expected.as_ref()).err().unwrap_or_default();
    }
    make_removable(&dir);
    if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
}

fn compare_file(path: &Path, expected: Option<&Content>) -> Result<(), String> {
    let found = path.symlink_metadata().ok();
    match (found, expected) {
        (None, None) => Ok(()),
        (Some(_), None) => Err(format!("  {}: there\n", path.display())),
        (None, Some(_)) => Err(format!("  {}: not there\n", path.display())),
        (Some(found), Some((mode, content))) => {
            let is_mode = found.permissions().mode() & 0o7777;
            // the test may not be root, and the file unreadable
            crate::case::set_mode(path, 0o600);
            let is = std::fs::read(path).unwrap_or_default();
            if is_mode == *mode && is == *content && found.is_file() {
                return Ok(());
            }
            let is = shown(&is);
            Err(format!("  {}: {is_mode:o} {is}, expected {mode:o} {}\n", path.display(), shown(content)))
        }
    }
}

/// Pipes differ only by their numbers.
fn without_numbers(text: &[u8]) -> Vec<u8> {
    let lines = text.split_inclusive(|&byte| byte == b'\n');
    lines.flat_map(|line| if line.starts_with(b"pipe:[") { b"pipe\n" } else { line }).copied().collect()
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut replaced = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.windows(from.len()).position(|window| window == from) {
        replaced.extend_from_slice(&rest[..place]);
        replaced.extend_from_slice(to);
        rest = &rest[place + from.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

fn read_to_end(name: &'static str, reader: OwnedFd, sender: Sender<Event>) {
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = File::from(reader).read_to_end(&mut text);
        sender.send(Event::Wrote(name, text))
    });
}

fn device(name: &str, is_input: bool) -> OwnedFd {
    File::options().read(is_input).write(!is_input).open(name).expect("device").into()
}

/// Returns when the process waits for a lock, or is gone, or after `limit`. The kernel has no event for that, only a list.
fn await_blocked(pid: u32, limit: Duration) {
    let is_it = |line: &str| line.contains(" -> ") && line.split_whitespace().any(|word| word == pid.to_string());
    let process = PathBuf::from(format!("/proc/{pid}"));
    let start = Instant::now();
    while process.exists()
        && start.elapsed() < limit
        && !std::fs::read_to_string("/proc/locks").is_ok_and(|text| text.lines().any(is_it))
    {
        thread::yield_now();
    }
}

/// What keeps the lock.
enum Held {
    Flock { _lock: Flock<File> },
    Record { _file: File },
}

fn hold(path: &Path, holding: Holding) -> Held {
    let file = File::options().read(true).append(true).create(true).open(path).expect("lock file");
    let flock = |argument, file| Held::Flock { _lock: Flock::lock(file, argument).expect("lock") };
    match holding {
        Holding::Exclusive => flock(FlockArg::LockExclusiveNonblock, file),
        Holding::Shared => flock(FlockArg::LockSharedNonblock, file),
        Holding::Record => {
            let whole = libc::flock {
                l_type: libc::F_WRLCK as _,
                l_whence: libc::SEEK_SET as _,
                l_start: 0,
                l_len: 0,
                l_pid: 0,
            };
            fcntl(file.as_fd(), FcntlArg::F_SETLK(&whole)).expect("lock");
            Held::Record { _file: file }
        }
    }
}

/// A pseudo-terminal that passes bytes on as they are.
struct Terminal {
    user_side: File,
    program_side: OwnedFd,
}

impl Terminal {
    fn new() -> Self {
        let pair = nix::pty::openpty(None, None).expect("pseudo-terminal");
        let mut settings = nix::sys::termios::tcgetattr(&pair.slave).expect("settings");
        nix::sys::termios::cfmakeraw(&mut settings);
        nix::sys::termios::tcsetattr(&pair.slave, nix::sys::termios::SetArg::TCSANOW, &settings).expect("settings");
        Self { user_side: pair.master.into(), program_side: pair.slave }
    }

    fn name(&self) -> String {
        nix::unistd::ttyname(&self.program_side).expect("name").display().to_string()
    }

    /// What has been written to the terminal. A mark written last tells where that ends.
    fn shown(&mut self) -> Vec<u8> {
        const MARK: &[u8] = b"\0end\0";
        let mut text = Vec::new();
        // the end of a session hangs its terminal up: then nothing more can be written, and reading fails at the end
        let _ = nix::unistd::write(&self.program_side, MARK);
        while !text.ends_with(MARK) {
            let mut part = [0; 4096];
            let Ok(count) = self.user_side.read(&mut part) else { return text };
            text.extend_from_slice(&part[..count]);
        }
        text.truncate(text.len() - MARK.len());
        text
    }
}

/// Lets whoever runs the test remove directories that were made unreadable.
fn make_removable(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            crate::case::set_mode(&entry.path(), 0o755);
            make_removable(&entry.path());
        }
    }
}
