//! catena by its own name: the list of applets, help, links to install, and the first link of a chain.

use crate::applet::{Applet, Dialect};
use crate::applets;
use crate::call::{self, Call, NAME, OPTIONS, Start};
use crate::chain::{self, passage::Manner};
use crate::documents::{self, answer};
use crate::environ::Environ;
use crate::files::file_id::FileId;
use crate::files::sight;
use crate::options::{self, Misuse};
use crate::start_report::Listeners;
use crate::sys::descriptor::STDERR;
use crate::sys::exec;
use crate::sys::words::{Word, Words};
use crate::voice::exit::CATENA;
use crate::voice::failure::{describe, say_last};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, stat};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Whether this program's file gives no privileges. The kernel also calls a start secure where the caller's real and
/// effective ids differ, as behind a set-user-id launcher: what the environment says is then another's, as well.
fn is_ordinary_file() -> bool {
    sight::of(exec::SELF).is_ok_and(|seen| !seen.is_set_id()) && sight::has_plain_permissions(exec::SELF)
}

/// The name by which this program was exec'ed, if it is its own: an interpreter is exec'ed by the name of its script.
#[cold]
fn name_of_file(argv: Words) -> Option<Word> {
    let name = exec::name_at_exec()?;
    let look = |name: &CStr| sight::of(name).ok().map(|seen| seen.location);
    let is_own = match (look(name.as_c_str()), look(exec::SELF)) {
        (Some(named), Some(own)) => named.is_same_file(own),
        // a script's name is also among the arguments
        _ => !argv.from(1).iter().any(|word| word.bytes() == name.bytes()),
    };
    is_own.then_some(name)
}

/// Runs what the process was started as. Gives the exit code.
pub fn run(argv: Words, envp: Words) -> u8 {
    let mut environ = Environ::new(envp);
    if exec::is_secure_start() {
        if !is_ordinary_file() {
            let said = b"refusing to run set-user-id, set-group-id or with file capabilities";
            return fail(&Listeners::default(), &[said], CATENA.failure);
        }
        environ.remove_unsafe();
    }
    let listeners = Listeners::inherited(&mut environ);
    // as the kernel has it since 5.18, and as it is handed over before
    let has_no_words = argv.len() <= 1 && argv.first().bytes().is_empty();
    match call::started_as(argv, || name_of_file(argv)) {
        Start::Applet(applet) if has_no_words => chain::refuse_without_words(applet, environ, listeners),
        Start::Applet(applet) => {
            let call = Call { applet, args: argv.from(1), explicit: false };
            chain::run(call, argv, environ, listeners, Manner::default())
        }
        Start::Catena if has_no_words => fail(&listeners, &[b"missing operand; see catena --help"], CATENA.usage),
        Start::Catena => by_own_name(argv, environ, listeners),
        // a link called like no applet is a mistake
        Start::Unknown(name) => unknown(&listeners, name),
        Start::Nameless => {
            fail(&listeners, &[b"unable to tell which applet is meant: argv[0] is empty"], CATENA.not_found)
        }
    }
}

#[cold]
fn by_own_name(argv: Words, environ: Environ, listeners: Listeners) -> u8 {
    let given = match options::parse(OPTIONS, argv.from(1), false) {
        Ok(given) => given,
        Err(misuse) => return misused(&listeners, &misuse),
    };
    let fail = |text: &[&[u8]], code| fail(&listeners, text, code);
    let unknown = |name| unknown(&listeners, name);
    let operands = given.operands();
    if given.has("version") {
        return answer(&documents::catena_version(), CATENA.failure);
    }
    if (given.has("list") || given.has("install")) && !operands.is_empty() {
        return fail(&[b"unexpected operand ", operands.first().bytes(), b"; see catena --help"], CATENA.usage);
    }
    if given.has("list") {
        return answer(&documents::names(), CATENA.failure);
    }
    if let Some(directory) = given.last("install") {
        if directory.bytes().is_empty() {
            return fail(&[b"--install needs a directory; see catena --help"], CATENA.usage);
        }
        return install(Path::new(OsStr::from_bytes(directory.bytes())));
    }
    if given.has("help") || operands.is_empty() {
        return answer(&documents::overview(), CATENA.failure);
    }
    let name = operands.first().bytes();
    if let Some(applet) = applets::find(name) {
        let manner = Manner { explicit: true, no_fuse: given.has("no-fuse") };
        let call = Call { applet, args: operands.from(1), explicit: true };
        return chain::run(call, argv, environ, listeners, manner);
    }
    match (name, operands.get(1)) {
        // it is among the links, too
        (b"help", Some(topic)) if topic.bytes() == NAME.as_bytes() => answer(&documents::overview(), CATENA.failure),
        (b"help", None) => answer(&documents::overview(), CATENA.failure),
        (b"help", Some(topic)) => match applets::find(topic.bytes()) {
            Some(applet) => answer(&documents::help(applet), CATENA.failure),
            None => unknown(topic.bytes()),
        },
        _ => unknown(name),
    }
}

