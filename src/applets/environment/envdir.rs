//! envdir: one variable per file of a directory. The variable that a file could not be read for is never set to
//! anything else: the reference gives it the value of the file before.

use crate::applet::{Applet, Dialect, Link, Manual, Meaning, Role};
use crate::attributes::environment::{EditVariables, VARIABLES};
use crate::attributes::{Effects, View};
use crate::environ::Edit;
use crate::options::{Flag, Valued};
use crate::sys::closing::Opened;
use crate::sys::descriptor::uninterrupted;
use crate::sys::directory::{DirectoryEntry, DirectoryPart, read_directory};
use crate::sys::words::Word;
use crate::voice::exit::ENVDIR;
use crate::voice::failure::{Failure, UnableTo, WrongUsage};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, major, minor};
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd};

const WHOLE: Flag = Flag::new("f", "Take the whole file, less one newline at its end, not only the first line");
const MAY_BE_MISSING: Flag = Flag::new("i", "A directory that does not exist is an empty one");
const UNTRIMMED: Flag = Flag::new("n", "Keep blanks and tabs at the end of values");
const PREFIX: Valued = Valued::new("p", "PREFIX", "Put PREFIX in front of every variable's name");

/// The definition.
pub const APPLET: Applet = Applet {
    name: "envdir",
    about: "Run a program with variables set from the files of a directory",
    dialect: Dialect::Bernstein,
    codes: ENVDIR,
    other_codes: &[],
    changes: &[VARIABLES],
    on_request: &[],
    options: &[WHOLE.line(), MAY_BE_MISSING.line(), UNTRIMMED.line(), PREFIX.line()],
    operands: &[("DIR", "The directory; names that begin with a dot are passed over")],
    example: &["-i", "{directory}"],
    manual: Manual {
        description: &[
            "Sets a variable for each file of DIR: its name is the file's, its value the file's first line \
             without blanks and tabs at the end; a NUL in it becomes a newline. A file of no bytes removes the \
             variable. A file with an empty line sets it to nothing.",
            "Variables that exist keep their place, and second entries of the same name are removed; new ones are \
             appended in the order of their names. All other entries stay as they are.",
            "Symbolic links are followed. Anything but regular files, such as a subdirectory, a FIFO or a link \
             that leads nowhere, is an error, as are a file that cannot be read, a name with `=`, and a line, or \
             with `-f` a file, of more than 16 MiB. Then nothing is run. /dev/null counts as a file of no bytes.",
            "The next program is looked up in the PATH that envdir was started with, even if DIR sets another.",
            "Whoever may write to DIR decides what the program runs, by LD_PRELOAD for one. A variable of more than \
             128 KiB cannot be passed on: the next program is refused with \"argument list too long\".",
        ],
        sections: &[],
        examples: &[
            ("envdir ./env ./server", "Run a server with the settings in ./env."),
            ("envdir -f /run/secrets ./server", "Secrets may have several lines, such as keys."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "`-p` is daemontools-encore's. `-f`, `-i` and `-n` are additions.",
            "Options are parsed: a directory called `-x` is given as `./-x`.",
            "The order of variables is kept. The reference moves the last entry into the place of a changed one.",
            "A link that leads nowhere is an error. The reference sets the variable to the value of the file it read \
             before.",
            "A name with `=` is an error. In the reference the file K=L sets K to L= and its line.",
            "A FIFO is an error. The reference removes the variable.",
            "All entries of a changed name go. The reference removes the first and leaves the others.",
            "The current directory need not be readable.",
        ],
        see_also: &["envuidgid(1)", "environ(7)"],
    },
    role: Role::Link(|given| {
        let prefix = given.last(PREFIX).map_or(&b""[..], Word::bytes);
        let link = Envdir {
            directory: given.operand(0),
            prefix,
            whole: given.has(WHOLE),
            may_be_missing: given.has(MAY_BE_MISSING),
            untrimmed: given.has(UNTRIMMED),
        };
        if prefix.contains(&b'=') {
            return Err(WrongUsage.into());
        }
        Meaning::effects(link)
    }),
};

/// The most a value may have; what is longer could not be exec'ed by far.
const LARGEST: usize = 16 * 1024 * 1024;
/// How many files may wait to be closed together.
const MOST_OPEN: usize = 16;

struct Envdir {
    directory: Word,
    prefix: &'static [u8],
    whole: bool,
    may_be_missing: bool,
    untrimmed: bool,
}

impl Link for Envdir {
    fn effects(&self, _: &View<'_>) -> anyhow::Result<Effects> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = self.directory.as_c_str();
        let directory = match uninterrupted(|| open(directory, flags, Mode::empty())) {
            Ok(directory) => directory,
            Err(Errno::ENOENT) if self.may_be_missing => return Ok(Vec::new()),
            // the reference's words: it goes there
            opened => opened.unable_to("switch to directory", self.directory.bytes())?,
        };
        let mut reader = Reader { link: self, opened: Opened::default(), buffer: vec![0; 512] };
        let mut changes = Vec::new();
        let mut part = DirectoryPart::new();
        loop {
            let more = read_directory(directory.as_fd(), &mut part, |entry| {
                changes.extend(reader.change(directory.as_fd(), entry)?);
                Ok(())
            });
            match more {
                Ok(true) => {}
                Ok(false) => break,
                Err(Stop::At(failure)) => return Err(failure.into()),
                Err(Stop::Directory(reason)) => {
                    Err(reason).unable_to("read directory", self.directory.bytes())?;
                }
            }
        }
        // closed together with the files
        reader.opened.keep(directory);
        Ok(vec![Box::new(EditVariables(changes))])
    }
}

/// Why reading ended early.
enum Stop {
    Directory(Errno),
    At(Failure),
}

impl From<Errno> for Stop {
    fn from(reason: Errno) -> Self {
        Self::Directory(reason)
    }
}

/// Why there is no value.
enum Unreadable {
    Because(Errno),
    Is(&'static str),
}

impl From<Errno> for Unreadable {
    fn from(reason: Errno) -> Self {
        Self::Because(reason)
    }
}

/// Reads one file after the other.
struct Reader<'a> {
    link: &'a Envdir,
    opened: Opened,
    buffer: Vec<u8>,
}

impl Reader<'_> {
    /// What the entry does to the environment.
    fn change(&mut self, directory: BorrowedFd<'_>, entry: DirectoryEntry<'_>) -> Result<Option<Edit>, Stop> {
        let name = entry.name.to_bytes();
        if name.starts_with(b".") {
            return Ok(None);
        }
        let value = if name.contains(&b'=') {
            Err(Unreadable::Is("invalid variable name"))
        } else {
            self.value(directory, entry)
        };
        let variable = [self.link.prefix, name].concat();
        match value {
            Ok(FileValue::Is(length)) => Ok(Some(Edit::set(&variable, &self.buffer[..length]))),
            Ok(FileValue::Removed) => Ok(Some(Edit::remove(&variable))),
            // gone since the directory was read; a link that leads nowhere is still there
            Err(Unreadable::Because(Errno::ENOENT)) if is_gone(directory, entry.name) => Ok(None),
            Err(unreadable) => {
                let path = [self.link.directory.bytes(), b"/", name].concat();
                Err(Stop::At(match unreadable {
                    Unreadable::Because(reason) => Failure::unable_to("read", &path, reason),
                    Unreadable::Is(what) => {
                        Failure::new([b"unable to read ", &path[..], b": ", what.as_bytes()].concat())
                    }
                }))
            }
        }
    }

    /// Reads the file's value into the buffer.
    fn value(&mut self, directory: BorrowedFd<'_>, entry: DirectoryEntry<'_>) -> Result<FileValue, Unreadable> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        if self.opened.count() == MOST_OPEN {
            self.opened.close();
        }
        let mut opened = uninterrupted(|| openat(directory, entry.name, flags, Mode::empty()));
        if opened.as_ref().err() == Some(&Errno::EMFILE) {
            self.opened.close();
            opened = uninterrupted(|| openat(directory, entry.name, flags, Mode::empty()));
        }
        let file = self.opened.keep(opened?);
        if !entry.is_regular && is_void(file)? {
            return Ok(FileValue::Removed);
        }

        let mut length = 0;
        let mut line = None;
        loop {
            if self.buffer.len() == length {
                self.buffer.resize(length * 2, 0);
            }
            let count = uninterrupted(|| nix::unistd::read(file, &mut self.buffer[length..]))?;
            // what the directory called a regular file may have been replaced: a FIFO would look empty
            if count == 0 && length == 0 {
                is_void(file)?;
                return Ok(FileValue::Removed);
            }
            if !self.link.whole {
                let end = self.buffer[length..length + count].iter().position(|&byte| byte == b'\n');
                line = end.map(|end| length + end);
            }
            length += count;
            if count == 0 || line.is_some() {
                break;
            }
            if length > LARGEST {
                return Err(Unreadable::Is("too large"));
            }
        }
        let value = &mut self.buffer[..line.unwrap_or(length)];
        let blank = |byte: &&u8| !self.link.whole && !self.link.untrimmed && matches!(byte, b' ' | b'\t');
        let blanks = value.iter().rev().take_while(blank).count();
        let newline = usize::from(self.link.whole && value.ends_with(b"\n"));
        let kept = value.len() - blanks - newline;
        for byte in &mut value[..kept] {
            if *byte == 0 {
                *byte = b'\n';
            }
        }
        Ok(FileValue::Is(kept))
    }
}

/// What a file says of its variable.
enum FileValue {
    /// So many bytes of the reader's buffer.
    Is(usize),
    /// It is to be removed.
    Removed,
}

/// Whether the file is the null device. An error if it is neither that nor a regular file.
fn is_void(file: BorrowedFd<'_>) -> Result<bool, Unreadable> {
    const NULL_DEVICE: (u64, u64) = (1, 3);
    let FileStat { st_mode, st_rdev, .. } = fstat(file)?;
    match SFlag::from_bits_truncate(st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => Ok(false),
        SFlag::S_IFCHR if (major(st_rdev), minor(st_rdev)) == NULL_DEVICE => Ok(true),
        SFlag::S_IFDIR => Err(Errno::EISDIR.into()),
        _ => Err(Unreadable::Is("not a regular file")),
    }
}

/// Whether the directory has no such entry any more.
fn is_gone(directory: BorrowedFd<'_>, name: &CStr) -> bool {
    fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW).err() == Some(Errno::ENOENT)
}
