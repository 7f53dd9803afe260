//! Making and ending processes.

use crate::number::{decimal, decimal_in};
use crate::voice::exit::CATENA;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::time::ClockId;
use nix::unistd::{ForkResult, Pid};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};

/// Ends the process at once.
pub fn exit(code: u8) -> ! {
    // SAFETY: nothing of ours waits for an exit handler, and in a forked copy none may run.
    unsafe { libc::_exit(code.into()) }
}

/// Forks.
pub fn fork() -> nix::Result<ForkResult> {
    // SAFETY: catena never starts a thread, so the child may do whatever the parent may.
    unsafe { nix::unistd::fork() }
}

/// Forks a child whose end sends no signal: the parent's SIGCHLD disposition, mask and pending signals stay as they
/// are, and an ignored SIGCHLD does not reap it. Wait for it with [`wait_for`]. All that holds until the child execs: from
/// then on it sends SIGCHLD like any other, and is reaped where that is ignored (begin_new_exec in the kernel's fs/exec.c).
pub fn fork_quietly() -> nix::Result<ForkResult> {
    // SAFETY: clone without flags is fork with exit signal 0; the process has one thread. libc is not told, so the
    // child calls nothing that depends on its process number.
    let pid = unsafe { libc::syscall(libc::SYS_clone, 0, 0, 0, 0, 0) };
    match Errno::result(pid)? {
        0 => Ok(ForkResult::Child),
        pid => Ok(ForkResult::Parent { child: Pid::from_raw(i32::try_from(pid).map_err(|_| Errno::EOVERFLOW)?) }),
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this code.
    Exited(u8),
    /// By this signal; nix has no names for the real-time ones.
    Killed(u8),
}

/// Waits for a child, also for one of [`fork_quietly`].
pub fn wait_for(child: Pid) -> nix::Result<End> {
    let mut status = 0;
    super::descriptor::uninterrupted(|| {
        // SAFETY: `status` has room for the answer.
        Errno::result(unsafe { libc::waitpid(child.as_raw(), &raw mut status, libc::__WALL) })
    })?;
    Ok(end_of(status))
}

fn end_of(status: i32) -> End {
    match libc::WIFEXITED(status) {
        true => End::Exited(libc::WEXITSTATUS(status) as u8),
        false => End::Killed(libc::WTERMSIG(status) as u8),
    }
}

/// A child, or any child, that has ended, and how.
///
/// # Errors
/// EAGAIN if none has; ECHILD if there is none.
pub fn next_ended(child: Option<Pid>) -> nix::Result<(Pid, End)> {
    let mut status = 0;
    let which = child.map_or(-1, Pid::as_raw);
    // SAFETY: `status` has room for the answer.
    let pid = Errno::result(unsafe { libc::waitpid(which, &raw mut status, libc::__WALL | libc::WNOHANG) })?;
    if pid == 0 { Err(Errno::EAGAIN) } else { Ok((Pid::from_raw(pid), end_of(status))) }
}

/// A child that has ended and is left to be waited for. While it is, nobody else gets its number.
///
/// # Errors
/// EAGAIN if none has; ECHILD if there is none.
pub fn peek_ended() -> nix::Result<Pid> {
    let how = libc::WNOHANG | libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    let mut seen = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `seen` has room for the answer, and is valid when zero, which it stays if no child has ended.
    let pid = unsafe {
        Errno::result(libc::waitid(libc::P_ALL, 0, seen.as_mut_ptr(), how))?;
        seen.assume_init().si_pid()
    };
    if pid == 0 { Err(Errno::EAGAIN) } else { Ok(Pid::from_raw(pid)) }
}

/// Whether the process has children, whatever made them.
pub fn has_children() -> bool {
    let how = libc::WNOHANG | libc::WEXITED | libc::WSTOPPED | libc::WNOWAIT | libc::__WALL;
    let mut seen = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `seen` has room for the answer, which is left where it is.
    Errno::result(unsafe { libc::waitid(libc::P_ALL, 0, seen.as_mut_ptr(), how) }) != Err(Errno::ECHILD)
}

/// The fields of /proc/PID/stat from the state on. They follow the last parenthesis: the name may have some of its own.
fn status_of(pid: Pid) -> std::io::Result<Vec<u8>> {
    let mut line = std::fs::read(format!("/proc/{pid}/stat"))?;
    let end = line.iter().rposition(|&byte| byte == b')').map_or(line.len(), |end| (end + 2).min(line.len()));
    line.drain(..end);
    Ok(line)
}

/// When the kernel started a process, in hundredths of a second since boot: with the number it names one process only.
/// `None` if it is gone, if all of it is a zombie, or if /proc does not tell.
pub fn start_of(pid: Pid) -> Option<u64> {
    start_in(&status_of(pid).ok()?)
}

fn start_in(status: &[u8]) -> Option<u64> {
    /// Field 22 of /proc/PID/stat (proc(5)), counted from the state, which is the third.
    const START: usize = 22 - 3;
    /// Field 20: a first thread that has ended is a zombie as long as others go on.
    const THREADS: usize = 20 - 3;
    let fields = status.split(|&byte| byte == b' ');
    let field = |number: usize| fields.clone().nth(number);
    let has_ended = matches!(field(0)?, b"Z" | b"X") && decimal(field(THREADS)?)? <= 1;
    if has_ended { None } else { decimal(field(START)?) }
}

/// Whether a process that was started then is certain to be over. `watched` is a descriptor of it, where there is one.
pub fn is_gone(pid: Pid, start: u64, watched: Option<BorrowedFd<'_>>) -> bool {
    if let Some(watched) = watched {
        return has_ended(watched);
    }
    match status_of(pid) {
        Ok(status) => start_in(&status) != Some(start),
        Err(reason) => matches!(reason.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)) && is_proc_ours(),
    }
}

