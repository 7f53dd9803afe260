//! Finding the next program, and becoming it: in this process, or by an exec.

use super::Here;
use super::passage::Passage;
use super::prospect;
use crate::applet::{Applet, Dialect, Process};
use crate::call::{self, Call};
use crate::carried::NextProgram;
use crate::files::sight;
use crate::process::search::{Search, may_be_elsewhere};
use crate::sys::exec::{self, SELF};
use crate::sys::words::{Word, Words};
use nix::errno::Errno;
use std::ffi::CStr;

impl Here {
    /// Finds the next program as exec would and gives the call if it is a link for this process. Otherwise execs it,
    /// and returns only with the error that exec ends with.
    ///
    /// `next` is what the next words would mean to catena.
    pub(super) fn go_on(
        &mut self,
        applet: &Applet,
        next: Option<Call>,
        search: &mut Search,
        process: &Process,
        passage: Passage,
    ) -> Result<Call, Errno> {
        let fusion = passage == Passage::Shared;
        let NextProgram { argv, .. } = process.next;
        let listeners = &process.listeners;
        let mut is_told = false;
        let mut found = false;
        let mut denied = false;
        let mut last = Errno::ENOENT;
        // a look at the file is worth its price only where the name could lead back here
        let may_be_link = listeners.want_whole_chain() && (next.is_some() || call::is_ours(process.next));
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
                    let ours = sight.is_some_and(|sight| self.own.is_this_program(candidate, sight));
                    match next {
                        Some(call) if passage.to_file(ours) == Passage::Shared => return Ok(call),
                        Some(call) if ours && self.manner.explicit => {
                            exec_self(candidate, self.explicitly(call), process)
                        }
                        // let in or not, through whatever mount, it will tell
                        _ if may_be_link && sight.is_some_and(|sight| self.own.is_this_file(sight)) => {
                            exec_self(candidate, argv, process)
                        }
                        _ => {
                            // once, however many candidates there are: nobody reads before the end
                            if !is_told {
                                listeners.about_to_exec(process.next.word.bytes());
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
            if !fusion || !self.own.lets_itself_in() {
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
        let argv = process.next.argv;
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
}

/// Execs this very program under one of its names; whoever waits for the whole chain hears from it what comes of it.
fn exec_self(file: &CStr, argv: Words, process: &Process) -> Errno {
    let listeners = &process.listeners;
    let reason = exec::execve(file, argv, listeners.handed_on(process.environ));
    listeners.take_back();
    reason
}
