//! setuidgid: become an account for good. All ids are read back before the next program runs.

use crate::accounts;
use crate::applet::{Applet, Dialect, Link, Manual, Meaning, Role};
use crate::attributes::identity::{Become, IDENTITY};
use crate::attributes::{Effects, View};
use crate::options::Flag;
use crate::sys::words::Word;
use crate::voice::exit::BERNSTEIN;

const ALL_GROUPS: Flag = Flag::new("s", "Take all supplementary groups of the account, not only its own group");
const KEEP_GROUPS: Flag = Flag::new("k", "Keep the supplementary groups of the caller");
const IF_NEEDED: Flag = Flag::new("q", "Change no id where all are the account's already");

/// The definition.
pub const APPLET: Applet = Applet {
    name: "setuidgid",
    about: "Run a program as another account",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[],
    changes: &[IDENTITY],
    on_request: &[],
    options: &[ALL_GROUPS.line(), KEEP_GROUPS.line(), IF_NEEDED.line()],
    operands: &[("ACCOUNT", "Who to become: NAME, NAME:GROUP[:GROUP]... or :UID:GID[:GID]...")],
    example: &["-q", ":65534:65534"],
    manual: Manual {
        description: &[
            "Sets the supplementary groups, then the real, effective and saved group id, then the real, effective \
             and saved user id to those of ACCOUNT; reads all of them back; and runs the program only if they are \
             what they should be. The ambient set of capabilities is emptied, and that is verified as well: from it the \
             program could become root again. There is no way back.",
            "ACCOUNT is the name of a user, whose group becomes the only group, or with `-s` the first of all that \
             the system lists for the user. `NAME:GROUP[:GROUP]...` takes these groups instead, and the first as the \
             group id. `:UID:GID[:GID]...` is numeric and needs no entry anywhere. A name of digits is a name.",
            "Only root, or a process with the capabilities CAP_SETUID and CAP_SETGID, can do this; to set the groups \
             is refused even to the account itself. `-q` serves containers that may be started as the account; all that \
             it may change then is the ambient set. In a user namespace an id without a mapping reads as the overflow id, \
             mostly 65534; so unless all ids are mapped, `-q` sets that id, which needs no privilege if it is the process's \
             own, and fails if it only reads so. Of a supplementary group only the map can tell. `-k` serves a user namespace in which setgroups(2) is denied.",
            "The environment is untouched: HOME and USER stay the caller's. If the account has more processes than \
             its limit allows, the next program cannot be run, and the message says \"temporary failure\".",
            "A statically linked catena reads /etc/passwd and /etc/group where nsswitch.conf(5) lists `files` first, \
             and otherwise, or where the name is not there, asks getent(1).",
            "A program that inherits a terminal can push input into it where the kernel allows TIOCSTI: put setsid(1) \
             or pgrphack(1) in front when root's terminal is at stake.",
        ],
        sections: &[(
            "WHAT STAYS OPEN",
            &[
                "The program keeps what is not an id. Descriptors stay open, in the mode in which they were opened; so do \
                 the working directory and the root directory. The controlling terminal is kept: see above. Limits, \
                 niceness, securebits, no_new_privs, the bounding set and the namespaces stay as they are. The session keyring \
                 is the caller's still: where it holds keys, start a new one.",
                "The inheritable set of capabilities stays. It counts with a file alone that has inheritable capabilities \
                 of its own. A set-user-id program works for the account as for anybody.",
            ],
        )],
        examples: &[
            ("setuidgid nobody ./server", "Run a server as nobody, with nobody's group only."),
            ("setuidgid :1000:1000 ./server", "By number; no account need exist."),
            ("setuidgid -s nobody:users ./job", "With groups given, -s plays no part: exactly these."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "`-s` is daemontools-encore's, the forms with colons are runit's.",
            "`--` ends the options; the reference takes it for an account.",
            "The ids are verified.",
            "The ambient set of capabilities is emptied; the reference leaves it, and with CAP_SETUID in it, its program can \
             become root.",
            "In a list of groups, an id that nobody can have is left out, and no other; the reference's library leaves out all from there on.",
        ],
        see_also: &["envuidgid(1)", "setresuid(2)", "credentials(7)", "nsswitch.conf(5)"],
    },
    role: Role::Link(|given| {
        Meaning::effects(Setuidgid {
            account: given.operand(0),
            all_groups: given.has(ALL_GROUPS),
            keeps_groups: given.has(KEEP_GROUPS),
            only_if_needed: given.has(IF_NEEDED),
        })
    }),
};

struct Setuidgid {
    account: Word,
    all_groups: bool,
    keeps_groups: bool,
    only_if_needed: bool,
}

impl Link for Setuidgid {
    fn effects(&self, _: &View<'_>) -> anyhow::Result<Effects> {
        let account = accounts::resolve(self.account.bytes(), self.all_groups)?;
        let mut effect = Become::new(account, APPLET.dialect, "-k");
        (effect.keeps_groups, effect.only_if_needed) = (self.keeps_groups, self.only_if_needed);
        Ok(vec![Box::new(effect)])
    }
}
