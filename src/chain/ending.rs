//! What is said, and with which code, where a chain ends before its program runs.

use super::reading::Unread;
use crate::applet::{Applet, Dialect, Process};
use crate::documents;
use crate::environ::Environ;
use crate::options::Misuse;
use crate::start_report::Listeners;
use crate::sys::descriptor::STDERR;
use crate::voice::exit::Codes;
use crate::voice::failure::{self, Failure, WrongUsage};
use crate::voice::foreign;
use nix::errno::Errno;
use std::borrow::Cow;
use std::os::fd::AsFd;

/// The applet's codes in this environment.
pub fn codes(applet: &Applet, environ: &Environ) -> Codes {
    match applet.codes.posixly_correct {
        Some(code) if environ.get(b"POSIXLY_CORRECT").is_some() => Codes { usage: code, failure: code, ..applet.codes },
        _ => applet.codes,
    }
}

/// Says what ends the chain, to the user and to who waits for it: a line, and `own` after it, which is ours alone.
fn say(process: &Process, code: u8, line: &[&[u8]], own: &str) -> nix::Result<()> {
    let output = process.diagnostics.as_ref().map_or(STDERR, AsFd::as_fd);
    let outcome = failure::say_last_with(output, line, own.as_bytes());
    process.listeners.failed(code, output, line, own.as_bytes());
    outcome
}

/// Says how the applet is called, and what was wrong if `misuse` tells. Gives the code.
#[cold]
pub fn refuse(applet: &'static Applet, codes: Codes, process: &Process, misuse: Option<&Misuse>) -> u8 {
    let _ = say(process, codes.usage, &[&documents::complaint(applet, misuse)], &documents::usage(applet));
    codes.usage
}

/// Says why words make no sense. Gives the code.
#[cold]
pub fn refuse_reading(applet: &'static Applet, codes: Codes, process: &Process, unread: Unread) -> u8 {
    match unread {
        Unread::Misuse(misuse) => refuse(applet, codes, process, Some(&misuse)),
        Unread::Count => refuse(applet, codes, process, None),
        Unread::Value(error) => explain(applet, codes, process, &error),
    }
}

/// Says why a link failed. Gives the code.
#[cold]
pub fn explain(applet: &'static Applet, codes: Codes, process: &Process, error: &anyhow::Error) -> u8 {
    let failure = error.downcast_ref::<Failure>();
    let (text, code, usage) = match failure.map(|failure| (failure.in_words_of(applet.dialect), failure.code())) {
        None if error.is::<WrongUsage>() => return refuse(applet, codes, process, None),
        Some((text, _)) if error.is::<WrongUsage>() => (text, codes.usage, documents::usage(applet)),
        Some((text, code)) => (text, code.unwrap_or(codes.failure), String::new()),
        None => (format!("{error:#}").into_bytes(), codes.failure, String::new()),
    };
    if text.is_empty() {
        process.listeners.failed(code, STDERR, &[], b"");
    } else {
        let prefix: &[u8] = if applet.dialect == Dialect::Bernstein { b": fatal: " } else { b": " };
        let _ = say(process, code, &[applet.name.as_bytes(), prefix, &text, b"\n"], &usage);
    }
    code
}

/// Says how an applet is called that was called with nothing, not even a name. Gives the code.
#[cold]
pub fn refuse_without_words(applet: &'static Applet, environ: Environ, listeners: Listeners) -> u8 {
    let codes = codes(applet, &environ);
    refuse(applet, codes, &Process::new(environ, listeners), None)
}

/// Says that the next program cannot be run. Gives the code. Allocates nothing in the words of daemontools.
#[cold]
pub fn cannot_run(applet: &Applet, codes: Codes, process: &Process, reason: Errno) -> u8 {
    let (before, after) = match applet.dialect {
        Dialect::Bernstein => (&b": fatal: unable to run "[..], &b": "[..]),
        Dialect::Gnu => (&b": failed to run command "[..], &b": "[..]),
        Dialect::UtilLinux => (&b": failed to execute "[..], &b": "[..]),
        Dialect::Daemonize => (&b": Can't exec \""[..], &b"\": "[..]),
    };
    let word = process.next.word.bytes();
    let word = if applet.dialect == Dialect::Gnu { foreign::quoted(word) } else { Cow::Borrowed(word) };
    let reason_words = failure::describe(reason, applet.dialect);
    let said = [applet.name.as_bytes(), before, &word, after, reason_words.as_bytes(), b"\n"];
    let code = if reason == Errno::ENOENT { codes.not_found } else { codes.not_runnable };
    match say(process, code, &said, "") {
        // GNU's programs fail on their own where standard error takes nothing, unless it is closed
        Err(reason) if reason != Errno::EBADF && applet.dialect == Dialect::Gnu => codes.failure,
        _ => code,
    }
}
