//! `svc --remove`: out of the scan, down, and no supervise any more; in this order, so that nothing starts it again.

use super::{APPLET, Outcome, send, warn};
use crate::environ::Environ;
use crate::failure::{Failure, UnableTo, explained, say, say_to};
use crate::family::Family;
use crate::pipe::Pipe;
use crate::service::origin::Origin;
use crate::service::waiting::{self, TIMED_OUT};
use crate::service::watch::Watch;
use crate::service::{Home, leftover};
use crate::sys::descriptor::{STDOUT, rename_to_free_name};
use crate::sys::process;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use std::ffi::CString;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// How long something is waited for without a word.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a log may outlive its service before it is told itself: svscan sees to it sooner. Where none does, as with
/// daemontools', nothing else would end it.
const GRACE: Duration = Duration::from_secs(7);

/// How often a log that has something to read is looked at then.
const PAUSE: Duration = Duration::from_millis(200);

/// A service that is being removed.
struct Removed {
    /// As it was called.
    dir: &'static [u8],
    /// As it is called now.
    now: Vec<u8>,
    home: Home,
    /// Its log's, if it has one with a supervise of its own.
    log: Option<Home>,
    /// When its supervise was seen to be gone.
    ended: Option<Instant>,
    is_log_told: bool,
    is_said: bool,
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
        let hidden = hide(environ, dir);
        origin.back()?;
        match hidden {
            Ok(service) => services.push(service),
            Err(error) => {
                let reason = explained(&error, Family::Bernstein);
                let _ = say(&[b"svc: fatal: ", &reason, b"\n"]);
                code = APPLET.codes.failure;
            }
        }
    }
    for service in &mut services {
        // one that nobody supervises is down
        let is_told = match origin.enter(&service.now) {
            Ok(()) if service.home.ok().is_err() => Outcome::Told,
            Ok(()) => send(service.dir, &service.home, Ok(b"dx".to_vec())),
            Err(reason) => warn("chdir to", &service.now, reason),
        };
        origin.back()?;
        if is_told == Outcome::Failed {
            (service.is_over, code) = (true, APPLET.codes.failure);
        }
    }
    let start = Instant::now();
    // a place for each service, and one for its log
    let mut watch = Watch::new(2 * services.len(), &[]);
    loop {
        for (number, service) in services.iter_mut().enumerate().filter(|(_, service)| !service.is_over) {
            service.look(&mut watch, number, origin)?;
            if !service.is_over && start.elapsed() >= SILENCE && !std::mem::replace(&mut service.is_said, true) {
                service.say_what_is_waited_for(origin)?;
            }
        }
        if services.iter().all(|service| service.is_over) {
            return Ok(code);
        }
        let now = Instant::now();
        if end.is_some_and(|end| now >= end) {
            for service in services.iter().filter(|service| !service.is_over) {
                let text = b"svc: fatal: unable to remove ";
                let _ = say(&[text, service.dir, b": timed out; it is called ", &service.now, b" by now\n"]);
            }
            return Ok(TIMED_OUT);
        }
        let left = services.iter().filter(|service| !service.is_over);
        let next = left.filter_map(|service| service.next_time(start)).chain(end).min();
        let pause = next.map(|at| at.saturating_duration_since(now));
        watch.wait(pause, None).map_err(|reason| Failure::new("unable to wait").because(reason))?;
    }
}

