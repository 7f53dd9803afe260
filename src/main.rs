//! The entry: C's `main`, because Rust's own start-up opens closed descriptors 0 to 2 and ignores SIGPIPE, and an exec
//! would pass both on.
#![no_main]
#![deny(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]
#![allow(unsafe_code)]

use catena::sys::arena::Arena;
use catena::sys::process;
use catena::sys::words::Words;
use catena::voice::out_of_memory::LastWords;
use std::ffi::{c_char, c_int};

#[global_allocator]
// SAFETY: catena never starts a thread.
static ARENA: Arena<LastWords> = unsafe { Arena::new() };

/// Called by C's start-up code.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
    // SAFETY: no thread is ever started.
    unsafe { process::vouch_for_one_thread() };
    // SAFETY: argv and envp as the C standard and the kernel lay them out; nothing in this process changes them.
    let (argv, envp) = unsafe { (Words::from_raw(argv), Words::from_raw(envp)) };
    // at once: C's exit handlers have nothing to do, and must not do it in memory that is lent (src/sys/split.rs)
    process::exit(catena::multicall::run(argv, envp))
}

/// In the static build glibc's start-up takes its few blocks from the arena too, and leaves out what can only serve
/// dlopen: that spares seven system calls and as many page faults at every start. The linker puts these functions in
/// the place of glibc's (`-Wl,--wrap`, src/build.rs); one that a glibc does not have is simply not called.
#[cfg(arena_serves_libc)]
mod libc_blocks {
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

    /// Glibc's preparations for a dlopen, which a static program like this never does. They ask /proc where the program
    /// lies, and to look into /proc/self costs a new process more than anything else here. They also find the
    /// vDSO: without it clock_gettime(2) is a system call.
    #[unsafe(no_mangle)]
    extern "C" fn __wrap__dl_non_dynamic_init() {}

    /// The block for thread-local variables, which glibc would get by growing the heap.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn __wrap__dl_early_allocate(size: usize) -> *mut c_void {
        // SAFETY: as malloc's; and the arena's memory is zero at first, as this block has to be.
        unsafe { __wrap_malloc(size) }
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
}
