//! Starting states that a wrapper must hand on as they are.
#![allow(dead_code, reason = "each test program uses a part")]

use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::ffi::{CString, c_int, c_long, c_ulong};

/// A state to start a program in.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    pub name: &'static str,
    pub needs_root: bool,
    /// Whether the process leads a process group.
    pub is_leader: bool,
    /// Which of descriptors 0, 1 and 2 are closed, as bits.
    pub closed: u8,
    /// Runs in the child right before exec, so with system calls only. Is handed a file to take locks on and a directory
    /// to be made and removed.
    enter: fn(file: &CString, doomed: &CString) -> nix::Result<()>,
}

impl Start {
    const fn new(name: &'static str, enter: fn(&CString, &CString) -> nix::Result<()>) -> Self {
        Self { name, needs_root: false, is_leader: false, closed: 0, enter }
    }

    /// The same, with descriptors closed.
    pub const fn closing(self, closed: u8) -> Self {
        Self { closed, ..self }
    }

    const fn leading(self) -> Self {
        Self { is_leader: true, ..self }
    }

    const fn as_root(self) -> Self {
        Self { needs_root: true, ..self }
    }
}

/// Nothing special.
pub const PLAIN: Start = Start::new("plain", |_, _| Ok(()));

/// Everything at once.
pub const EVERYTHING: Start = Start::new("everything", everything);

/// In a deleted directory, with a terminal as output, which is nobody's controlling one.
pub const HOMELESS: Start = Start::new("homeless", |_, doomed| {
    delete_directory(doomed)?;
    terminal_at(&[1])
});

/// With a terminal at 0, 1 and 2.
pub const TERMINALS: Start = Start::new("terminals", |_, _| terminal_at(&[0, 1, 2]));

/// Opens a terminal, which is nobody's controlling one. Its other side stays open, or it would be none any more.
fn terminal_at(numbers: &[c_int]) -> nix::Result<()> {
    // SAFETY: numbers, and a buffer with its size.
    unsafe {
        let terminal = libc::open(c"/dev/ptmx".as_ptr(), libc::O_RDWR | libc::O_NOCTTY);
        done(terminal)?;
        done(libc::unlockpt(terminal))?;
        let mut name = [0; 64];
        done(-libc::ptsname_r(terminal, name.as_mut_ptr(), name.len()).signum())?;
        let end = libc::open(name.as_ptr(), libc::O_RDWR | libc::O_NOCTTY);
        done(end)?;
        for &number in numbers {
            done(libc::dup2(end, number))?;
        }
        done(libc::close(end))
    }
}

/// One hostility each, and all together.
pub const STARTS: &[Start] = &[
    PLAIN,
    Start::new("ignored signals", |_, _| ignore_signals()),
    Start::new("blocked and pending signals", |_, _| block_signals()),
    Start::new("umask 0777", |_, _| mask_modes()),
    Start::new("low limits", |_, _| lower_limits()),
    Start::new("deleted directory", |_, doomed| delete_directory(doomed)),
    Start::new("timers", |_, _| arm_timers()),
    Start::new("scheduling", |_, _| schedule()),
    Start::new("switches", |_, _| switch()),
    Start::new("files and locks", |file, _| hold_files(file)),
    Start::new("group leader", |_, _| Ok(())).leading(),
    Start::new("group leader, everything", everything).leading(),
    Start::new("a capability without root", |_, _| keep_a_capability()).as_root(),
    Start::new("root whose ids do not matter", |_, _| secure_bits()).as_root(),
    EVERYTHING,
];

/// An environment with all that a careless copy would lose: duplicates, entries without `=`, without a name, not UTF-8.
pub const ENVIRONMENT: &[&[u8]] = &[
    b"A=1",
    b"no equals sign",
    b"=no name",
    b"A=2",
    b"UID=old",
    b"\xff\xfe=\x80\xff",
    b"",
    b"B=",
    b"SAME=twice",
    b"SAME=twice",
    b"LINES=one\ntwo",
    b"UID=older",
    b"=",
];

