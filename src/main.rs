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

#[cfg(wraps_glibc)]
#[path = "sys/start_up.rs"]
mod start_up;

#[global_allocator]
// SAFETY: catena never starts a thread.
static ARENA: Arena<LastWords> = unsafe { Arena::new() };

/// Called by C's start-up code.
#[unsafe(no_mangle)]
extern "C" fn main(_argc: c_int, argv: *const *const c_char, envp: *const *const c_char) -> c_int {
    // SAFETY: no thread is ever started.
    unsafe { process::vouch_for_one_thread() };
    // SAFETY: argv and envp as the C standard and the kernel lay them out; what changes them in this process is src/sys/argv.rs alone.
    let (argv, envp) = unsafe { (Words::from_raw(argv), Words::from_raw(envp)) };
    // at once: C's exit handlers have nothing to do, and must not do it in memory that is lent (src/sys/split.rs)
    process::exit(catena::multicall::run(argv, envp))
}
