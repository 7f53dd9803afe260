//! Making and ending processes.

use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

/// Ends the process at once.
pub fn exit(code: u8) -> ! {
    // SAFETY: nothing of ours waits for an exit handler, and in a forked copy none may run.
    unsafe { libc::_exit(code.into()) }
}

/// Lets this process fork.
///
/// # Safety
/// It has one thread, and never starts another: the child of a fork has only the one that has called, and whatever another
/// held at that moment, such as the lock of malloc, stays held.
pub unsafe fn vouch_for_one_thread() {
    LAST_WORDS.has_one_thread.store(true, Ordering::Relaxed);
}

/// Forks.
///
/// # Errors
/// EDEADLK unless somebody has vouched for one thread; as fork(2).
pub fn fork() -> nix::Result<ForkResult> {
    if !LAST_WORDS.has_one_thread.load(Ordering::Relaxed) {
        return Err(Errno::EDEADLK);
    }
    // SAFETY: there is one thread, so the child may do whatever the parent may.
    unsafe { nix::unistd::fork() }
}

/// Forks a child whose end sends no signal: the parent's SIGCHLD disposition, mask and pending signals stay as they
/// are, and an ignored SIGCHLD does not reap it. Wait for it with [`wait_for`]. All that holds until the child execs: from
/// then on it sends SIGCHLD like any other, and is reaped where that is ignored (begin_new_exec in the kernel's fs/exec.c).
///
/// # Errors
/// As for [`fork`].
pub fn fork_quietly() -> nix::Result<ForkResult> {
    if !LAST_WORDS.has_one_thread.load(Ordering::Relaxed) {
        return Err(Errno::EDEADLK);
    }
    // SAFETY: clone without flags is fork with exit signal 0; there is one thread. libc is not told, so the
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

/// Whether a child has ended, which it is left to be; `None` if it is no child.
pub fn look_at_child(pid: Pid) -> Option<bool> {
    let how = libc::WNOHANG | libc::WEXITED | libc::WNOWAIT | libc::__WALL;
    let which = libc::id_t::try_from(pid.as_raw()).ok()?;
    let mut seen = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: `seen` has room for the answer, and is valid when zero, which it stays while the child runs.
    unsafe {
        Errno::result(libc::waitid(libc::P_PID, which, seen.as_mut_ptr(), how)).ok()?;
        Some(seen.assume_init().si_pid() != 0)
    }
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

/// Sends a signal to the process of a descriptor of [`watch`], and so to nobody else.
///
/// # Errors
/// As pidfd_send_signal(2).
pub fn send_by(watched: BorrowedFd<'_>, signal: i32) -> nix::Result<()> {
    let none = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: an open descriptor and numbers.
    let outcome = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, watched.as_raw_fd(), signal, none, 0) };
    Errno::result(outcome).map(drop)
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
static LAST_WORDS: DyingWords = DyingWords {
    name: AtomicPtr::new(std::ptr::null_mut()),
    code: AtomicU8::new(0),
    has_one_thread: AtomicBool::new(false),
};

struct DyingWords {
    name: AtomicPtr<&'static str>,
    code: AtomicU8,
    /// Whether somebody has vouched for that: here, because a page of its own would cost every start a fault.
    has_one_thread: AtomicBool,
}

/// Leaves word for when memory runs out: which applet is at work, and its code for a failure.
pub fn set_last_words(name: &'static &'static str, code: u8) {
    LAST_WORDS.name.store(std::ptr::from_ref(name).cast_mut(), Ordering::Relaxed);
    LAST_WORDS.code.store(code, Ordering::Relaxed);
}

/// What [`set_last_words`] has left.
pub fn last_words() -> Option<(&'static str, u8)> {
    let name = LAST_WORDS.name.load(Ordering::Relaxed);
    // SAFETY: null, or a reference that lives for ever.
    let name = unsafe { name.as_ref() };
    name.map(|name| (*name, LAST_WORDS.code.load(Ordering::Relaxed)))
}