impl Start {
    /// In the child: puts the process into this state.
    pub fn enter(&self, file: &CString, doomed: &CString) -> nix::Result<()> {
        // SAFETY: numbers only.
        unsafe {
            if self.is_leader {
                done(libc::setpgid(0, 0))?;
            }
            (self.enter)(file, doomed)?;
            for number in (0..3).filter(|number| self.closed >> number & 1 == 1) {
                done(libc::close(number))?;
            }
        }
        Ok(())
    }
}

/// The outcome of a system call.
pub fn done(result: impl Into<i64>) -> nix::Result<()> {
    if result.into() == -1 { Err(Errno::last()) } else { Ok(()) }
}

fn everything(file: &CString, doomed: &CString) -> nix::Result<()> {
    ignore_signals()?;
    block_signals()?;
    arm_timers()?;
    schedule()?;
    switch()?;
    hold_files(file)?;
    delete_directory(doomed)?;
    mask_modes()?;
    lower_limits()
}

fn ignore_signals() -> nix::Result<()> {
    const IGNORED: usize = 1;
    [libc::SIGPIPE, libc::SIGHUP, libc::SIGCHLD, libc::SIGTSTP, 32, 50]
        .iter()
        .try_for_each(|&it| set_disposition(it, IGNORED))
}

/// Sets one to 0, the default, or 1, ignored, by the kernel's own call: the library keeps signals 32 and 33 back.
pub fn set_disposition(signal: c_int, disposition: usize) -> nix::Result<()> {
    let action = [disposition, 0, 0, 0];
    // SAFETY: the kernel reads its sigaction, of at most four words, and installs no handler.
    done(unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, &action, 0, 8_usize) })
}

fn block_signals() -> nix::Result<()> {
    let blocked = [libc::SIGUSR1, libc::SIGTERM, libc::SIGUSR2, 33, 64];
    let mask: u64 = blocked.iter().fold(0, |mask, signal| mask | 1 << (signal - 1));
    // SAFETY: the kernel reads the eight bytes of its own mask; the library's call would keep signal 33 back.
    unsafe {
        done(libc::syscall(libc::SYS_rt_sigprocmask, libc::SIG_BLOCK, &mask, 0, 8_usize))?;
        done(libc::kill(libc::getpid(), libc::SIGUSR1))?;
        done(libc::syscall(libc::SYS_tgkill, libc::getpid(), libc::getpid(), libc::SIGTERM))
    }
}

fn mask_modes() -> nix::Result<()> {
    nix::sys::stat::umask(nix::sys::stat::Mode::all());
    Ok(())
}

fn lower_limits() -> nix::Result<()> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let limits = [
        (Resource::RLIMIT_NOFILE, 20),
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_MEMLOCK, 4096),
        (Resource::RLIMIT_FSIZE, 1 << 24),
        (Resource::RLIMIT_STACK, 1 << 21),
        (Resource::RLIMIT_CPU, 600),
    ];
    for (resource, soft) in limits {
        setrlimit(resource, soft, getrlimit(resource)?.1)?;
    }
    Ok(())
}

fn delete_directory(doomed: &CString) -> nix::Result<()> {
    // SAFETY: the name is a C string.
    unsafe {
        done(libc::mkdir(doomed.as_ptr(), 0o777))?;
        done(libc::chdir(doomed.as_ptr()))?;
        done(libc::rmdir(doomed.as_ptr()))
    }
}

fn arm_timers() -> nix::Result<()> {
    for which in [libc::ITIMER_REAL, libc::ITIMER_VIRTUAL, libc::ITIMER_PROF] {
        let timer: [c_long; 4] = [7, 250_000, 5500, 0];
        // SAFETY: the kernel reads interval and value, two longs each.
        done(unsafe { libc::syscall(libc::SYS_setitimer, which, &timer, 0) })?;
    }
    Ok(())
}

fn schedule() -> nix::Result<()> {
    const IDLE_CLASS: c_long = 3 << 13;
    let priority: c_int = 0;
    // SAFETY: the kernel reads its sched_param, which is one number; musl's own call does nothing.
    unsafe {
        done(libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_BATCH, &priority))?;
        done(libc::setpriority(libc::PRIO_PROCESS, 0, 5))?;
        // a container may refuse these
        libc::syscall(libc::SYS_ioprio_set, 1, 0, IDLE_CLASS);
        libc::syscall(libc::SYS_set_mempolicy, 4, 0, 0);
        libc::prctl(libc::PR_SET_TIMERSLACK, 123_456 as c_ulong);
    }
    Ok(())
}

