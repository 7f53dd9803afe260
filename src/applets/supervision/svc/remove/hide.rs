//! Taking a service directory out of the sight of svscan, which passes over names that begin with a dot.

use super::part::{LogPart, MainPart};
use super::{Removed, SILENCE};
use crate::environ::Environ;
use crate::files::renaming::rename_to_free_name;
use crate::service::{Home, is_s6, leftover};
use crate::voice::failure::{Failure, UnableTo};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{Mode, fstatat, lstat};
use nix::unistd::chdir;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

/// A directory's place and name.
struct Path<'a> {
    /// All before the name.
    around: &'a [u8],
    name: &'a [u8],
    place: OwnedFd,
}

/// Renames it, if it is a service and may be told to end. The current directory is another one afterwards.
///
/// # Errors
/// Why not; then nothing has been done.
pub fn hide(environ: &Environ, dir: &'static [u8]) -> anyhow::Result<Removed> {
    let refuse = |why: &str| Failure::new([b"unable to remove ", dir, b": ", why.as_bytes()].concat());
    let path = split(dir)
        .ok_or_else(|| refuse("a service is removed by its name in the directory above"))
        .map_err(anyhow::Error::from)??;
    chdir(dir).unable_to("chdir to", dir)?;
    let log_of = |name: &[u8]| fstatat(&path.place, name, AtFlags::empty()).is_ok();
    if path.name == b"log" && (log_of(b"run") || log_of(b"supervise")) {
        return Err(refuse("it is the log of a service, and goes with it").into());
    }
    let hidden = if path.name.starts_with(b".") { path.name.to_vec() } else { [b".", path.name].concat() };
    let home = find(environ, &hidden).unable_to("control", dir)?;
    let is_there = |name: &[u8]| lstat(name).is_ok();
    if !is_there(b"run") && !is_there(b"start") && lstat(home.directory()).is_err() {
        return Err(refuse("it is no service directory").into());
    }
    if is_s6(&home) {
        return Err(refuse("not a daemontools service (s6)").into());
    }
    // who may not tell it to end does not hide it
    let is_supervised = match home.ok().and_then(|_| home.control()) {
        Ok(_) => true,
        Err(Errno::ENOENT | Errno::ENXIO) => false,
        Err(reason) => return Err(reason).unable_to("control", dir),
    };
    if let Some(left) = leftover::find(&home).filter(|_| !is_supervised) {
        return Err(refuse(&format!("it runs without a supervise: pid {}", left.pid())).into());
    }
    let log = match chdir(c"log") {
        Ok(()) => Some(LogPart::new(find(environ, &hidden).unable_to("control", &[dir, b"/log"].concat())?)),
        Err(Errno::ENOENT | Errno::ENOTDIR) => None,
        Err(reason) => return Err(reason).unable_to("chdir to", &[dir, b"/log"].concat()),
    };
    let now = [path.around, &hidden].concat();
    if hidden != path.name {
        let word = |name: &[u8]| CString::new(name).map_err(|_| Errno::EINVAL);
        let renamed = word(path.name)
            .and_then(|from| word(&hidden).and_then(|to| rename_to_free_name(path.place.as_fd(), &from, &to)));
        renamed.unable_to("rename", &[dir, b" to ", &now].concat())?;
    }
    let begin = Instant::now();
    Ok(Removed {
        dir,
        now,
        main: MainPart::new(home, begin),
        log,
        ended: None,
        word_at: Some(begin + SILENCE),
        is_over: false,
    })
}

/// `None` if it has no name of its own.
fn split(dir: &[u8]) -> Option<anyhow::Result<Path<'_>>> {
    let length = dir.iter().rposition(|&byte| byte != b'/')? + 1;
    let (around, name) = match dir[..length].iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&dir[..=slash], &dir[slash + 1..length]),
        None => (&b""[..], &dir[..length]),
    };
    if matches!(name, b"." | b"..") {
        return None;
    }
    let place = if around.is_empty() { &b"."[..] } else { around };
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let opened = open(place, flags, Mode::empty()).unable_to("chdir to", place);
    Some(opened.map(|place| Path { around, name, place }))
}

/// The files of the supervise of the current directory. Where they are elsewhere, by the path of the service, that path is the one
/// that it had when it was started: without the dot, if it was hidden before.
fn find(environ: &Environ, hidden: &[u8]) -> nix::Result<Home> {
    let home = Home::here(environ)?;
    let former = home.before_renaming(hidden, &hidden[1..]);
    let is_former = |former: &Home| lstat(home.directory()).is_err() && lstat(former.directory()).is_ok();
    Ok(former.filter(is_former).unwrap_or(home))
}
