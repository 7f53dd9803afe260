//! catena: small programs that each change one thing about their own process and then exec the program named by the
//! rest of their arguments. Read [`applet`] first, then [`chain`].

#![deny(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

pub mod accounts;
pub mod applet;
pub mod applets;
pub mod attributes;
pub mod call;
pub mod carried;
pub mod chain;
pub mod documents;
pub mod environ;
pub mod files;
pub mod multicall;
pub mod number;
pub mod options;
pub mod pidfile;
pub mod process;
pub mod service;
pub mod start_report;
pub mod sys;
pub mod time;
pub mod voice;

#[cfg(test)]
#[path = "../tests/support/null_device.rs"]
mod null_device;
