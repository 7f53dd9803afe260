//! `svc --remove`: out of the scan, down, and no supervise any more; in this order, so that nothing starts it again.
//!
//! | module | is |
//! |---|---|
//! | hide | the new name, and what keeps a directory from getting one |
//! | part | the service, or its log, on the way to its end |

mod hide;
mod part;

use super::{APPLET, SPEAKER};
use crate::environ::Environ;
use crate::service::origin::Origin;
use crate::service::watch::ServiceWatch;
use crate::sys::descriptor::{STDOUT, write_together};
use crate::voice::dialect::Dialect;
use crate::voice::exit::TIMED_OUT;
use crate::voice::failure::{Failure, UnableTo, explained, say_to};
use part::{LogPart, MainPart};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How long something is waited for without a word.
const SILENCE: Duration = Duration::from_secs(5);

/// A service that is being removed.
struct Removed {
    /// As it was called.
    dir: &'static [u8],
    /// As it is called now.
    now: Vec<u8>,
    main: MainPart,
    /// Its log, if it has one with a supervise of its own.
    log: Option<LogPart>,
    /// Since when its supervise has ended, and its log is waited for.
    ended: Option<Instant>,
    /// When it is to be said what is waited for.
    word_at: Option<Instant>,
    is_over: bool,
}

/// Removes the services in these directories. Gives the exit code.
///
/// # Errors
/// If there is no way back to where the names are seen from, or to wait.
pub fn remove(
    origin: &Origin,
    environ: &Environ,
    dirs: impl Iterator<Item = &'static [u8]>,
    limit: Option<Duration>,
) -> anyhow::Result<u8> {
    let end = limit.and_then(|limit| Instant::now().checked_add(limit));
    let mut code = 0;
    let mut services = Vec::new();
    for dir in dirs {
        let hidden = hide::hide(environ, dir);
        origin.back()?;
        match hidden {
            Ok(service) => services.push(service),
            Err(error) => {
                SPEAKER.give_up(&[&explained(&error, Dialect::Bernstein)]);
                code = APPLET.codes.failure;
            }
        }
    }
    // a place for each service, and one for its log
    let mut watch = ServiceWatch::new(2 * services.len(), &[]);
    loop {
        let mut next = end;
        for (number, service) in services.iter_mut().enumerate().filter(|(_, service)| !service.is_over) {
            let outcome = service.look(&mut watch, number, origin);
            origin.back()?;
            match outcome {
                Ok(at) => next = [next, at].into_iter().flatten().min(),
                Err(error) => {
                    service.fail(&explained(&error, Dialect::Bernstein));
                    code = APPLET.codes.failure;
                }
            }
            if service.is_over {
                watch.leave(2 * number);
                watch.leave(2 * number + 1);
            }
        }
        if services.iter().all(|service| service.is_over) {
            return Ok(code);
        }
        let now = Instant::now();
        if end.is_some_and(|end| now >= end) {
            services.iter().filter(|service| !service.is_over).for_each(|service| service.fail_with(b"timed out"));
            return Ok(if code == 0 { TIMED_OUT } else { code });
        }
        let pause = next.map(|at| at.saturating_duration_since(now));
        watch.wait(pause, None).map_err(|reason| Failure::new("unable to wait").because(reason))?;
    }
}

/// Prints a name: to a terminal as it may be shown, for everything else byte by byte, to be used.
fn print(name: &[u8]) -> nix::Result<()> {
    let line = [name, b"\n"];
    if STDOUT.is_terminal() { say_to(STDOUT, &line) } else { write_together(STDOUT, &line) }
}

impl Removed {
    /// Looks how far it is: the service is over first, then its log. Gives when it is to be looked at again, if nothing happens
    /// before. The current directory is another one afterwards.
    ///
    /// # Errors
    /// What keeps it from ever being over.
    fn look(&mut self, watch: &mut ServiceWatch, number: usize, origin: &Origin) -> anyhow::Result<Option<Instant>> {
        let mut again = None;
        // whoever removes the directory now need not wait
        let is_here = origin.enter(&self.now).is_ok();
        if is_here && self.ended.is_none() {
            again = self.main.look(watch, 2 * number)?;
        }
        let is_main_over = !is_here || self.main.is_over;
        if is_main_over && self.ended.is_none() {
            self.ended = Some(Instant::now());
            self.word_at = Some(Instant::now() + SILENCE);
        }
        let log = self.log.as_mut().filter(|_| is_here);
        self.is_over = match (self.ended, log) {
            (Some(ended), Some(log)) if nix::unistd::chdir(c"log").is_ok() => {
                again = log.look(watch, 2 * number + 1, ended);
                log.is_over
            }
            (ended, _) => ended.is_some(),
        };
        if self.is_over {
            print(&self.now).unable_to("write", b"output")?;
        } else if self.word_at.is_some_and(|at| Instant::now() >= at) {
            self.word_at = None;
            self.say_what_is_waited_for();
        }
        Ok([again, self.word_at].into_iter().flatten().min())
    }

    /// The current directory is that of what is waited for.
    fn say_what_is_waited_for(&self) {
        let (which, who): (&[u8], _) = match (&self.log, self.ended) {
            (Some(log), Some(_)) => (b"/log", log.process()),
            _ => (b"", self.main.process()),
        };
        SPEAKER.warn(&[b"waiting for ", self.dir, which, b" to end", who.as_bytes()]);
    }

    fn fail(&mut self, why: &[u8]) {
        self.is_over = true;
        self.fail_with(why);
    }

    fn fail_with(&self, why: &[u8]) {
        SPEAKER.give_up(&[b"unable to remove ", self.dir, b": ", why, b"; it is called ", &self.now, b" by now"]);
    }
}
