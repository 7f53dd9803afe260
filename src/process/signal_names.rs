//! Signals by name and by number, as files, options and messages have them.
//!
//! Numbers are the kernel's, 1 to 64. Those from 32 on are for real time and have no name here: what others call SIGRTMIN+N
//! counts from a number that the C library keeps to itself. Names are in capital letters, with or without SIG.

use crate::number::decimal_in;
use nix::sys::signal::Signal;

/// The last signal, which is the last one for real time.
pub const LAST: i32 = 64;

/// The number of the signal that this is the name or the number of.
pub fn number(text: &[u8]) -> Option<i32> {
    if text.first().is_some_and(u8::is_ascii_digit) {
        return decimal_in(text).filter(|number| (1..=LAST).contains(number));
    }
    let short = text.strip_prefix(b"SIG").unwrap_or(text);
    let is_it = |signal: &Signal| signal.as_str().as_bytes().strip_prefix(b"SIG") == Some(short);
    Signal::iterator().find(is_it).map(|signal| signal as i32)
}

/// The name of a signal, with SIG; `None` for those that have none.
pub fn name(number: i32) -> Option<&'static str> {
    Signal::try_from(number).ok().map(Signal::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `kill -l` of bash says, up to the first one for real time.
    const NAMED: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP \
                         TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS";

    #[test]
    fn every_signal_is_known_by_number_and_the_named_ones_by_name_with_and_without_sig() {
        let mut names = NAMED.split(' ');
        for signal in 1..=64 {
            assert_eq!(number(signal.to_string().as_bytes()), Some(signal));
            let short = names.next();
            let long = short.map(|short| format!("SIG{short}"));
            assert_eq!(name(signal), long.as_deref(), "{signal}");
            for name in short.into_iter().chain(long.as_deref()) {
                assert_eq!(number(name.as_bytes()), Some(signal), "{name}");
            }
        }
        assert_eq!(names.next(), None);
    }

    #[test]
    fn what_is_none_is_none() {
        for bad in
            ["", "0", "65", "99999999999999999999", "-1", "+1", "1x", "term", "SIG", "SIGSIGTERM", "TERM ", "SIG15"]
        {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
        for bad in [-1, 0, 65] {
            assert_eq!(name(bad), None, "{bad}");
        }
    }
}
