//! The chain: parse a link, apply it, find the next program, and either run it in this process (fusion) or exec it.
//! The only code that knows about either.
//!
//! An exec of an ordinary file by a process that itself came from one changes almost nothing, so where the next program
//! is this very file, its link is applied at once. Links are parsed and applied one by one, and the next is looked up
//! only after the change, exactly as exec would do it: with the PATH the link was *started* with, and the directory,
//! root and ids it has *now*. What exec does besides, and what stands for it here:
//!
//! | exec | here |
//! |---|---|
//! | closes close-on-exec descriptors | a link closes its own before `apply` returns; those that outlive it (`diagnostics`, what `undo` holds, a pipe to who waits for the next program) are dropped at the boundary |
//! | ends a status pipe | one for the whole chain stays; a real exec of this very program hands it on (src/start_report) |
//! | resets handlers, timers, alternate stack | no link leaves any |
//! | recomputes capabilities | real exec after a change of ids unless no capability is left |
//! | refuses an account with too many processes | asked after a change of ids |
//! | checks permission to execute | permission bits; after a change of ids also that neither capabilities nor an access list speak differently. In doubt: exec |
//! | refuses arguments and environment that are too large | real exec after an edit that leaves more than always fits |
//! | starts small under memory limits | real exec after a limit on memory was lowered, and once the process has outgrown its arena |
//! | lets the loader read `LD_*` and the like | nothing in a static build; in a dynamic one a real exec after such a change |
//! | sets command name and arguments | a tool does so at its start; links that block set the name themselves; real exec of a tool whose arguments are its output |
//! | lets the account inspect the process again after a change of ids | real exec of a tool; before a link it is put off |
//! | asks security modules and auditors | not done: documented, and `CATENA_FUSE=0` is there for who needs it |

mod prospect;

use crate::accounts::capabilities;
use crate::applet::{Applet, Boundary, Dialect, Grammar, Process, Role};
use crate::call::{self, Call};
use crate::documents;
use crate::environ::Environ;
use crate::files::sight::{self, Location};
use crate::options::{self, Given, Misuse};
use crate::process::search::{Search, may_be_elsewhere};
use crate::start_report::{self, Listeners};
use crate::sys::descriptor::STDERR;
use crate::sys::exec::SELF;
use crate::sys::words::{Word, Words};
use crate::sys::{arena, argv, exec, process};
use crate::voice::exit::Codes;
use crate::voice::failure::{self, Failure, WrongUsage};
use crate::voice::foreign;
use nix::errno::Errno;
use std::borrow::Cow;
use std::ffi::CStr;
use std::os::fd::AsFd;

/// How the chain was begun.
#[derive(Clone, Copy, Default)]
pub struct Manner {
    /// As `catena NAME …`: a word that is found nowhere may name an applet.
    pub explicit: bool,
    /// With `--no-fuse`: every link is a real exec.
    pub no_fuse: bool,
}

/// Runs a chain whose first link is `call`. Gives the exit code of the link that failed, or of a text asked for with
/// `--help`; a chain that succeeds does not come back.
///
/// `argv` is the whole, as main received it; `listeners` are those that `environ` has named.
pub fn run(mut call: Call, argv: Words, environ: Environ, listeners: Listeners, manner: Manner) -> u8 {
    let mut process = Process { environ, rest: Words::EMPTY, listeners, diagnostics: None, undo: None };
    let mut here = Here { manner, argv, identity: None, let_in: true };
    loop {
        match here.step(call, &mut process) {
            Ok(next) => call = next,
            Err(code) => return code,
        }
    }
}

/// What the engine knows about this process.
struct Here {
    manner: Manner,
    /// As main received it.
    argv: Words,
    /// Which file this program is, once asked.
    identity: Option<Location>,
    /// Whether these ids are known to be let in by the program's file, as those were that exec'ed it.
    let_in: bool,
}