/// Whether the process of a descriptor of [`watch`] has ended.
fn has_ended(watched: BorrowedFd<'_>) -> bool {
    let mut ended = [PollFd::new(watched, PollFlags::POLLIN)];
    poll(&mut ended, PollTimeout::ZERO).is_ok_and(|count| count > 0)
}

/// Which start of the machine this is: no two have the same. 0 where /proc does not tell. Asked for once.
pub fn boot() -> u64 {
    static BOOT: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits = text.iter().filter_map(|&digit| char::from(digit).to_digit(16));
        digits.take(16).fold(0, |number, digit| number << 4 | u64::from(digit))
    })
}

/// What [`start_of`] gives for this process, which was started at `before` by [`start_now`] or a little later: that if there
/// was no time for more than the next hundredth of a second, as is mostly so, since to look into /proc costs a new process
/// more than all else it does.
pub fn own_start(before: u64) -> u64 {
    if start_now() <= before + 1 { before } else { start_of(nix::unistd::getpid()).unwrap_or(before) }
}

/// What [`start_of`] gives for a process that is started now, but for a hundredth of a second more or less.
pub fn start_now() -> u64 {
    /// USER_HZ, in which all of them counts, is 100 wherever Rust runs.
    const HUNDREDTH: u64 = 10_000_000;
    since_boot(ClockId::CLOCK_BOOTTIME) / HUNDREDTH
}

/// Nanoseconds by a clock that nobody sets (CLOCK_MONOTONIC).
pub fn monotonic() -> u64 {
    since_boot(ClockId::CLOCK_MONOTONIC)
}

fn since_boot(clock: ClockId) -> u64 {
    // it fails only for a clock that does not exist
    nix::time::clock_gettime(clock).map_or(0, |now| now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// The parent of a process. `None` if it is gone, or if /proc does not tell.
pub fn parent_of(pid: Pid) -> Option<Pid> {
    /// Field 4 of /proc/PID/stat, counted from the state.
    const PARENT: usize = 4 - 3;
    field_of(&status_of(pid).ok()?, PARENT)
}

/// A field that is the number of a process.
fn field_of(status: &[u8], field: usize) -> Option<Pid> {
    let field = status.split(|&byte| byte == b' ').nth(field)?;
    decimal_in(field).map(Pid::from_raw)
}

/// The real, effective, saved and file system user of a process. `None` if /proc does not tell.
pub fn users_of(pid: Pid) -> Option<Vec<u32>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_ascii_whitespace().map(|id| decimal_in(id.as_bytes())).collect()
}

/// Whether the process exists and is no zombie.
pub fn is_running(pid: Pid) -> bool {
    match look_at_child(pid) {
        Some(has_ended) => !has_ended,
        None if is_proc_ours() => status_of(pid).is_ok_and(|status| !matches!(status.first(), Some(b'Z' | b'X'))),
        // then a zombie cannot be told from the living
        None => nix::sys::signal::kill(pid, None) != Err(Errno::ESRCH),
    }
}

/// How far a process is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It sleeps, and nobody has killed it.
    Goes,
    /// It works, or goes on to its end: where it has taken note of a KILL and done nothing about it yet, nothing tells.
    Moves,
    /// It has been killed, or has begun to end, and may still have what it will give up by that. Or it is gone.
    Ends,
}

