//! pgrphack: start a session if that can be done without forking. The name says process group; it makes a session.

use crate::applet::{Applet, Aspect, Boundary, Dialect, Link, Manual, Process, Role};
use crate::voice::exit::BERNSTEIN;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "pgrphack",
    about: "Run a program in a session of its own, without forking",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[],
    changes: &[Aspect::Session],
    on_request: &[],
    options: &[],
    operands: &[],
    example: &[],
    manual: Manual {
        description: &[
            "Calls setsid(2), so that the program leads a new session and process group and has no controlling \
             terminal, and then runs it under the same process id.",
            "A process that already leads a process group cannot start a session. Then nothing is changed and \
             nothing is said, as in daemontools. setsid(1) forks in that case.",
        ],
        sections: &[],
        examples: &[("pgrphack ./server", "Run a server which kills its whole process group when it ends.")],
        reference: "daemontools 0.76",
        differences: &["`--` ends the options; the reference would run it."],
        see_also: &["setsid(1)", "setsid(2)"],
    },
    role: Role::Link(|_, _| Ok(Box::new(Pgrphack))),
};

struct Pgrphack;

impl Link for Pgrphack {
    fn apply(&self, _: &mut Process) -> anyhow::Result<Boundary> {
        // a group leader stays where it is
        let _ = nix::unistd::setsid();
        Ok(Boundary::Open)
    }
}
