//! A fork whose parent does not come back: the child goes on where the process was, the parent begins anew with a function
//! of its own. So the two may share their memory until the child execs (vfork(2)), which spares the copies that make up
//! half of what a fork costs.

use super::process;
use nix::errno::Errno;
use nix::unistd::{ForkResult, Pid};

/// What the parent does.
struct Task<F> {
    parent: F,
}

/// Splits by a plain fork: each has its own memory. Returns in the child.
///
/// # Errors
/// As fork(2).
pub fn copying<F: FnOnce(Pid) + 'static>(parent: F) -> nix::Result<()> {
    match process::fork()? {
        ForkResult::Parent { child } => {
            parent(child);
            process::exit(0)
        }
        // it is the parent's alone here as well
        ForkResult::Child => std::mem::forget(parent),
    }
    Ok(())
}

/// Splits without a copy. The parent stands still until the child has exec'ed or is gone, and finds the memory as the
/// child has left it: what `parent` needs must be its own, and nothing that the child touches. Returns in the child.
///
/// # Errors
/// As clone(2).
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub fn sharing<F: FnOnce(Pid) + 'static>(parent: F) -> nix::Result<()> {
    let task = Box::into_raw(Box::new(Task { parent }));
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
            begin = sym begin::<F>,
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
            begin = sym begin::<F>,
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
    Ok(())
}

/// Where there is no code for that, a plain fork does.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub fn sharing<F: FnOnce(Pid) + 'static>(parent: F) -> nix::Result<()> {
    copying(parent)
}

/// Where the parent begins anew.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
unsafe extern "C" fn begin<F: FnOnce(Pid)>(task: *mut Task<F>, child: isize) -> ! {
    // SAFETY: made by `sharing` for this one call.
    let task = unsafe { Box::from_raw(task) };
    (task.parent)(Pid::from_raw(child as i32));
    process::exit(0)
}
