//! What catena does to glibc's start-up, all in one place. A link lives for a third of a millisecond, and most of that is
//! spent before `main`; so a static glibc build, which has nobody else's code in it, goes three ways of its own:
//!
//! 1. The few blocks that glibc needs before `main` come from the arena (src/sys/arena.rs) and not from a heap that would
//!    have to be made first.
//! 2. What can only serve dlopen is left out: a static program like this never calls it.
//! 3. What every start touches lies side by side, src/sys/start_up.ld says how. That goes for musl as well.
//!
//! Together they spare a link seven system calls, and of 32 page faults above its program's own all but 13 to 17
//! (tests/start_up.rs holds it to that).
//!
//! The linker puts each function `__wrap_NAME` in the place of glibc's `NAME`, whose own is then `__real_NAME`
//! (`--wrap`): src/build.rs reads the names here, so that a new one is a function and nothing more. One that a glibc does
//! not have is simply not called.
//!
//! `cargo build --no-default-features` builds without all of it (the feature is `fast-start`): for a glibc that starts
//! in another way, for a linker that knows no scripts, or to see whether this is what is at fault.

use super::ARENA;
use std::ffi::c_void;

unsafe extern "C" {
    fn __real_malloc(size: usize) -> *mut c_void;
    fn __real_calloc(count: usize, size: usize) -> *mut c_void;
    fn __real_realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn __real_free(block: *mut c_void);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_malloc(size: usize) -> *mut c_void {
    match ARENA.malloc(size) {
        Some(block) => block.cast(),
        // SAFETY: the caller's request, passed on.
        None => unsafe { __real_malloc(size) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_calloc(count: usize, size: usize) -> *mut c_void {
    match count.checked_mul(size).and_then(|size| ARENA.malloc(size).map(|block| (block, size))) {
        // SAFETY: a fresh block of that many bytes; not zero if an earlier one was given back there.
        Some((block, size)) => unsafe {
            block.write_bytes(0, size);
            block.cast()
        },
        // SAFETY: the caller's request, passed on.
        None => unsafe { __real_calloc(count, size) },
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: `reach` bytes from the block on are the arena's and so readable, the block's own among them.
    unsafe {
        let Some(reach) = ARENA.reach(block.cast()) else { return __real_realloc(block, size) };
        let new = __wrap_malloc(size);
        if !new.is_null() {
            block.cast::<u8>().copy_to(new.cast(), reach.min(size));
        }
        new
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap_free(block: *mut c_void) {
    if ARENA.reach(block.cast()).is_none() {
        // SAFETY: not the arena's, so malloc's, or null.
        unsafe { __real_free(block) }
    }
}

/// The block for thread-local variables, which glibc would get by growing the heap.
#[unsafe(no_mangle)]
unsafe extern "C" fn __wrap__dl_early_allocate(size: usize) -> *mut c_void {
    // SAFETY: as malloc's; and the arena's memory is zero at first, as this block has to be.
    unsafe { __wrap_malloc(size) }
}

/// Glibc's preparations for a dlopen. They ask /proc where the program lies, and to look into /proc/self costs a new
/// process more than anything else here. They also find the vDSO, without which clock_gettime(2) is a system call, and
/// apply RELRO (README, "Hardening").
#[unsafe(no_mangle)]
extern "C" fn __wrap__dl_non_dynamic_init() {}
