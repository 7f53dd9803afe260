//! A wrapper as it should not be, to see that the comparison finds it out: does one thing that an exec passes on, and
//! runs the program. Before `main` like the probe, so that nothing else is disturbed.

use crate::probe::{entries, is_called};
use std::ffi::{CString, c_int, c_long, c_ulong};

/// The name by which the test program is the disturber.
pub const NAME: &str = "disturber";

type Words = Vec<Vec<u8>>;

/// Is handed arguments and environment, and gives -1 if it fails.
type Act = fn(&mut Words, &mut Words) -> i64;

/// One thing that it can do.
pub struct Disturbance {
    pub name: &'static str,
    /// The state in which it makes a difference.
    pub start: &'static str,
    /// The lines of the report that give it away, sorted.
    pub seen_in: &'static [&'static str],
    act: Act,
}

const fn disturbance(
    name: &'static str,
    start: &'static str,
    seen_in: &'static [&'static str],
    act: Act,
) -> Disturbance {
    Disturbance { name, start, seen_in, act }
}

/// A system call whose arguments are numbers.
macro_rules! call {
    ($call:ident($($argument:expr),*)) => {
        // SAFETY: numbers, C string literals, and what is read from live values.
        |_, _| i64::from(unsafe { libc::$call($($argument),*) })
    };
}

macro_rules! disposition {
    ($signal:ident, $what:ident) => {
        // SAFETY: no handler is installed.
        |_, _| unsafe {
            libc::signal(libc::$signal, libc::$what);
            0
        }
    };
}

pub const ALL: &[Disturbance] = &[
    disturbance("nothing", "everything", &[], |_, _| 0),
    disturbance("ignores SIGPIPE", "plain", &["ignored 13"], disposition!(SIGPIPE, SIG_IGN)),
    disturbance("resets SIGPIPE", "ignored signals", &["ignored 13"], disposition!(SIGPIPE, SIG_DFL)),
    disturbance("resets SIGCHLD", "everything", &["ignored 17"], disposition!(SIGCHLD, SIG_DFL)),
    disturbance("blocks a signal", "plain", &["blocked 12"], |_, _| mask(libc::SIG_BLOCK, 12)),
    disturbance("unblocks signal 33", "everything", &["blocked 33"], |_, _| mask(libc::SIG_UNBLOCK, 33)),
    disturbance("swallows a pending signal", "everything", &["pending for process 10"], |_, _| swallow(10)),
    disturbance("leaves a descriptor", "plain", &["fd 3"], call!(open(c"/".as_ptr(), libc::O_RDONLY))),
    disturbance("closes input", "everything", &["fd 0"], call!(close(0))),
    disturbance("marks output", "plain", &["fd 1"], call!(fcntl(1, libc::F_SETFL, libc::O_NONBLOCK))),
    disturbance("moves an offset", "files and locks", &["fd 5"], call!(lseek(5, 1, libc::SEEK_SET))),
    disturbance("loses a record lock", "everything", &["fd 10 lock"], |_, _| open_and_close()),
    disturbance("loses an open file's lock", "everything", &["fd 9 lock"], |_, _| unlock(9)),
    disturbance("takes a flock", "plain", &["fd 1 lock"], call!(flock(1, libc::LOCK_EX))),
    disturbance("goes elsewhere", "plain", &["cwd", "cwd identity"], call!(chdir(c"/".as_ptr()))),
    disturbance("leaves a deleted directory", "everything", &["cwd", "cwd identity"], call!(chdir(c"/".as_ptr()))),
    // SAFETY: a number.
    disturbance("changes the umask", "umask 0777", &["Umask"], |_, _| i64::from(unsafe { libc::umask(0o22) })),
    disturbance("disarms a timer", "everything", &["timer REAL"], |_, _| timer(libc::ITIMER_REAL, [0; 4])),
    disturbance("arms a timer", "plain", &["timer VIRTUAL"], |_, _| timer(libc::ITIMER_VIRTUAL, [0, 0, 3000, 0])),
    disturbance("is nicer", "plain", &["nice", "scheduling"], call!(setpriority(libc::PRIO_PROCESS, 0, 7))),
    disturbance("lowers a limit", "plain", &["limit Max cpu time"], |_, _| limit()),
    disturbance("stays where it is put", "everything", &["personality"], call!(personality(0))),
    disturbance(
        "changes the slack",
        "everything",
        &["timer slack"],
        call!(prctl(libc::PR_SET_TIMERSLACK, 777 as c_ulong)),
    ),
    disturbance(
        "outlives its parent",
        "switches",
        &["parent-death signal"],
        call!(prctl(libc::PR_SET_PDEATHSIG, 0 as c_ulong)),
    ),
    disturbance(
        "no longer reaps",
        "switches",
        &["child subreaper"],
        call!(prctl(libc::PR_SET_CHILD_SUBREAPER, 0 as c_ulong)),
    ),
    disturbance("bows out of privileges", "plain", &["NoNewPrivs"], |_, _| no_new_privileges()),
    disturbance("leads a group", "plain", &["group"], call!(setpgid(0, 0))),
    disturbance("forks", "plain", &["parent", "pid"], |_, _| fork()),
    disturbance("swaps words", "plain", &["argv 3", "argv 4"], |argv, _| swap(argv, 3)),
    disturbance("drops an empty word", "plain", DROPPED_WORD, |argv, _| drop_if(argv, |word| word.is_empty())),
    disturbance("swaps variables", "plain", &["env 0", "env 1"], |_, envp| swap(envp, 0)),
    disturbance("mends bytes", "plain", &["env 5"], |_, envp| mend(envp)),
    disturbance("drops the last variable", "plain", &["env 13"], |_, envp| {
        drop_if(envp, |entry| entry.starts_with(b"PATH="))
    }),
    disturbance("adds a variable", "plain", &["env 14"], |_, envp| {
        envp.push(b"_=extra".to_vec());
        0
    }),
];

