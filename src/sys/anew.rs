//! Going on as a program that has just been exec'ed, without an exec.

use super::closing::close_from;
use super::process;
use super::signal::{Disposition, Set};
use super::words::{Word, Words};
use nix::errno::Errno;
use std::os::fd::RawFd;

/// What neither is nor holds a descriptor, nor leads to one.
pub trait Plain: Copy + only_here::Sealed {}

impl<T: Copy + only_here::Sealed> Plain for T {}

mod only_here {
    use super::*;

    pub trait Sealed {}

    impl Sealed for i32 {}
    impl Sealed for u64 {}
    impl Sealed for &'static [u8] {}
    impl Sealed for Word {}
    impl Sealed for Words {}
    impl Sealed for Set {}
    impl Sealed for Disposition {}
    impl Sealed for Errno {}
    impl<T: Sealed> Sealed for Option<T> {}
    impl<T: Sealed, const N: usize> Sealed for [T; N] {}
    impl<A: Sealed, B: Sealed> Sealed for (A, B) {}
}

/// Closes every descriptor from `first` on but those of `kept`, which is sorted, and goes on with `program`, which is told
/// whether that failed, and gives the code to exit with. As it gets nothing but `data`, and nobody ever comes back to who had
/// opened what is closed, nobody misses it.
pub fn begin<D: Plain>(first: RawFd, kept: &[RawFd], data: D, program: fn(D, nix::Result<()>) -> u8) -> ! {
    // SAFETY: this function does not return, and `program` has no descriptor: neither of its own nor in its data.
    let outcome = unsafe { close_from(first, kept) };
    process::exit(program(data, outcome))
}