/// Looks how far a process is from its end, as far as /proc tells.
pub fn life_of(pid: Pid) -> Life {
    /// Field 9 of /proc/PID/stat, counted from the state: the kernel's flags.
    const FLAGS: usize = 9 - 3;
    /// `PF_EXITING` and `PF_SIGNALED`.
    const ENDS: u64 = 0x4 | 0x400;
    // in this order: a KILL is either pending, or its process moves, or has set a flag
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let pending = text.lines().find_map(|line| line.strip_prefix("SigPnd:"));
    let pending = pending.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    let Ok(status) = status_of(pid) else { return Life::Ends };
    let mut fields = status.split(|&byte| byte == b' ');
    let state = fields.next().unwrap_or_default();
    let flags = fields.nth(FLAGS - 1).and_then(decimal).unwrap_or(0);
    match state {
        b"Z" | b"X" => Life::Ends,
        _ if pending >> (libc::SIGKILL - 1) & 1 == 1 || flags & ENDS != 0 => Life::Ends,
        b"R" | b"D" => Life::Moves,
        _ => Life::Goes,
    }
}

/// Whether the process is a child of this one.
pub fn is_child(pid: Pid) -> bool {
    look_at_child(pid).is_some()
}

/// Whether a child has ended, which it is left to be; `None` if it is no child.
fn look_at_child(pid: Pid) -> Option<bool> {
    let how = libc::WNOHANG | libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    let which = libc::id_t::try_from(pid.as_raw()).ok()?;
    let mut seen = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `seen` has room for the answer, and is valid when zero, which it stays while the child runs.
    unsafe {
        Errno::result(libc::waitid(libc::P_PID, which, seen.as_mut_ptr(), how)).ok()?;
        Some(seen.assume_init().si_pid() != 0)
    }
}

/// The command name of a process as the kernel has it, fit to be printed.
pub fn command(pid: Pid) -> Option<String> {
    let name = std::fs::read(format!("/proc/{pid}/comm")).ok()?;
    let name = name.strip_suffix(b"\n").unwrap_or(&name);
    Some(String::from_utf8_lossy(name).chars().map(|sign| if sign.is_control() { '?' } else { sign }).collect())
}

/// Whether /proc speaks of processes by the numbers that they have here. In a new pid namespace it may be another's.
pub fn is_proc_ours() -> bool {
    let own = std::fs::read_link("/proc/self");
    own.is_ok_and(|own| own.to_str() == Some(&nix::unistd::getpid().to_string()))
}

/// The children of a process, as far as /proc tells.
pub fn children_of(parent: Pid) -> Vec<Pid> {
    every(|pid| parent_of(pid) == Some(parent))
}

/// The processes of the session that this one has begun, as far as /proc tells, without those that have ended.
pub fn of_session(leader: Pid) -> Vec<Pid> {
    // a call is cheaper by far than a look at a file
    every(|pid| nix::unistd::getsid(Some(pid)) == Ok(leader) && is_running(pid))
}

/// The processes that are so, as far as /proc tells.
fn every(is_so: impl Fn(Pid) -> bool) -> Vec<Pid> {
    if !is_proc_ours() {
        return Vec::new();
    }
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| decimal_in(entry.ok()?.file_name().as_encoded_bytes()));
    pids.map(Pid::from_raw).filter(|&pid| is_so(pid)).collect()
}

/// Sends a signal; nix has no names for the real-time ones.
pub fn send(pid: Pid, signal: i32) -> nix::Result<()> {
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal) }).map(drop)
}