const DROPPED_WORD: &[&str] = &["argv 2", "argv 3", "argv 4", "argv 5", "argv 6", "argv 7", "argv 8"];

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    let mut argv = entries("/proc/self/cmdline");
    if !argv.first().is_some_and(|name| is_called(name, NAME)) {
        return;
    }
    let mut envp = entries("/proc/self/environ");
    let disturbance =
        ALL.iter().find(|disturbance| argv.get(1).is_some_and(|name| name == disturbance.name.as_bytes()));
    argv.drain(..2);
    if disturbance.is_some_and(|disturbance| (disturbance.act)(&mut argv, &mut envp) != -1) {
        let [argv, envp] = [argv, envp].map(|words| {
            // kept for the rest of this program's short life
            let words =
                words.into_iter().map(|word| CString::new(word).map_or(std::ptr::null(), |word| word.into_raw()));
            words.chain([std::ptr::null()]).collect::<Vec<_>>()
        });
        // SAFETY: strings that are never freed, in arrays that end with a null pointer.
        unsafe { libc::execve(argv[0], argv.as_ptr(), envp.as_ptr()) };
    }
    // SAFETY: ends the process.
    unsafe { libc::_exit(99) }
}

fn mask(how: c_int, signal: u32) -> i64 {
    let mask = 1_u64 << (signal - 1);
    // SAFETY: the kernel reads the eight bytes of its own mask.
    unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, &mask, 0, 8_usize) }
}

fn swallow(signal: u32) -> i64 {
    let mask = 1_u64 << (signal - 1);
    // SAFETY: the kernel reads the eight bytes of its own mask; no time limit, as the signal is there.
    unsafe { libc::syscall(libc::SYS_rt_sigtimedwait, &mask, 0, 0, 8_usize) }
}

/// Any close of a file takes this process's record locks on it away: fcntl(2).
fn open_and_close() -> i64 {
    std::fs::File::open("/proc/self/fd/10").map_or(-1, |_| 0)
}

fn unlock(descriptor: c_int) -> i64 {
    // SAFETY: a plain structure, all zero: the kernel reads it.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_UNLCK as _;
        i64::from(libc::fcntl(descriptor, libc::F_OFD_SETLK, &lock))
    }
}

fn timer(which: c_int, value: [c_long; 4]) -> i64 {
    // SAFETY: the kernel reads interval and value, two longs each.
    unsafe { libc::syscall(libc::SYS_setitimer, which, &value, 0) }
}

fn limit() -> i64 {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let hard = getrlimit(Resource::RLIMIT_CPU).map(|(_, hard)| hard);
    hard.and_then(|hard| setrlimit(Resource::RLIMIT_CPU, 1000, hard)).map_or(-1, |()| 0)
}

fn no_new_privileges() -> i64 {
    const OFF: c_ulong = 0;
    // SAFETY: numbers.
    i64::from(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1 as c_ulong, OFF, OFF, OFF) })
}

fn fork() -> i64 {
    // SAFETY: there is no other thread.
    match unsafe { libc::fork() } {
        0 => 0,
        child => {
            // SAFETY: numbers and a null pointer; what the parent ends with is what one that does not wait ends with.
            unsafe {
                libc::waitpid(child, std::ptr::null_mut(), 0);
                libc::_exit(0)
            }
        }
    }
}

fn swap(words: &mut [Vec<u8>], place: usize) -> i64 {
    words.swap(place, place + 1);
    0
}

fn drop_if(words: &mut Words, unwanted: fn(&Vec<u8>) -> bool) -> i64 {
    words.retain(|word| !unwanted(word));
    0
}

fn mend(words: &mut [Vec<u8>]) -> i64 {
    for word in words {
        *word = String::from_utf8_lossy(word).into_owned().into_bytes();
    }
    0
}