impl Here {
    /// One link, up to the next one in this process; or a tool. An error is the exit code; all has been said.
    fn step(&mut self, call: Call, process: &mut Process) -> Result<Call, u8> {
        let applet = call.applet;
        let codes = codes(applet, &process.environ);
        process::set_last_words(&applet.name, codes.failure);
        let parsed = match applet.role {
            Role::Link(_) => options::parse(applet.options, call.args, applet.dialect != Dialect::Bernstein),
            Role::Tool(grammar, _) => {
                let args = self.look_like(call);
                match grammar {
                    Grammar::Options => options::parse(applet.options, args, true),
                    Grammar::Words(_) | Grammar::Title => Ok(Given::words(args)),
                }
            }
        };
        let given = match parsed {
            Ok(given) => given,
            Err(misuse) => return Err(refuse(applet, codes, process, Some(&misuse))),
        };
        if given.has("help") {
            return Err(documents::answer(&documents::help(applet), codes.failure));
        }
        if given.has("version") {
            return Err(documents::answer(&documents::version(applet), codes.failure));
        }
        if !applet.takes(given.operands().len()) {
            return Err(refuse(applet, codes, process, None));
        }
        let link = match applet.role {
            Role::Link(link) => link,
            Role::Tool(_, run) => {
                let outcome = run(&given, process);
                return Err(outcome.unwrap_or_else(|error| explain(applet, codes, process, &error)));
            }
        };
        process.rest = given.operands().from(applet.operands.len());

        // all that the search needs is at hand before the change: afterwards memory may be forbidden
        let fusion = !self.manner.no_fuse
            && !exec::is_secure_start()
            && process.environ.get(b"CATENA_FUSE").is_none_or(|say| say.bytes() != b"0");
        let mut search = Search::new(process.rest.first(), &process.environ, applet.dialect);

        let next = call::of(process.rest);
        let is_told = process.listeners.want_whole_chain() || applet.forks();
        let looks = match next {
            Some(_) => fusion || self.manner.explicit || is_told,
            None => is_told && call::is_ours(process.rest.first()),
        };
        if looks && self.identity.is_none() {
            // before the change, which may be a long wait or another root
            self.identity = own_identity(self.argv);
        }

        let change = link(&given, &process.environ).and_then(|link| link.apply(process));
        let boundary = change.map_err(|error| explain(applet, codes, process, &error))?;
        self.let_in &= boundary != Boundary::NewIdentity;
        let fusion = fusion && next.is_some_and(|next| is_at_home(next.applet)) && is_passable(boundary, process);
        match self.go_on(applet, next, &mut search, process, fusion) {
            Ok(call) => {
                process.listeners.next_link_runs();
                start_report::forget_in(&mut process.environ);
                process.diagnostics = None;
                process.undo = None;
                self.manner.explicit |= call.explicit;
                Ok(call)
            }
            Err(reason) => {
                if let Some(undo) = process.undo.take() {
                    undo();
                }
                Err(cannot_run(applet, codes, process, reason))
            }
        }
    }

    /// A tool stays, so it has to look as an exec of it would: under its own name, and with its own words alone. Gives
    /// these where they lie now, since the words of the whole chain are void then.
    fn look_like(&self, tool: Call) -> Words {
        let args = match self.argv.len().checked_sub(tool.args.len() + 1) {
            Some(place) if self.argv.from(place + 1).is_same(tool.args) => argv::show_only(self.argv, place).from(1),
            _ => tool.args,
        };
        process::set_name(tool.applet.name);
        args
    }

