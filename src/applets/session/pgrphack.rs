//! pgrphack: start a session if that can be done without forking. The name says process group; it makes a session.

use crate::applet::{Applet, Dialect, Link, Manual, Meaning, Role};
use crate::attributes::session::{NewSession, SESSION};
use crate::attributes::{Effects, View};
use crate::voice::exit::BERNSTEIN;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "pgrphack",
    about: "Run a program in a session of its own, without forking",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[],
    changes: &[SESSION],
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
    role: Role::Link(|_| Meaning::effects(Pgrphack)),
};

struct Pgrphack;

impl Link for Pgrphack {
    fn effects(&self, _: &View<'_>) -> anyhow::Result<Effects> {
        // a group leader stays where it is
        Ok(vec![Box::new(NewSession { failed: None })])
    }
}