/// Takes a service directory out of the sight of svscan, which passes over names that begin with a dot. The current directory
/// is another one afterwards.
fn hide(environ: &Environ, dir: &'static [u8]) -> anyhow::Result<Removed> {
    let length = dir.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    let (around, name) = match dir[..length].iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&dir[..=slash], &dir[slash + 1..length]),
        None => (&b""[..], &dir[..length]),
    };
    if matches!(name, b"" | b"." | b"..") {
        let text = [b"unable to remove ", dir, b": a service is removed by its name in the directory above"].concat();
        return Err(Failure::new(text).into());
    }
    let place = if around.is_empty() { &b"."[..] } else { around };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let place = open(place, flags, Mode::empty()).unable_to("chdir to", place)?;
    nix::unistd::chdir(dir).unable_to("chdir to", dir)?;
    let home = Home::here(environ).unable_to("control", dir)?;
    if let (Err(_), Some(left)) = (home.ok(), leftover::find(&home)) {
        let text = [b"unable to remove ", dir, b": it runs without a supervise: pid "].concat();
        return Err(Failure::new([text, left.pid.to_string().into_bytes()].concat()).into());
    }
    let log = match nix::unistd::chdir(c"log") {
        Ok(()) => Some(Home::here(environ).unable_to("control", &[dir, b"/log"].concat())?),
        Err(Errno::ENOENT | Errno::ENOTDIR) => None,
        Err(reason) => return Err(reason).unable_to("chdir to", &[dir, b"/log"].concat()),
    };
    let hidden = if name.starts_with(b".") { name.to_vec() } else { [b".", name].concat() };
    let now = [around, &hidden].concat();
    if hidden != name {
        let text = [dir, b" to ", &now].concat();
        let word = |name: &[u8]| CString::new(name).map_err(|_| Errno::EINVAL);
        let renamed =
            word(name).and_then(|from| word(&hidden).and_then(|to| rename_to_free_name(place.as_fd(), &from, &to)));
        renamed.unable_to("rename", &text)?;
    }
    Ok(Removed { dir, now, home, log, ended: None, is_log_told: false, is_said: false, is_over: false })
}

impl Removed {
    /// Looks how far it is. The service is over first, then its log.
    fn look(&mut self, watch: &mut Watch, number: usize, origin: &Origin) -> anyhow::Result<()> {
        let is_supervised = match origin.enter(&self.now) {
            Ok(()) => watch.look(2 * number, &self.home).unwrap_or(true),
            // whoever removes it now need not wait
            Err(_) => false,
        };
        if !is_supervised {
            let ended = *self.ended.get_or_insert_with(Instant::now);
            let is_logged = match &self.log {
                Some(log) if nix::unistd::chdir(c"log").is_ok() => watch.look(2 * number + 1, log).unwrap_or(true),
                _ => false,
            };
            self.is_over = !is_logged;
            if is_logged && !self.is_log_told && ended.elapsed() >= GRACE {
                self.tell_log();
            }
        }
        origin.back()?;
        if self.is_over {
            watch.leave(2 * number);
            watch.leave(2 * number + 1);
            let _ = say_to(STDOUT, &[&self.now, b"\n"]);
        }
        Ok(())
    }

    /// Tells the log, which has the current directory, to end: not before it has read all there is.
    fn tell_log(&mut self) {
        let Some(log) = &self.log else { return };
        let supervise = log.info().filter(waiting::is_current).map(|info| info.supervise.pid);
        let pid = supervise.and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
        let pipe = pid.and_then(|pid| Pipe::of_process(pid, 0, None));
        if pipe.is_none_or(|pipe| pipe.unread() == 0) {
            self.is_log_told = true;
            send(&[self.dir, b"/log"].concat(), log, Ok(b"dx".to_vec()));
        }
    }

    /// When something is to be done for it, if nothing happens before.
    fn next_time(&self, start: Instant) -> Option<Instant> {
        let word = (!self.is_said).then_some(start + SILENCE);
        let log = self.ended.filter(|_| !self.is_log_told);
        let log = log.map(|ended| (ended + GRACE).max(Instant::now() + PAUSE));
        [word, log].into_iter().flatten().min()
    }

    fn say_what_is_waited_for(&self, origin: &Origin) -> anyhow::Result<()> {
        let is_log = self.ended.is_some();
        let home = self.log.as_ref().filter(|_| is_log).unwrap_or(&self.home);
        let entered = origin.enter(&self.now).and_then(|()| if is_log { nix::unistd::chdir(c"log") } else { Ok(()) });
        let main = entered.and_then(|()| home.status()).map_or(0, |record| record.main.pid);
        let left = home.info().map_or(0, |info| info.left_process.pid);
        origin.back()?;
        let who = match i32::try_from(if main == 0 { left } else { main }) {
            Ok(pid @ 1..) => match process::command(Pid::from_raw(pid)) {
                Some(name) => format!(": pid {pid} ({name})"),
                None => format!(": pid {pid}"),
            },
            _ => String::new(),
        };
        let which: &[u8] = if is_log { b"/log" } else { b"" };
        let _ = say(&[b"svc: warning: waiting for ", self.dir, which, b" to end", who.as_bytes(), b"\n"]);
        Ok(())
    }
}