    /// Finds the next program as exec would and gives the call if it is a link for this process. Otherwise execs it,
    /// and returns only with the error that exec ends with.
    ///
    /// `next` is what the next words would mean to catena.
    fn go_on(
        &mut self,
        applet: &Applet,
        next: Option<Call>,
        search: &mut Search,
        process: &Process,
        fusion: bool,
    ) -> Result<Call, Errno> {
        let argv = process.rest;
        let listeners = &process.listeners;
        let mut is_told = false;
        let mut found = false;
        let mut denied = false;
        let mut last = Errno::ENOENT;
        // a look at the file is worth its price only where the name could lead back here
        let may_be_link = listeners.want_whole_chain() && (next.is_some() || call::is_ours(argv.first()));
        let looks = may_be_link || next.is_some() && (fusion || self.manner.explicit);
        while let Some(candidate) = search.next_candidate() {
            let sight = match looks.then(|| sight::of(candidate)) {
                Some(Err(reason @ (Errno::ENOENT | Errno::ENOTDIR))) => Err(reason),
                // nobody can tell then whether success may be reported
                Some(Err(reason @ (Errno::EPERM | Errno::ENOSYS))) if may_be_link => Err(reason),
                // whatever else keeps from looking may not keep from running
                sight => Ok(sight.and_then(Result::ok)),
            };
            let reason = match sight {
                Ok(sight) => {
                    let ours = sight.is_some_and(|sight| self.is_this_program(candidate, sight));
                    match next {
                        Some(call) if ours && fusion => return Ok(call),
                        Some(call) if ours && self.manner.explicit => {
                            exec_self(candidate, self.explicitly(call), process)
                        }
                        // let in or not, through whatever mount, it will tell
                        _ if may_be_link && sight.is_some_and(|sight| self.is_this_file(sight)) => {
                            exec_self(candidate, argv, process)
                        }
                        _ => {
                            // once, however many candidates there are: nobody reads before the end
                            if !is_told {
                                listeners.about_to_exec(argv.first().bytes());
                                is_told = true;
                            }
                            self.exec(applet, candidate, process)
                        }
                    }
                }
                Err(reason) => reason,
            };
            found |= matches!(sight, Ok(Some(_)));
            denied |= reason == Errno::EACCES;
            last = reason;
            if !may_be_elsewhere(reason) {
                return Err(reason);
            }
        }
        if let Some(call) = next
            && self.manner.explicit
            && !found
            && search.is_by_name()
        {
            if !fusion || !self.lets_itself_in() {
                let reason = exec_self(SELF, self.explicitly(call), process);
                if reason != Errno::ENOENT {
                    return Err(reason);
                }
                // no /proc, so this process has to do
            }
            return Ok(call);
        }
        Err(if denied { Errno::EACCES } else { last })
    }

    /// Execs a program that, as far as can be told, is not this one.
    fn exec(&self, applet: &Applet, file: &CStr, process: &Process) -> Errno {
        let argv = process.rest;
        let envp = process.environ.entries();
        let listeners = &process.listeners;
        if listeners.keep_logs() && prospect::may_run(file) {
            listeners.empty_logs();
        }
        let reason = exec::execve(file, argv, envp);
        if reason == Errno::ENOEXEC && applet.dialect != Dialect::Bernstein {
            // execvp(3): a script without #! is the shell's
            if listeners.keep_logs() && prospect::may_run(c"/bin/sh") {
                listeners.empty_logs();
            }
            let file = Word::leak(file.to_bytes().to_vec());
            let words = [Word::constant(c"/bin/sh"), file].into_iter().chain(argv.from(1).iter());
            return exec::execve(c"/bin/sh", Words::leak(words), envp);
        }
        reason
    }

    /// argv for a real exec of this very program that goes on in the same manner.
    #[cold]
    fn explicitly(&self, call: Call) -> Words {
        let flag = self.manner.no_fuse.then_some(Word::constant(c"--no-fuse"));
        let name = Word::leak(call.applet.name.as_bytes().to_vec());
        Words::leak([Word::constant(c"catena")].into_iter().chain(flag).chain([name]).chain(call.args.iter()))
    }

    /// Whether this is the file that this process runs, and an exec of it would be an ordinary one, if it is let in. In
    /// doubt, not.
    fn is_this_file(&self, seen: sight::Sight) -> bool {
        self.identity.is_some_and(|own| own.is_same_file(seen.location))
            && !seen.is_set_id()
            && sight::is_regular(seen.mode)
    }

    /// Whether `name` leads to that file, through the same mount, and is sure to be let in.
    fn is_this_program(&mut self, name: &CStr, seen: sight::Sight) -> bool {
        const EXECUTABLE_BY_ALL: u32 = libc::S_IXUSR | libc::S_IXGRP | libc::S_IXOTH;
        let is_ordinary = self.is_this_file(seen)
            && self.identity.is_some_and(|own| own.is_same(seen.location))
            && seen.mode & EXECUTABLE_BY_ALL == EXECUTABLE_BY_ALL;
        if is_ordinary && !self.let_in {
            self.let_in = sight::has_plain_permissions(name);
        }
        is_ordinary && self.let_in
    }

    /// Whether the process with its ids of now may run its own program again.
    fn lets_itself_in(&mut self) -> bool {
        self.let_in || sight::of(SELF).is_ok_and(|sight| self.is_this_program(SELF, sight))
    }
}

