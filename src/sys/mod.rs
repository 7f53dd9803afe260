//! The only unsafe code besides the entry: system calls that nix and rlimit lack, or that they make in a way which
//! touches more than asked. A wrapper takes and gives safe types, holds one call, and decides nothing.
#![allow(unsafe_code)]

pub mod anew;
pub mod arena;
pub mod argv;
pub mod closing;
pub mod descriptor;
pub mod directory;
pub mod exec;
pub mod file;
pub mod fnmatch;
pub mod ids;
pub mod lock;
pub mod message;
pub mod process;
pub mod sigio;
pub mod signal;
pub mod split;
pub mod terminal;
pub mod time;
pub mod words;
