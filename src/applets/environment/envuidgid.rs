//! envuidgid: put an account's numbers into UID and GID. Needs no privilege.

use crate::accounts;
use crate::applet::{Applet, Dialect, Link, Manual, Meaning, Role};
use crate::attributes::environment::{EditVariables, VARIABLES};
use crate::attributes::{Effects, View};
use crate::environ::Edit;
use crate::sys::words::Word;
use crate::voice::exit::BERNSTEIN;

/// The definition.
pub const APPLET: Applet = Applet {
    name: "envuidgid",
    about: "Run a program with UID and GID set to an account's numbers",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[],
    changes: &[VARIABLES],
    on_request: &[],
    options: &[],
    operands: &[("ACCOUNT", "Whose numbers: NAME, NAME:GROUP or :UID:GID")],
    example: &[":65534:65534"],
    manual: Manual {
        description: &[
            "Sets the environment variables UID and GID to the account's user and group id, in decimal, and runs the \
             program. The ids of the process do not change: that is for a program which binds its port first and \
             drops root itself.",
            "ACCOUNT has the forms of setuidgid(1); groups after the first play no part.",
            "Variables that exist keep their place, and second entries of the same name are removed; new ones are \
             appended. All other entries stay as they are.",
        ],
        sections: &[],
        examples: &[("envuidgid nobody softlimit -o 1024 ./server", "Run a server which reads UID and GID.")],
        reference: "daemontools 0.76",
        differences: &[
            "`--` ends the options; the reference takes it for an account.",
            "ACCOUNT may have groups or be numeric, as in runit's chpst -U.",
        ],
        see_also: &["setuidgid(1)", "envdir(1)"],
    },
    role: Role::Link(|given| Meaning::effects(Envuidgid { account: given.operand(0) })),
};

struct Envuidgid {
    account: Word,
}

impl Link for Envuidgid {
    fn effects(&self, _: &View<'_>) -> anyhow::Result<Effects> {
        let account = accounts::resolve(self.account.bytes(), false)?;
        Ok(vec![Box::new(EditVariables(vec![
            Edit::set(b"GID", account.group.to_string().as_bytes()),
            Edit::set(b"UID", account.user.to_string().as_bytes()),
        ]))])
    }
}
