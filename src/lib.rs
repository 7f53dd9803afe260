//! catena: small programs that each change one thing about their own process and then exec the program named by the
//! rest of their arguments. Read [`applet`] first, then [`chain`].

#![deny(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)]

pub mod accounts;
pub mod applet;
pub mod applets;
pub mod calendar;
pub mod call;
pub mod chain;
pub mod documents;
pub mod environ;
pub mod exit;
pub mod failure;
pub mod family;
pub mod foreign;
pub mod label;
pub mod local_time;
pub mod multicall;
pub mod number;
pub mod options;
pub mod patience;
pub mod pidfile;
pub mod pipe;
pub mod service;
pub mod signals;
pub mod status;
pub mod stream;
pub mod sys;
pub mod zone;