#[cold]
fn misused(listeners: &Listeners, misuse: &Misuse) -> u8 {
    let what: &[&[u8]] = match misuse {
        Misuse::UnknownLetter(letter) => &[b"unknown option -", &[*letter]],
        Misuse::UnknownName(name) => &[b"unknown option --", name],
        Misuse::NameWithoutValue(name) => &[b"option needs a value: --", name.as_bytes()],
        Misuse::UnwantedValue(name) => &[b"option takes no value: --", name.as_bytes()],
        Misuse::Ambiguous(..) | Misuse::LetterWithoutValue(_) => &[b"wrong option"],
    };
    fail(listeners, &[&what.concat(), b"; see catena --help"], CATENA.usage)
}

#[cold]
fn fail(listeners: &Listeners, text: &[&[u8]], code: u8) -> u8 {
    let said = [NAME.as_bytes(), b": fatal: ", &text.concat(), b"\n"];
    let _ = say_last(STDERR, &said);
    listeners.failed(code, STDERR, &said, b"");
    code
}

/// A name that no applet has: says which was probably meant.
#[cold]
fn unknown(listeners: &Listeners, name: &[u8]) -> u8 {
    let lossy = String::from_utf8_lossy(name);
    let distance = |applet: &Applet| strsim::damerau_levenshtein(applet.name, &lossy);
    let nearest = applets::ALL.iter().min_by_key(|applet| distance(applet));
    let fail = |text: &[&[u8]]| fail(listeners, text, CATENA.not_found);
    // about one slip in three letters
    match nearest.filter(|applet| distance(applet) * 3 <= applet.name.len().max(3)) {
        Some(meant) => fail(&[b"unknown applet ", name, b"; did you mean ", meant.name.as_bytes(), b"?"]),
        None => fail(&[b"unknown applet ", name, b"; catena --list names them all"]),
    }
}

/// Makes the links that are not there yet, `catena` among them: the middle of a chain, and `catena help`, need it. A name
/// that leads here already, as this program's own does in its own directory, is as it should be. One that is taken by
/// anything else is left alone, and that is said.
#[cold]
fn install(directory: &Path) -> u8 {
    let program = match nix::fcntl::readlink(exec::SELF) {
        Ok(program) => PathBuf::from(program),
        Err(reason) => return unable(b"find this program", Path::new("/proc/self/exe"), reason),
    };
    let flags = OFlag::O_DIRECTORY | OFlag::O_PATH | OFlag::O_CLOEXEC;
    if let Err(reason) = nix::fcntl::open(directory, flags, Mode::empty()) {
        return unable(b"link into", directory, reason);
    }
    let mut code = 0;
    for name in applets::ALL.iter().map(|applet| applet.name).chain([NAME]) {
        let link = directory.join(name);
        match nix::unistd::symlinkat(&program, nix::fcntl::AT_FDCWD, &link) {
            Ok(()) => {}
            Err(Errno::EEXIST) if is_this_program(&link) => {}
            Err(reason) => code = unable(b"link", &link, reason),
        }
    }
    code
}

fn is_this_program(path: &Path) -> bool {
    let look = |path: &Path| stat(path).map(|seen| FileId::of(&seen));
    look(path).is_ok_and(|seen| look(Path::new("/proc/self/exe")) == Ok(seen))
}

fn unable(verb: &[u8], object: &Path, reason: Errno) -> u8 {
    let reason = describe(reason, Dialect::Bernstein);
    let object = object.as_os_str().as_bytes();
    // nobody waits to hear of links
    fail(&Listeners::default(), &[b"unable to ", verb, b" ", object, b": ", reason.as_bytes()], CATENA.failure)
}