/// A descriptor that polls readable once the process has ended. Close-on-exec.
///
/// # Errors
/// ENOSYS before Linux 5.3.
pub fn watch(pid: Pid) -> nix::Result<OwnedFd> {
    // SAFETY: numbers; what comes back is a new descriptor.
    unsafe {
        let number = Errno::result(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0))?;
        Ok(OwnedFd::from_raw_fd(number as RawFd))
    }
}

/// Sends a signal to the process of this number, by a descriptor of [`watch`] if there is one: then it reaches nobody else,
/// whoever has the number by now. Where that is denied, or not known, it goes to the number, unless the process has ended.
///
/// # Errors
/// As kill(2).
pub fn send_to(pid: Pid, watched: Option<BorrowedFd<'_>>, signal: i32) -> nix::Result<()> {
    let Some(watched) = watched else { return send(pid, signal) };
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: an open descriptor and numbers.
    let outcome = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, watched.as_raw_fd(), signal, none, 0) };
    match Errno::result(outcome) {
        Ok(_) => Ok(()),
        Err(Errno::ESRCH) => Err(Errno::ESRCH),
        Err(_) => {
            if has_ended(watched) {
                Err(Errno::ESRCH)
            } else {
                send(pid, signal)
            }
        }
    }
}

/// Makes this process the parent of descendants whose own has ended. Not inherited by children.
pub fn adopt_orphans() -> nix::Result<()> {
    let on: libc::c_ulong = 1;
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, on) }).map(drop)
}

/// Has this process killed when its parent ends; up to a change of account or an exec that gives privileges.
pub fn end_with_parent() -> nix::Result<()> {
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) }).map(drop)
}

/// Whether the process's own account may inspect it (PR_GET_DUMPABLE): not after a change of ids, up to the next exec.
pub fn is_inspectable() -> bool {
    // SAFETY: no memory is handed over.
    unsafe { libc::prctl(libc::PR_GET_DUMPABLE) == 1 }
}

/// Names the process, for ps and /proc/PID/comm, until the next exec does. At most 15 bytes count.
pub fn set_name(name: &str) {
    let mut text = [0_u8; 16];
    let length = name.len().min(15);
    text[..length].copy_from_slice(&name.as_bytes()[..length]);
    // SAFETY: PR_SET_NAME reads at most 16 bytes of a C string.
    unsafe { libc::prctl(libc::PR_SET_NAME, text.as_ptr()) };
}

/// Makes the terminal on descriptor `number` the session's, taking it from another session where that is allowed.
pub fn take_terminal(number: RawFd) -> nix::Result<()> {
    // SAFETY: TIOCSCTTY takes an integer.
    Errno::result(unsafe { libc::ioctl(number, libc::TIOCSCTTY, 1) }).map(drop)
}

/// What to say, and to exit with, when memory runs out.
// zero at first: a constant to start with would cost a page of the file
static CATENA_LAST_WORDS: LastWords = LastWords { name: AtomicPtr::new(std::ptr::null_mut()), code: AtomicU8::new(0) };

struct LastWords {
    name: AtomicPtr<&'static str>,
    code: AtomicU8,
}

/// Leaves word for [`out_of_memory`]: which applet is at work, and its code for a failure.
pub fn set_last_words(name: &'static &'static str, code: u8) {
    CATENA_LAST_WORDS.name.store(std::ptr::from_ref(name).cast_mut(), Ordering::Relaxed);
    CATENA_LAST_WORDS.code.store(code, Ordering::Relaxed);
}

/// Ends the process as the applet at work would end it, in one line, without allocating.
#[cold]
pub fn out_of_memory() -> ! {
    let name = CATENA_LAST_WORDS.name.load(Ordering::Relaxed);
    // SAFETY: null, or a reference that lives for ever.
    let name = unsafe { name.as_ref() };
    let code = name.map_or(CATENA.failure, |_| CATENA_LAST_WORDS.code.load(Ordering::Relaxed));
    let name = name.map_or("catena", |name| *name).as_bytes();
    let _ = crate::voice::failure::say_last(super::descriptor::STDERR, &[name, b": fatal: out of memory\n"]);
    exit(code)
}
