//! What is said when memory runs out, where Rust would abort with SIGABRT.

use super::exit::CATENA;
use super::line::say_last;
use crate::sys::arena::Exhaustion;
use crate::sys::descriptor::STDERR;
use crate::sys::process;

/// Ends the process as the applet at work would end it, in one line, without allocating.
pub struct LastWords;

impl Exhaustion for LastWords {
    #[cold]
    fn end() -> ! {
        let (name, code) = process::last_words().unwrap_or(("catena", CATENA.failure));
        let _ = say_last(STDERR, &[name.as_bytes(), b": fatal: out of memory\n"]);
        process::exit(code)
    }
}
