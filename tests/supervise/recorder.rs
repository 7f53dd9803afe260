//! The service under supervision: the test program itself, called `./run`, `./start` and so on. It says on standard
//! output what happens to it, a line each: `NAME PID EVENT`. It blocks every signal and takes them one by one, so it
//! hears each in the kernel's order: of those that are pending together the lowest number first.
//!
//! Files in the working directory tell it more. `NAME.exits`: it ends at once with the code that is in there.
//! `stubborn`: TERM does not end it. And the test gives it orders, which are queued signals with a value.

use nix::errno::Errno;
use nix::unistd::Pid;
use std::ffi::c_int;
use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The names by which the test program is a recorder.
pub const NAMES: &[&str] = &["run", "start", "stop", "finish", "notify", "log"];

/// What a recorder is told to do, with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say `ping NUMBER`. All signals that have come before are reported first.
    Ping = 40,
    /// End with this code.
    Exit,
    /// Leave a child behind, called `companion`: in the same process group for 0, in a session of its own for 1, in a group
    /// of its own for 2.
    Leave,
    /// Write a newline to this descriptor.
    Ready,
}

/// Gives the order.
#[track_caller]
pub fn order(pid: Pid, what: Order, value: c_int) {
    let value = libc::sigval { sival_ptr: std::ptr::without_provenance_mut(value as usize) };
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::sigqueue(pid.as_raw(), what as c_int, value) }).unwrap();
}

/// The test program's file, to which a link makes a recorder.
pub fn file() -> std::path::PathBuf {
    std::fs::read_link("/proc/self/exe").unwrap()
}

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    // from /proc, since musl hands these functions no arguments
    let command = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    let mut argv = command.strip_suffix(b"\0").unwrap_or_default().split(|&byte| byte == 0);
    let Some(name) = argv.next().and_then(|name| name.strip_prefix(b"./")) else { return };
    if let Some(name) = NAMES.iter().find(|known| known.as_bytes() == name) {
        let words: Vec<String> = argv.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        record(name, &words);
    }
}

fn record(name: &str, words: &[String]) -> ! {
    // SAFETY: a set of signals on the stack.
    unsafe {
        let mut every: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut every);
        libc::sigprocmask(libc::SIG_SETMASK, &every, std::ptr::null_mut());
    }
    let mut said = "started".to_owned();
    for word in words {
        let _ = write!(said, " {word}");
    }
    say(name, &said);
    if let Ok(code) = std::fs::read_to_string(format!("{name}.exits")) {
        end(code.trim().parse().unwrap_or(0));
    }
    if name == "notify" {
        end(0);
    }
    listen(name.to_owned())
}

/// One line, in one call.
fn say(name: &str, what: &str) {
    let line = format!("{name} {} {what}\n", std::process::id());
    // SAFETY: the bytes of a string.
    unsafe { libc::write(1, line.as_ptr().cast(), line.len()) };
}

fn end(code: c_int) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

fn listen(mut name: String) -> ! {
    loop {
        // SAFETY: a set of signals and an answer on the stack.
        let (signal, value) = unsafe {
            let mut every: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&mut every);
            let mut told: libc::siginfo_t = std::mem::zeroed();
            let signal = libc::sigwaitinfo(&every, &mut told);
            (signal, if signal >= Order::Ping as c_int { told.si_value().sival_ptr.addr() as c_int } else { 0 })
        };
        match signal {
            -1 => {}
            _ if signal == Order::Ping as c_int => say(&name, &format!("ping {value}")),
            _ if signal == Order::Exit as c_int => end(value),
            _ if signal == Order::Leave as c_int => leave(&mut name, value),
            // SAFETY: one byte.
            _ if signal == Order::Ready as c_int => unsafe {
                let count = libc::write(value, c"\n".as_ptr().cast(), 1);
                say(&name, &format!("wrote {count}"));
            },
            libc::SIGCHLD => reap(),
            _ => {
                say(&name, &spoken(signal));
                if signal == libc::SIGTERM && !Path::new("stubborn").exists() {
                    end(0);
                }
            }
        }
    }
}

fn reap() {
    // SAFETY: numbers only.
    while unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } > 0 {}
}

/// A signal's name without its SIG.
fn spoken(signal: c_int) -> String {
    let name = nix::sys::signal::Signal::try_from(signal).map(|signal| signal.as_str());
    name.map_or_else(|_| signal.to_string(), |name| name.trim_start_matches("SIG").to_owned())
}

fn leave(name: &mut String, apart: c_int) {
    // SAFETY: there are no other threads here, and the child goes on as this process does.
    unsafe {
        if libc::fork() == 0 {
            match apart {
                1 => drop(libc::setsid()),
                2 => drop(libc::setpgid(0, 0)),
                _ => {}
            }
            *name = "companion".to_owned();
            say(name, "started");
        }
    }
}

/// When a process was made, in hundredths of a second since the machine's start, as the kernel says it in `stat`;
/// nothing if there is no such process.
pub fn made_at(pid: Pid) -> Option<u64> {
    let stat = std::fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let text = String::from_utf8_lossy(&stat).into_owned();
    let fields = text.rsplit(')').next()?;
    fields.split_whitespace().nth(22 - 3)?.parse().ok()
}

/// Its state, a letter: `S` waits, `T` is stopped, `Z` has ended.
pub fn state(pid: Pid) -> Option<char> {
    let stat = std::fs::read(Path::new("/proc").join(pid.to_string()).join("stat")).ok()?;
    let text = String::from_utf8_lossy(&stat).into_owned();
    text.rsplit(')').next()?.trim_start().chars().next()
}

/// Whether there is such a process, and it is no zombie.
pub fn is_alive(pid: Pid) -> bool {
    state(pid).is_some_and(|state| state != 'Z')
}

/// The words of a process, as ps shows them.
pub fn words(pid: Pid) -> Vec<String> {
    let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = std::ffi::OsStr::from_bytes(command.strip_suffix(b"\0").unwrap_or(&command));
    command.as_bytes().split(|&byte| byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
