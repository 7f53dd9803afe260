//! Families of programs by their habits of speech.

/// Whose messages, and whose answer to a script without `#!`, an applet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// daemontools: `NAME: fatal: unable to run PROGRAM: reason`, in daemontools' own words; usage lines; no shell.
    Bernstein,
    /// GNU coreutils: `NAME: failed to run command 'PROGRAM': reason`; "Try '--help'"; scripts without `#!` go to sh.
    Gnu,
    /// util-linux: `NAME: failed to execute PROGRAM: reason`; otherwise as GNU.
    UtilLinux,
    /// bmc/daemonize: `Can't exec "PROGRAM": reason`, with the name in front; a summary of options; scripts without `#!`
    /// go to sh.
    Daemonize,
}
