//! Forks whose two sides share their memory until the child execs (vfork(2)), which spares the copies that make up half
//! of what a fork costs: one whose parent does not come back, while the child goes on where the process was; and one whose
//! child runs a function and then a program.

use super::process;
use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// Who goes on, and who is left behind, have the same descriptors at first. These are only for one of them.
pub struct Shares<'a, P> {
    /// Those that belong to what the parent gets.
    pub of_parent: for<'p> fn(&'p P) -> Vec<BorrowedFd<'p>>,
    /// Those that stay with the child.
    pub of_child: &'a [BorrowedFd<'a>],
}

impl<P> Shares<'_, P> {
    fn numbers(&self, parent: &P) -> (Vec<RawFd>, Vec<RawFd>) {
        let numbers = |all: &[BorrowedFd<'_>]| all.iter().map(AsRawFd::as_raw_fd).collect();
        (numbers(&(self.of_parent)(parent)), numbers(self.of_child))
    }
}

/// Closes what the other side has.
///
/// # Safety
/// Who owns it here is never used again, nor dropped.
unsafe fn close_all(numbers: Vec<RawFd>) {
    for number in numbers {
        // SAFETY: the caller's promise.
        unsafe { libc::close(number) };
    }
}

/// What the parent goes on with.
struct Task<P> {
    parent: P,
    of_child: Vec<RawFd>,
    run: fn(P, Pid) -> u8,
}

impl<P> Task<P> {
    /// # Safety
    /// In the parent, which comes back to nothing else.
    unsafe fn go_on(self, child: Pid) -> ! {
        // SAFETY: what is closed is owned by what the child has, and nobody here comes back to that.
        unsafe { close_all(self.of_child) };
        process::exit((self.run)(self.parent, child))
    }
}

/// Splits by a plain fork: each has its own memory. The parent goes on with `run` alone, which gives its exit code. Returns in
/// the child.
///
/// # Errors
/// As fork(2).
pub fn copying<P: 'static>(parent: P, shares: &Shares<'_, P>, run: fn(P, Pid) -> u8) -> nix::Result<()> {
    let (of_parent, of_child) = shares.numbers(&parent);
    match process::fork()? {
        // SAFETY: nothing is behind it.
        ForkResult::Parent { child } => unsafe { Task { parent, of_child, run }.go_on(child) },
        ForkResult::Child => {
            // it is the parent's alone here as well
            std::mem::forget(parent);
            // SAFETY: it was what owned them.
            unsafe { close_all(of_parent) };
        }
    }
    Ok(())
}

/// Splits without a copy. The parent stands still until the child has exec'ed or is gone, and finds the memory as the
/// child has left it: so what it gets must be what could be given to another thread, and `run` is a function that knows
/// nothing of the frames behind it. Returns in the child.
///
/// # Errors
/// As clone(2).
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn sharing<P: Send + 'static>(parent: P, shares: &Shares<'_, P>, run: fn(P, Pid) -> u8) -> nix::Result<()> {
    let (of_parent, of_child) = shares.numbers(&parent);
    let task = Box::into_raw(Box::new(Task { parent, of_child, run }));
    let flags = (libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD) as usize;
    let outcome: isize;
    // SAFETY: With a null stack the child goes on with the one that is there, as if the call had been any other, and may
    // return from here. The kernel lets the parent go on only when the child has given the memory up. It finds the stack
    // pointer where it was, uses none of the frames above, which the child may have left in any state, and never returns
    // to them; what the child had below is nobody's any more.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jle 2f",
            "and rsp, -16",
            "mov rdi, r13",
            "mov rsi, rax",
            "xor ebp, ebp",
            // no way back, also for who walks the stack
            "push 0",
            "jmp {begin}",
            "2:",
            begin = sym begin::<P>,
            in("r13") task,
            inlateout("rax") libc::SYS_clone as isize => outcome,
            in("rdi") flags,
            in("rsi") 0,
            in("rdx") 0,
            in("r10") 0,
            in("r8") 0,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cmp x0, #0",
            "b.le 2f",
            "mov x1, x0",
            "mov x0, x21",
            // no way back, also for who walks the stack
            "mov x29, #0",
            "mov x30, #0",
            "b {begin}",
            "2:",
            begin = sym begin::<P>,
            in("x21") task,
            in("x8") libc::SYS_clone,
            inlateout("x0") flags as isize => outcome,
            in("x1") 0,
            in("x2") 0,
            in("x3") 0,
            in("x4") 0,
            lateout("x30") _,
        );
    }
    if outcome < 0 {
        // SAFETY: there is no parent that would take it.
        drop(unsafe { Box::from_raw(task) });
        return Err(Errno::from_raw((-outcome) as i32));
    }
    // SAFETY: what owns them is the parent's, which has its own.
    unsafe { close_all(of_parent) };
    Ok(())
}

