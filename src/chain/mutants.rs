//! Faults on purpose, in builds with the feature `mutants` alone: tests/mutants.sh sees each of them found out.
//! `CATENA_MUTANT=LINK:FAULT` names one.

use crate::applet::{Applet, Process};
use crate::environ::Edit;
use crate::sys::descriptor;
use crate::sys::signal;
use nix::sys::stat::{Mode, umask};

/// The variable.
const VARIABLE: &[u8] = b"CATENA_MUTANT";

/// What is wrong with a link besides doing too much.
#[derive(PartialEq, Eq)]
pub enum Mutant {
    /// It does all it should.
    Whole,
    /// It does nothing.
    Idle,
}

/// Does what the fault is, if it is this link that has one.
pub fn take(applet: &Applet, process: &mut Process) -> Mutant {
    let Some(named) = process.environ.get(VARIABLE) else { return Mutant::Whole };
    let Some(fault) = named.bytes().strip_prefix(applet.name.as_bytes()) else { return Mutant::Whole };
    match fault {
        b":idle" => return Mutant::Idle,
        b":umask" => {
            umask(Mode::from_bits_truncate(0o123));
        }
        b":descriptor" => {
            let copy =
                descriptor::copy_from(descriptor::STDERR, 13).or_else(|_| descriptor::copy_from(descriptor::STDIN, 13));
            if let Ok(copy) = copy {
                let _ = descriptor::keep_across_exec(copy);
            }
        }
        b":signal" => {
            let _ = signal::ignore(libc::SIGUSR2);
        }
        b":variable" => process.environ.apply(vec![Edit::set(b"CATENA_WAS_HERE", b"yes")]),
        _ => {}
    }
    Mutant::Whole
}
