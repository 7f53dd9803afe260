//! A program under trace: killed right before one of its system calls, or with a clock that can be set. As a program of its
//! own, which takes the place of the one it traces.

use crate::roles::PLACE;
use crate::service::complain;
use crate::support::tracer::{At, Call, at_call, end, request, spawn};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The name by which this test program is the tracer.
pub const NAME: &str = "tracer";
/// `tracer kill NUMBER PROGRAM...`: kills the program before its system call of this number, those of its children counted
/// up to their exec, and lets them go on.
pub const KILL: &str = "kill";
/// `tracer clock PROGRAM...`: the program's clock is ahead of the machine's by as many seconds as the file [`AHEAD`] says.
pub const CLOCK: &str = "clock";
/// The file in the place of the tree. Empty for none.
pub const AHEAD: &str = "ahead";
/// Exit code where tracing is not allowed.
pub const REFUSED: i32 = 80;
/// Exit code where the program has ended by itself before the system call at which it should have been killed.
pub const SURVIVED: i32 = 81;

/// What is done with the traced processes.
enum Task {
    /// Calls that are still to be made.
    Kill(u64),
    Clock {
        place: PathBuf,
        ahead: File,
    },
}

struct Tracer {
    /// The program.
    main: Pid,
    /// It and its children, with the call each is in.
    known: BTreeMap<Pid, Option<Call>>,
    task: Task,
    is_killed: bool,
    /// Its exit code, or 1000 and the signal that killed it.
    ended: Option<i32>,
}

/// The program of this name.
pub fn trace(argv: &[Vec<u8>]) -> i32 {
    let place = PathBuf::from(std::env::var_os(PLACE).unwrap());
    let is_kill = argv[1] == KILL.as_bytes();
    let (task, words) = if is_kill {
        (Task::Kill(str::from_utf8(&argv[2]).unwrap().parse().unwrap()), &argv[3..])
    } else {
        let ahead = File::open(place.join(AHEAD)).unwrap();
        (Task::Clock { place, ahead }, &argv[2..])
    };
    let mut command = Command::new(OsStr::from_bytes(&words[0]));
    command.args(words[1..].iter().map(|word| OsStr::from_bytes(word)));
    let Some(child) = spawn(&mut command) else { return REFUSED };
    let main = Pid::from_raw(child.id().try_into().unwrap());
    let mut tracer = Tracer { main, known: BTreeMap::new(), task, is_killed: false, ended: None };
    tracer.run();
    match tracer.ended.unwrap() {
        _ if is_kill => {
            if tracer.is_killed {
                0
            } else {
                SURVIVED
            }
        }
        code => code,
    }
}

impl Tracer {
    fn run(&mut self) {
        let (_, status) = wait(self.main).unwrap();
        assert_eq!(libc::WSTOPSIG(status), libc::SIGTRAP);
        self.known.insert(self.main, None);
        let mut options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_EXITKILL;
        match self.task {
            Task::Kill(_) => {
                options |= libc::PTRACE_O_TRACEFORK
                    | libc::PTRACE_O_TRACEVFORK
                    | libc::PTRACE_O_TRACECLONE
                    | libc::PTRACE_O_TRACEEXEC;
            }
            Task::Clock { .. } => {}
        }
        request(libc::PTRACE_SETOPTIONS as _, self.main, options as usize).unwrap();
        if matches!(self.task, Task::Clock { .. }) {
            hide_vdso(self.main);
        }
        go_on(self.main, 0);
        while !self.known.is_empty() {
            let Some((pid, status)) = wait(Pid::from_raw(-1)) else { break };
            if libc::WIFSTOPPED(status) {
                self.stopped(pid, status);
                continue;
            }
            self.known.remove(&pid);
            if pid == self.main {
                self.ended = Some(end(status));
            }
        }
    }

    fn stopped(&mut self, pid: Pid, status: i32) {
        let is_new = self.known.insert(pid, self.known.get(&pid).copied().flatten()).is_none() && pid != self.main;
        let stop = libc::WSTOPSIG(status);
        let event = status >> 16;
        if event == libc::PTRACE_EVENT_EXEC {
            self.known.remove(&pid);
            let _ = request(libc::PTRACE_DETACH as _, pid, 0);
        } else if stop == libc::SIGTRAP | 0x80 {
            self.at_call(pid);
            go_on(pid, 0);
        } else if event != 0 || (is_new && stop == libc::SIGSTOP) {
            go_on(pid, 0);
        } else {
            go_on(pid, stop);
        }
    }