/// Where there is no code for that, a plain fork does.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn sharing<P: Send + 'static>(parent: P, shares: &Shares<'_, P>, run: fn(P, Pid) -> u8) -> nix::Result<()> {
    copying(parent, shares, run)
}

/// Where the parent begins anew.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
unsafe extern "C" fn begin<P>(task: *mut Task<P>, child: isize) -> ! {
    // SAFETY: made by `sharing` for this one call, in the parent; the frames behind it are nobody's.
    unsafe { Box::from_raw(task).go_on(Pid::from_raw(child as i32)) }
}

/// A child that runs a function and then a program.
pub struct Started {
    /// Its number.
    pub pid: Pid,
    /// Readable when it has ended, close-on-exec; `None` where it was not asked for, or the kernel has none such (before 5.2).
    pub watched: Option<OwnedFd>,
}

/// Starts a child, with a descriptor of it if it is to be watched, that shares this process's memory while `child` runs, which execs, or gives the code to exit with. The
/// parent stands still until then, and finds in its memory what `child` has left there; descriptors, directory, signals and
/// session are the child's own.
///
/// # Errors
/// As clone(2).
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn start<F: FnMut() -> u8>(is_watched: bool, mut child: F) -> nix::Result<Started> {
    let watching = if is_watched { libc::CLONE_PIDFD } else { 0 };
    let flags = (libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | watching) as usize;
    let mut watched: RawFd = -1;
    let place = &raw mut watched;
    let child = &raw mut child;
    let outcome: isize;
    // SAFETY: With a null stack the child goes on with the one that is there. It calls `run`, which does not come back, so
    // all that it puts on the stack lies below what the parent uses, and the parent goes on only when the child has given the
    // memory up. What `child` may change is known to have changed: nothing is said to be left alone by this.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "and rsp, -16",
            "mov rdi, r13",
            "xor ebp, ebp",
            "call {run}",
            "ud2",
            "2:",
            run = sym run::<F>,
            in("r13") child,
            inlateout("rax") libc::SYS_clone as isize => outcome,
            in("rdi") flags,
            in("rsi") 0,
            in("rdx") place,
            in("r10") 0,
            in("r8") 0,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        std::arch::asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x0, x21",
            "mov x29, #0",
            "bl {run}",
            "brk #1",
            "2:",
            run = sym run::<F>,
            in("x21") child,
            in("x8") libc::SYS_clone,
            inlateout("x0") flags as isize => outcome,
            in("x1") 0,
            in("x2") place,
            in("x3") 0,
            in("x4") 0,
            lateout("x30") _,
        );
    }
    if outcome < 0 {
        return Err(Errno::from_raw((-outcome) as i32));
    }
    // SAFETY: the kernel has put a new descriptor there, or nothing.
    let watched = (watched >= 0).then(|| unsafe { OwnedFd::from_raw_fd(watched) });
    Ok(Started { pid: Pid::from_raw(outcome as i32), watched })
}

/// What the child does.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
unsafe extern "C" fn run<F: FnMut() -> u8>(child: *mut F) -> ! {
    // SAFETY: the parent's, which stands still and does not touch it.
    let code = unsafe { (*child)() };
    process::exit(code)
}

/// Where there is no code for that, a plain fork does, and what the child leaves in memory is not seen here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn start<F: FnMut() -> u8>(is_watched: bool, mut child: F) -> nix::Result<Started> {
    match process::fork()? {
        ForkResult::Parent { child } => {
            Ok(Started { pid: child, watched: if is_watched { process::watch(child).ok() } else { None } })
        }
        ForkResult::Child => process::exit(child()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_leaves_word_in_memory_and_ends() {
        let mut word = 0;
        let started = start(true, || {
            word = std::process::id();
            7
        });
        let pid = started.unwrap().pid;
        assert_eq!(process::wait_for(pid), Ok(process::End::Exited(7)));
        assert_eq!(Pid::from_raw(word as i32), pid);
    }
}
