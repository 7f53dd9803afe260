//! The probe: a program that reports all it can read of what an exec leaves to it, one `name: value` a line, in a fixed
//! order, with bytes escaped.
//!
//! Each test program that has this module is its own probe, started through a symbolic link called [`NAME`] with the
//! file for the report as its first argument. It works before `main`, as Rust's own start-up would open closed
//! descriptors and ignore SIGPIPE before anything could be seen of them.

use std::ffi::{c_int, c_long, c_ulong};
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The name by which a test program is its probe.
pub const NAME: &str = "probe";

/// Where the probe says that it is ready, if anything is open there.
const READY: c_int = 7;

/// What the probe exits with when it has written its report.
pub const EXIT: u8 = 7;

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    // from /proc, since musl hands these functions no arguments
    let argv = entries("/proc/self/cmdline");
    if argv.is_empty() && is_executed(NAME) {
        // no descriptor is left to look with
        // SAFETY: ends the process, and takes no pointer.
        unsafe { libc::_exit(9) }
    }
    if !argv.first().is_some_and(|name| is_called(name, NAME)) {
        return;
    }
    let descriptors = descriptors();
    let code = match argv.get(1) {
        Some(file) => write_report(Path::new(std::ffi::OsStr::from_bytes(file)), &argv, descriptors),
        None => 9,
    };
    // SAFETY: ends the process, and takes no pointer.
    unsafe { libc::_exit(code) }
}

/// Whether the file executed goes by this name.
fn is_executed(name: &str) -> bool {
    // SAFETY: the kernel's own string, or null.
    unsafe {
        let file = libc::getauxval(libc::AT_EXECFN) as *const std::ffi::c_char;
        !file.is_null() && is_called(std::ffi::CStr::from_ptr(file).to_bytes(), name)
    }
}

/// Whether a program started as `argv0` goes by this name.
pub fn is_called(argv0: &[u8], name: &str) -> bool {
    argv0.rsplit(|&byte| byte == b'/').next() == Some(name.as_bytes())
}

/// The entries of /proc/self/cmdline or /proc/self/environ, each ended by a NUL.
pub fn entries(file: &str) -> Vec<Vec<u8>> {
    let all = std::fs::read(file).unwrap_or_default();
    let Some(all) = all.strip_suffix(b"\0") else { return Vec::new() };
    all.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect()
}

fn write_report(file: &Path, argv: &[Vec<u8>], descriptors: Report) -> c_int {
    let mut report = Report::default();
    words(&mut report, "argv", argv);
    words(&mut report, "env", &entries("/proc/self/environ"));
    started_file(&mut report);
    processes(&mut report);
    status_fields(&mut report);
    signals(&mut report);
    report.0 += &descriptors.0;
    places(&mut report);
    limits(&mut report);
    scheduling(&mut report);
    timers(&mut report);
    switches(&mut report);
    files_of_proc(&mut report);
    // made by the caller, so that neither umask nor account matters
    let written = std::fs::File::options().write(true).truncate(true).open(file);
    match written.and_then(|mut file| std::io::Write::write_all(&mut file, report.0.as_bytes())) {
        Ok(()) => {
            // a parent may wait to hear there that the program is ready
            // SAFETY: a byte, to a number at which something may be open.
            unsafe { libc::write(READY, c"\n".as_ptr().cast(), 1) };
            EXIT.into()
        }
        Err(_) => 9,
    }
}

#[derive(Default)]
struct Report(String);

impl Report {
    fn line(&mut self, name: &str, value: impl AsRef<[u8]>) {
        let _ = writeln!(self.0, "{name}: {}", value.as_ref().escape_ascii());
    }

    /// What a system call gave, or the errno it failed with.
    fn number(&mut self, name: &str, result: impl Into<i64>) {
        let result = result.into();
        let error = std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
        self.line(name, if result == -1 { format!("error {error}") } else { result.to_string() });
    }

    fn file(&mut self, path: &str) {
        let name = path.trim_start_matches("/proc/self/");
        match std::fs::read(path) {
            Ok(text) => self.line(name, text.trim_ascii_end()),
            Err(error) => self.line(name, format!("error {}", error.raw_os_error().unwrap_or(0))),
        }
    }

    fn link(&mut self, name: &str, path: &str) {
        match std::fs::read_link(path) {
            Ok(target) => self.line(name, target.as_os_str().as_bytes()),
            Err(error) => self.line(name, format!("error {}", error.raw_os_error().unwrap_or(0))),
        }
    }
}

fn words(report: &mut Report, kind: &str, words: &[Vec<u8>]) {
    for (place, word) in words.iter().enumerate() {
        report.line(&format!("{kind} {place}"), word);
    }
}