    /// At the begin of a system call, or at its end.
    fn at_call(&mut self, pid: Pid) {
        match (at_call(pid), &mut self.task) {
            (At::Begin(call), task) => {
                self.known.insert(pid, Some(call));
                match task {
                    Task::Kill(left) if !self.is_killed && !call.is_private() => {
                        *left -= 1;
                        if *left == 0 {
                            self.is_killed = true;
                            kill(self.main, Signal::SIGKILL).unwrap();
                        }
                    }
                    Task::Clock { place, .. } => assert_no_wait_for_clock(place, call),
                    Task::Kill(_) => {}
                }
            }
            (At::End(0), Task::Clock { ahead, .. }) => {
                if let Some(call) = self.known.get(&pid).copied().flatten() {
                    set_clock(pid, call, ahead);
                }
            }
            (At::End(_), _) => {}
        }
    }
}

fn wait(pid: Pid) -> Option<(Pid, i32)> {
    let mut status = 0;
    // SAFETY: the kernel writes one number.
    let waited = unsafe { libc::waitpid(pid.as_raw(), &mut status, libc::__WALL) };
    (waited > 0).then(|| (Pid::from_raw(waited), status))
}

fn go_on(pid: Pid, signal: i32) {
    // it may have been killed meanwhile
    let _ = request(libc::PTRACE_SYSCALL as _, pid, signal as usize);
}

fn memory(pid: Pid) -> File {
    OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/mem")).unwrap()
}

/// Makes a program that has just been executed ask the kernel for the time, which nobody sees where it reads the kernel's
/// page.
fn hide_vdso(pid: Pid) {
    // as the program finds them behind the stack pointer: arguments, environment, and pairs of which a first of 0 is the last
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let stack: u64 = stat.rsplit_once(") ").unwrap().1.split(' ').nth(25).unwrap().parse().unwrap();
    let memory = memory(pid);
    let word = |place: u64| {
        let mut bytes = [0; 8];
        memory.read_exact_at(&mut bytes, place).map(|()| u64::from_ne_bytes(bytes)).unwrap()
    };
    let mut place = stack + 8;
    for _ in 0..2 {
        while word(place) != 0 {
            place += 8;
        }
        place += 8;
    }
    while word(place) != 0 {
        if word(place) == libc::AT_SYSINFO_EHDR {
            memory.write_all_at(&libc::AT_IGNORE.to_ne_bytes(), place).unwrap();
        }
        place += 16;
    }
}

/// Adds what is asked for to the time that the kernel has given.
fn set_clock(pid: Pid, call: Call, ahead: &File) {
    const BY_SYSTEM: [u64; 3] =
        [libc::CLOCK_REALTIME as u64, libc::CLOCK_REALTIME_COARSE as u64, libc::CLOCK_TAI as u64];
    let place = match call.number {
        libc::SYS_clock_gettime if BY_SYSTEM.contains(&call.arguments[0]) => call.arguments[1],
        libc::SYS_gettimeofday => call.arguments[0],
        _ => return,
    };
    let mut text = [0; 20];
    let count = ahead.read_at(&mut text, 0).unwrap();
    let Ok(seconds) = str::from_utf8(&text[..count]).unwrap().trim().parse::<i64>() else { return };
    let memory = memory(pid);
    let mut bytes = [0; 8];
    memory.read_exact_at(&mut bytes, place).unwrap();
    memory.write_all_at(&(i64::from_ne_bytes(bytes) + seconds).to_ne_bytes(), place).unwrap();
}

/// Nothing may wait for the system's clock to come to a time, as that may take as long as the clock has been set back.
fn assert_no_wait_for_clock(place: &Path, call: Call) {
    const OF_FUTEX: u64 = libc::FUTEX_CLOCK_REALTIME as u64;
    // the machine's, and the one that wakes it up
    let is_of_system = call.arguments[0] == 0 || call.arguments[0] == libc::CLOCK_REALTIME_ALARM as u64;
    let what = match call.number {
        libc::SYS_timerfd_create if is_of_system => "timerfd_create",
        libc::SYS_timer_create if is_of_system => "timer_create",
        libc::SYS_clock_nanosleep if is_of_system => "clock_nanosleep",
        libc::SYS_futex if call.arguments[1] & OF_FUTEX != 0 => "futex",
        // its result cannot be changed here
        #[cfg(target_arch = "x86_64")]
        libc::SYS_time => "time",
        _ => return,
    };
    complain(place, &format!("{what} by the system's clock\n"));
}
