//! What words mean to catena: which applet they call, by a link's name or as `catena NAME`.

use crate::applet::Applet;
use crate::applets;
use crate::options::Opt;
use crate::sys::words::{Word, Words};

/// The options of catena itself.
pub const OPTIONS: &[Opt] = &[
    Opt::flag("list", "Print the names of all applets, one a line, and exit"),
    Opt::valued(
        "install",
        "DIR",
        "Make symbolic links to this program in DIR, one for each applet and one called catena, and exit",
    ),
    Opt::flag("no-fuse", "Run each link of the chain by a real exec"),
];

/// The name of the program itself.
pub const NAME: &str = "catena";

/// An applet and the words it was called with, its name left out.
#[derive(Clone, Copy)]
pub struct Call {
    /// The applet.
    pub applet: &'static Applet,
    /// Its options and operands.
    pub args: Words,
    /// Whether it was called as `catena NAME`.
    pub explicit: bool,
}

/// The call that these words, as an argv, are to catena; `None` if they call no applet.
pub fn of(argv: Words) -> Option<Call> {
    let name = base_name(argv.first());
    if name == NAME.as_bytes() {
        let applet = applets::find(argv.get(1)?.bytes())?;
        return Some(Call { applet, args: argv.from(2), explicit: true });
    }
    Some(Call { applet: applets::find(name)?, args: argv.from(1), explicit: false })
}

/// What of a program's name decides which applet it is: all behind the last slash.
pub fn base_name(word: Word) -> &'static [u8] {
    let bytes = word.bytes();
    &bytes[bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)..]
}