fn started_file(report: &mut Report) {
    // SAFETY: both only read what the kernel left at the start; the name is a C string that lives as long as the process.
    unsafe {
        report.line("auxv SECURE", libc::getauxval(libc::AT_SECURE).to_string());
        let name = std::ptr::with_exposed_provenance::<std::ffi::c_char>(libc::getauxval(libc::AT_EXECFN) as usize);
        if !name.is_null() {
            report.line("auxv EXECFN", std::ffi::CStr::from_ptr(name).to_bytes());
        }
    }
    report.file("/proc/self/comm");
    report.link("exe", "/proc/self/exe");
}

/// The fields of /proc/self/stat from the third on: what is before may contain anything.
fn stat() -> Vec<String> {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().map(str::to_owned).collect()
}

fn processes(report: &mut Report) {
    let stat = stat();
    let field = |number: usize| stat.get(number - 3).map_or("none", String::as_str);
    let own = std::process::id().to_string();
    let relative = |number: usize| if field(number) == own { "self" } else { field(number) };
    report.line("pid", &own);
    report.line("parent", field(4));
    report.line("group", relative(5));
    report.line("session", relative(6));
    report.line("terminal", field(7));
    report.line("terminal group", relative(8));
    report.line("exit signal", field(38));
    let children = std::fs::read(format!("/proc/self/task/{own}/children"));
    report.line("children", children.unwrap_or_else(|_| b"unknown".to_vec()));
}

/// The lines of a /proc file that have a name, a colon and a value.
fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name, value.trim()))
}

fn status_fields(report: &mut Report) {
    const KEPT: &[&str] = &[
        "Umask",
        "TracerPid",
        "Uid",
        "Gid",
        "Groups",
        "Threads",
        "CapInh",
        "CapPrm",
        "CapEff",
        "CapBnd",
        "CapAmb",
        "NoNewPrivs",
        "Seccomp",
        "Seccomp_filters",
        "Speculation_Store_Bypass",
        "SpeculationIndirectBranch",
        "Cpus_allowed",
        "Mems_allowed",
        "THP_enabled",
    ];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (name, value) in fields(&status).filter(|(name, _)| KEPT.contains(name)) {
        report.line(name, value);
    }
}

/// One line for each signal that is ignored, blocked, pending or caught.
fn signals(report: &mut Report) {
    const MASKS: &[(&str, &str)] = &[
        ("SigIgn", "ignored"),
        ("SigBlk", "blocked"),
        ("SigPnd", "pending for thread"),
        ("ShdPnd", "pending for process"),
        ("SigCgt", "caught"),
    ];
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (field, what) in MASKS {
        let mask = fields(&status).find(|(name, _)| name == field).map_or("", |(_, mask)| mask);
        let mask = u64::from_str_radix(mask, 16).unwrap_or(u64::MAX);
        for signal in (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1) {
            report.line(&format!("{what} {signal}"), "yes");
        }
    }
    // SAFETY: all zero is a valid value of this plain C structure, which the call fills in.
    unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &mut stack);
        report.line("alternate stack", if stack.ss_flags & libc::SS_DISABLE == 0 { "yes" } else { "none" });
    }
}

/// Called before anything else is opened.
fn descriptors() -> Report {
    const F_GETSIG: c_int = 11;
    let mut report = Report::default();
    for number in 0..1024 {
        // SAFETY: these only ask about a descriptor by its number.
        let [flags, on_exec, owner, signal, lease] = unsafe {
            [libc::F_GETFL, libc::F_GETFD, libc::F_GETOWN, F_GETSIG, libc::F_GETLEASE]
                .map(|question| libc::fcntl(number, question))
        };
        if on_exec == -1 {
            continue;
        }
        let name = format!("fd {number}");
        let target = std::fs::read_link(format!("/proc/self/fd/{number}")).unwrap_or_default();
        let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let offset = fields(&info).find(|&(name, _)| name == "pos").map_or("", |(_, offset)| offset);
        let owner = if owner == std::process::id() as c_int { "self".to_owned() } else { owner.to_string() };
        let more =
            format!(" flags {flags:o} on exec {on_exec} offset {offset} owner {owner} signal {signal} lease {lease}");
        report.line(&name, [target.as_os_str().as_bytes(), more.as_bytes()].concat());
        for (_, lock) in fields(&info).filter(|&(name, _)| name == "lock") {
            // number, kind, how, what, pid, device and inode, from, to: the first and the last but two vary
            let words: Vec<&str> = lock.split_whitespace().collect();
            let holder = words.get(4).copied().unwrap_or_default();
            let range = words.get(6..).unwrap_or_default().join(" ");
            let what = words.get(1..4).unwrap_or_default().join(" ");
            report.line(&format!("{name} lock"), format!("{what} by {holder} {range}"));
        }
    }
    report
}

