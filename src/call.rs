//! What words mean to catena: which applet they call, by a link's name or as `catena NAME`.

use crate::applet::Applet;
use crate::applets;
use crate::carried::NextProgram;
use crate::options::{Flag, Opt, Valued};
use crate::sys::words::{Word, Words};

/// Lists the applets.
pub const LIST: Flag = Flag::new("list", "Print the names of all applets, one a line, and exit");
/// Makes links.
pub const INSTALL: Valued = Valued::new(
    "install",
    "DIR",
    "Make symbolic links to this program in DIR, one for each applet and one called catena, and exit",
);
/// Never shares a process.
pub const NO_FUSE: Flag = Flag::new("no-fuse", "Run each link of the chain by a real exec");

/// The options of catena itself.
pub const OPTIONS: &[Opt] = &[LIST.line(), INSTALL.line(), NO_FUSE.line()];

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

/// The call that this program is to catena, if it is this one; `None` if it calls no applet. Where it is called otherwise than
/// it is looked for, an exec has to tell.
pub fn of(NextProgram { word, argv }: NextProgram) -> Option<Call> {
    let name = base_name(argv.first());
    if !argv.first().is_same(word) {
        return None;
    }
    if name == NAME.as_bytes() {
        let applet = applets::find(argv.get(1)?.bytes())?;
        return Some(Call { applet, args: argv.from(2), explicit: true });
    }
    Some(Call { applet: applets::find(name)?, args: argv.from(1), explicit: false })
}

/// What a process is started as.
#[derive(Clone, Copy)]
pub enum Start {
    /// As this applet.
    Applet(&'static Applet),
    /// As catena itself.
    Catena,
    /// As something of this name that is neither.
    Unknown(&'static [u8]),
    /// By no name at all.
    Nameless,
}

/// What the process with this argv is started as. Its own name counts, if that is an applet's or catena's. Whoever starts
/// a program may call it anything, or nothing; so then `file` is asked for, the name that was exec'ed, if it leads to
/// this program. Last, a copy of catena may be called anything that begins so (catena-0.1, catena.old).
pub fn started_as(argv: Words, file: impl FnOnce() -> Option<Word>) -> Start {
    let own = called(argv.first());
    if let Some(applet) = applets::find(own) {
        return Start::Applet(applet);
    }
    if own == NAME.as_bytes() {
        return Start::Catena;
    }
    let file = file().map_or(&b""[..], base_name);
    match applets::find(file) {
        Some(applet) => Start::Applet(applet),
        None if is_copy(own) || own.is_empty() && is_copy(file) => Start::Catena,
        None if own.is_empty() => Start::Nameless,
        None => Start::Unknown(own),
    }
}

/// Whether a program that is called so is started as an applet or as catena, if it is this program.
pub fn is_ours(program: NextProgram) -> bool {
    let is_one = |word: Word| is_copy(called(word)) || applets::find(called(word)).is_some();
    is_one(program.word) || is_one(program.argv.first())
}

fn is_copy(name: &[u8]) -> bool {
    name.starts_with(NAME.as_bytes())
}

/// The name in an argv\[0\], which of a login shell begins with a `-`.
fn called(word: Word) -> &'static [u8] {
    base_name(if word.bytes().first() == Some(&b'-') { word.after(1) } else { word })
}

/// What of a program's name decides which applet it is: all behind the last slash.
fn base_name(word: Word) -> &'static [u8] {
    let bytes = word.bytes();
    &bytes[bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1)..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(argv0: Option<&str>, file: Option<&str>) -> String {
        let word = |text: &str| Word::leak(text.as_bytes().to_vec());
        match started_as(Words::leak(argv0.map(word)), || file.map(word)) {
            Start::Applet(applet) => applet.name.to_owned(),
            Start::Catena => "by own name".to_owned(),
            Start::Unknown(name) => format!("unknown {}", String::from_utf8_lossy(name)),
            Start::Nameless => "nameless".to_owned(),
        }
    }

    #[test]
    fn what_a_process_is_started_as() {
        for (argv0, file, expected) in [
            // its own name counts
            (Some("nohup"), Some("/b/setsid"), "nohup"),
            (Some("/x/nohup"), Some("/b/catena"), "nohup"),
            (Some("catena"), Some("/b/nohup"), "by own name"),
            // as a login shell
            (Some("-nohup"), Some("/b/setsid"), "nohup"),
            (Some("-/b/nohup"), None, "nohup"),
            (Some("-catena"), Some("/b/nohup"), "by own name"),
            (Some("--nohup"), Some("/b/catena"), "unknown -nohup"),
            (Some("x/-nohup"), Some("/b/catena"), "unknown -nohup"),
            // any name, or none
            (Some("worker"), Some("/b/nohup"), "nohup"),
            (Some("-worker"), Some("nohup"), "nohup"),
            (Some("catena-worker"), Some("/b/nohup"), "nohup"),
            (Some(".."), Some("/b/nohup"), "nohup"),
            (Some("nohup/"), Some("/b/setsid"), "setsid"),
            (Some(""), Some("/b/nohup"), "nohup"),
            (Some("-"), Some("/b/nohup"), "nohup"),
            (None, Some("/dev/fd/5/nohup"), "nohup"),
            (None, Some("/b/catena"), "by own name"),
            (Some(""), Some("/b/catena-0.1"), "by own name"),
            (Some("/b/"), Some("/b/catena"), "by own name"),
            (Some("catena.old"), Some("/b/catena.old"), "by own name"),
            (Some("-catena-0.1"), None, "by own name"),
            // what nobody knows
            (Some("worker"), Some("/b/catena"), "unknown worker"),
            (Some("worker"), Some("/b/worker"), "unknown worker"),
            (Some("worker"), None, "unknown worker"),
            (Some(".."), Some("/b/catena"), "unknown .."),
            // a descriptor tells no name
            (Some(""), Some("/dev/fd/5"), "nameless"),
            (Some("-"), Some("/b/worker"), "nameless"),
            (None, None, "nameless"),
        ] {
            assert_eq!(shown(argv0, file), expected, "{argv0:?} {file:?}");
        }
    }

    #[test]
    fn a_file_is_only_asked_for_where_the_own_name_says_nothing() {
        for name in [c"nohup", c"catena", c"-setsid"] {
            let argv = Words::leak([Word::constant(name)]);
            started_as(argv, || unreachable!());
        }
    }
}
