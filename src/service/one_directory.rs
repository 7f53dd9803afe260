//! What looks at one service directory, and says by its exit code alone how that is: svok and svup.

use super::Home;
use crate::environ::Environ;
use crate::sys::words::Words;
use crate::voice::exit::NOT_UP;
use crate::voice::failure::{Failure, UnableTo};
use crate::voice::ignored;
use nix::errno::Errno;
use nix::unistd::chdir;

/// Enters the service directory that the first operand names, and warns of a second one. Gives the home of supervise in it, and
/// the directory's name.
///
/// # Errors
/// What keeps from that.
pub fn enter(name: &str, operands: Words, environ: &Environ) -> anyhow::Result<(Home, &'static [u8])> {
    if let Some(second) = operands.get(1) {
        ignored::warn(name, second.bytes(), "one directory at a time");
    }
    let dir = operands.first().bytes();
    chdir(dir).unable_to("chdir to", dir)?;
    Ok((Home::here(environ).unable_to("find supervise of", dir)?, dir))
}

/// Ends silently unless a supervise runs in the current directory.
///
/// # Errors
/// With the code for that, or because it cannot be told; `dir` is how that names the directory.
pub fn look(home: &Home, dir: &[u8]) -> anyhow::Result<()> {
    match home.ok() {
        Ok(_) => Ok(()),
        Err(Errno::ENOENT | Errno::ENXIO) => Err(Failure::silent(NOT_UP).into()),
        Err(reason) => Err(reason).unable_to("open", &home.shown(dir, "ok")),
    }
}