fn places(report: &mut Report) {
    use std::os::unix::fs::MetadataExt;
    for name in ["cwd", "root"] {
        let path = format!("/proc/self/{name}");
        report.link(name, &path);
        // a deleted directory's number is another in each run
        let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.nlink() > 0);
        let identity = metadata.map(|metadata| format!("{} {}", metadata.dev(), metadata.ino()));
        report.line(&format!("{name} identity"), identity.unwrap_or_default());
    }
    for name in ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] {
        report.link(&format!("namespace {name}"), &format!("/proc/self/ns/{name}"));
    }
}

fn limits(report: &mut Report) {
    let text = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    for line in text.lines().skip(1) {
        let (name, values) = line.split_at_checked(26).unwrap_or((line, ""));
        report.line(&format!("limit {}", name.trim()), values.split_whitespace().collect::<Vec<_>>().join(" "));
    }
}

fn scheduling(report: &mut Report) {
    // SAFETY: the calls fill in the arrays whose sizes they are told, or only give a number.
    unsafe {
        report.number("nice", libc::getpriority(libc::PRIO_PROCESS, 0));
        let mut attributes = [0_u32; 14];
        let size = size_of_val(&attributes) as c_long;
        libc::syscall(libc::SYS_sched_getattr, 0, attributes.as_mut_ptr(), size, 0);
        report.line("scheduling", format!("{attributes:x?}"));
        report.number("io priority", libc::syscall(libc::SYS_ioprio_get, 1, 0));
        let mut mode: c_int = 0;
        let mut nodes = [0_u64; 16];
        let failed = libc::syscall(libc::SYS_get_mempolicy, &mut mode, nodes.as_mut_ptr(), 1024_u64, 0, 0);
        report.line("memory policy", format!("{failed} {mode} {nodes:x?}"));
    }
    report.file("/proc/self/autogroup");
}

fn timers(report: &mut Report) {
    for (name, which) in [("REAL", libc::ITIMER_REAL), ("VIRTUAL", libc::ITIMER_VIRTUAL), ("PROF", libc::ITIMER_PROF)] {
        let mut timer = [0 as c_long; 4];
        // SAFETY: the kernel writes interval and value, two longs each.
        unsafe { libc::syscall(libc::SYS_getitimer, which, timer.as_mut_ptr()) };
        let [seconds, microseconds, left, left_microseconds] = timer;
        // what is left runs while the report is made: thousands of seconds are as exact as this can be
        let left = (left * 1_000_000 + left_microseconds) / 1_000_000_000;
        report.line(&format!("timer {name}"), format!("every {seconds}.{microseconds:06} s, {left} thousand s left"));
    }
    report.file("/proc/self/timers");
}

/// What prctl, personality and the like know.
fn switches(report: &mut Report) {
    // not in libc for every C library
    const PR_GET_SPECULATION_CTRL: c_int = 52;
    const PR_GET_IO_FLUSHER: c_int = 58;
    const ASKED: &[(&str, c_int)] = &[
        ("secure bits", libc::PR_GET_SECUREBITS),
        ("dumpable", libc::PR_GET_DUMPABLE),
        ("keep capabilities", libc::PR_GET_KEEPCAPS),
        ("timer slack", libc::PR_GET_TIMERSLACK),
        ("huge pages off", libc::PR_GET_THP_DISABLE),
        ("memory errors", libc::PR_MCE_KILL_GET),
        ("io flusher", PR_GET_IO_FLUSHER),
    ];
    const TOLD: &[(&str, c_int)] = &[
        ("parent-death signal", libc::PR_GET_PDEATHSIG),
        ("child subreaper", libc::PR_GET_CHILD_SUBREAPER),
        ("time stamp counter", libc::PR_GET_TSC),
    ];
    const NONE: c_ulong = 0;
    // SAFETY: each either gives a number or stores one where it is told to.
    unsafe {
        for &(name, question) in ASKED {
            report.number(name, libc::prctl(question, NONE, NONE, NONE, NONE));
        }
        for &(name, question) in TOLD {
            let mut told: c_int = -1;
            libc::prctl(question, &mut told, NONE, NONE, NONE);
            report.line(name, told.to_string());
        }
        for kind in 0..3 as c_ulong {
            let state = libc::prctl(PR_GET_SPECULATION_CTRL, kind, NONE, NONE, NONE);
            report.number(&format!("speculation {kind}"), state);
        }
        report.number("personality", libc::personality(0xffff_ffff));
        // the session's keyring by its number; 0: make none
        report.number("session keyring", libc::syscall(libc::SYS_keyctl, 0, -3, 0));
    }
}

fn files_of_proc(report: &mut Report) {
    for name in [
        "oom_score_adj",
        "coredump_filter",
        "attr/current",
        "attr/exec",
        "loginuid",
        "sessionid",
        "cgroup",
        "setgroups",
    ] {
        report.file(&format!("/proc/self/{name}"));
    }
}