/// Execs this very program under one of its names; whoever waits for the whole chain hears from it what comes of it.
fn exec_self(file: &CStr, argv: Words, process: &Process) -> Errno {
    let listeners = &process.listeners;
    let reason = exec::execve(file, argv, listeners.handed_on(process.environ));
    listeners.take_back();
    reason
}

/// Bytes of arguments and environment, with their pointers, that every Linux lets through whatever the limits: 128 KiB,
/// less room for what the kernel adds (execve(2), "Limits on size of arguments and environment").
const ALWAYS_FITS: usize = 128 * 1024 - 16 * 1024;

/// Whether an exec at this boundary would change nothing that the next link could notice.
fn is_passable(boundary: Boundary, process: &Process) -> bool {
    let is_ordinary = match boundary {
        Boundary::Open => true,
        Boundary::NewIdentity => capabilities::are_none() == Ok(true) && !exec::may_be_refused_for_process_count(),
        Boundary::Barrier => false,
    };
    // what an edit has made too large is refused at this link, not at a later one
    let fits = match process.environ.edited_size() {
        Some(size) => size + process.rest.size() <= ALWAYS_FITS,
        None => true,
    };
    let loader_reads = cfg!(not(target_feature = "crt-static")) && process.environ.concerns_loader();
    is_ordinary && fits && !loader_reads && !arena::is_outgrown()
}

/// Whether the applet can do in this process. A tool stays, and has to be one that its account can look at, with all of its
/// argv where that is what it is for.
fn is_at_home(applet: &Applet) -> bool {
    applet.is_link() || (!applet.writes_to_argv() && process::is_inspectable())
}

/// Which file this process runs; `None` if that cannot be learnt, and then there is no fusion.
///
/// The kernel notes the name that was exec'ed, and a look at that is cheap, while /proc/self costs a new process more than
/// all the rest of a link. The name is not this program's where an interpreter stands between them: then it is also
/// among the arguments, and /proc has to tell.
fn own_identity(argv: Words) -> Option<Location> {
    let look = |name: &CStr| sight::of(name).ok().map(|seen| seen.location);
    let is_argument = |name: Word| argv.from(1).iter().any(|word| word.bytes() == name.bytes());
    match exec::name_at_exec() {
        Some(name) if !is_argument(name) => look(name.as_c_str()).or_else(|| look(SELF)),
        _ => look(SELF),
    }
}

/// The applet's codes in this environment.
fn codes(applet: &Applet, environ: &Environ) -> Codes {
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
fn refuse(applet: &'static Applet, codes: Codes, process: &Process, misuse: Option<&Misuse>) -> u8 {
    let _ = say(process, codes.usage, &[&documents::complaint(applet, misuse)], &documents::usage(applet));
    codes.usage
}

/// Says why a link failed. Gives the code.
#[cold]
fn explain(applet: &'static Applet, codes: Codes, process: &Process, error: &anyhow::Error) -> u8 {
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
    refuse(applet, codes, &Process { environ, rest: Words::EMPTY, listeners, diagnostics: None, undo: None }, None)
}

/// Likewise, in a parent that a link has left behind, to those who wait for that. Gives the code.
#[cold]
pub fn explain_to(applet: &'static Applet, listeners: Listeners, error: &anyhow::Error) -> u8 {
    let environ = Environ::new(Words::EMPTY);
    explain(
        applet,
        applet.codes,
        &Process { environ, rest: Words::EMPTY, listeners, diagnostics: None, undo: None },
        error,
    )
}

/// Says that the next program cannot be run. Gives the code. Allocates nothing in the words of daemontools.
#[cold]
fn cannot_run(applet: &Applet, codes: Codes, process: &Process, reason: Errno) -> u8 {
    let (before, after) = match applet.dialect {
        Dialect::Bernstein => (&b": fatal: unable to run "[..], &b": "[..]),
        Dialect::Gnu => (&b": failed to run command "[..], &b": "[..]),
        Dialect::UtilLinux => (&b": failed to execute "[..], &b": "[..]),
        Dialect::Daemonize => (&b": Can't exec \""[..], &b"\": "[..]),
    };
    let word = process.rest.first().bytes();
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