fn switch() -> nix::Result<()> {
    const ON: c_ulong = 1;
    const OFF: c_ulong = 0;
    write_to(c"/proc/self/oom_score_adj", b"500")?;
    write_to(c"/proc/self/coredump_filter", b"0x1")?;
    // SAFETY: numbers only.
    unsafe {
        libc::personality(libc::ADDR_NO_RANDOMIZE as c_ulong);
        libc::prctl(libc::PR_SET_THP_DISABLE, ON, OFF, OFF, OFF);
        done(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGWINCH as c_ulong))?;
        done(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, ON))?;
        done(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, ON, OFF, OFF, OFF))
    }
}

fn write_to(file: &std::ffi::CStr, text: &[u8]) -> nix::Result<()> {
    let file = nix::fcntl::open(file, OFlag::O_WRONLY | OFlag::O_CLOEXEC, nix::sys::stat::Mode::empty())?;
    nix::unistd::write(file, text).map(drop)
}

/// Open files at odd numbers: 9 with an OFD lock, 10 with a record lock, 11 with a flock and an owner for its signals.
fn hold_files(file: &CString) -> nix::Result<()> {
    // SAFETY: the name is a C string, and the lock a plain structure that the kernel reads.
    unsafe {
        let mut lock: libc::flock = std::mem::zeroed();
        lock.l_type = libc::F_WRLCK as _;
        lock.l_whence = libc::SEEK_SET as _;
        for number in [5, 9, 10, 11] {
            let opened = libc::open(file.as_ptr(), libc::O_RDWR | libc::O_APPEND);
            done(opened)?;
            // far enough that no other is overwritten
            done(libc::dup2(opened, number + 50))?;
            done(libc::close(opened))?;
        }
        for number in [5, 9, 10, 11] {
            done(libc::dup2(number + 50, number))?;
            done(libc::close(number + 50))?;
        }
        done(libc::lseek(5, 3, libc::SEEK_SET))?;
        lock.l_len = 1;
        done(libc::fcntl(9, libc::F_OFD_SETLK, &lock))?;
        lock.l_start = 2;
        done(libc::fcntl(10, libc::F_SETLK, &lock))?;
        done(libc::flock(11, libc::LOCK_EX | libc::LOCK_NB))?;
        done(libc::fcntl(11, libc::F_SETOWN, libc::getppid()))?;
        const F_SETSIG: i32 = 10;
        done(libc::fcntl(11, F_SETSIG, libc::SIGURG))
    }
}

/// A plain user who may bind low ports, and passes that on.
fn keep_a_capability() -> nix::Result<()> {
    const NET_BIND_SERVICE: u32 = 10;
    const VERSION_3: u32 = 0x2008_0522;
    const NONE: c_ulong = 0;
    // SAFETY: capset reads the two structures laid out here; all else are numbers.
    unsafe {
        done(libc::prctl(libc::PR_SET_KEEPCAPS, 1 as c_ulong))?;
        done(libc::setgroups(1, &65534))?;
        done(libc::setresgid(65534, 65534, 65534))?;
        done(libc::setresuid(65534, 65534, 65534))?;
        let header: [u32; 2] = [VERSION_3, 0];
        let bit = 1_u32 << NET_BIND_SERVICE;
        let sets: [u32; 6] = [bit, bit, bit, 0, 0, 0];
        done(libc::syscall(libc::SYS_capset, &header, &sets))?;
        let raise = libc::PR_CAP_AMBIENT_RAISE as c_ulong;
        done(libc::prctl(libc::PR_CAP_AMBIENT, raise, NET_BIND_SERVICE as c_ulong, NONE, NONE))
    }
}

/// A change of user ids takes no capabilities away; an exec does.
fn secure_bits() -> nix::Result<()> {
    const NO_SETUID_FIXUP: c_ulong = 1 << 2;
    // SAFETY: a number.
    done(unsafe { libc::prctl(libc::PR_SET_SECUREBITS, NO_SETUID_FIXUP) })
}
