//! A service directory, as supervise and all who look at it or command it share it.
//!
//! | file | is |
//! |---|---|
//! | `run` | the program that is the service |
//! | `down` | there: the service is normally down |
//! | `supervise/` | supervise's own files; elsewhere if `SUPERVISEDIR` says so |
//! | `supervise/lock` | locked (flock) as long as a supervise runs |
//! | `supervise/control` | a FIFO: each byte is a command |
//! | `supervise/ok` | a FIFO that has a reader as long as a supervise runs |
//! | `supervise/status` | [`status`] |
//! | `supervise/info` | [`info`] |

pub mod info;
pub mod leftover;
pub mod one_directory;
pub mod origin;
pub mod request_file;
pub mod scan_directory;
pub mod status;
pub mod supervising;
pub mod waiting;
pub mod watch;

use crate::environ::Environ;
use crate::files::sight;
use crate::sys::descriptor::uninterrupted;
use crate::voice::failure::Failure;
use info::Info;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, lstat};
use status::StatusFile;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A program of the service directory that supervise runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Before the first `run`.
    Start,
    /// The service.
    Run,
    /// After the last `run`.
    Stop,
    /// After every `run`.
    Finish,
}

impl Program {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Run => "run",
            Self::Stop => "stop",
            Self::Finish => "finish",
        }
    }

    /// The program of that name.
    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Start, Self::Run, Self::Stop, Self::Finish].into_iter().find(|program| program.name().as_bytes() == name)
    }
}

/// Where the files of supervise lie, as seen from the service directory, which is to be the current one.
pub struct Home {
    /// The name of the directory, without a slash behind it.
    name: Vec<u8>,
}

impl Home {
    /// `supervise`, or what `SUPERVISEDIR` says: another name in the service directory; or, with a slash at the
    /// beginning, what all directories of this kind begin with, to which the path of the service directory is added, with
    /// colons for its inner slashes (daemontools-encore).
    ///
    /// # Errors
    /// As getcwd(3).
    pub fn here(environ: &Environ) -> nix::Result<Self> {
        let mut name = environ.get(b"SUPERVISEDIR").map_or(&b"supervise"[..], |base| base.bytes()).to_vec();
        if name.first() == Some(&b'/') {
            let path = nix::unistd::getcwd()?.into_os_string().into_vec();
            name.push(b'/');
            name.extend(path[1..].iter().map(|&byte| if byte == b'/' { b':' } else { byte }));
        }
        Ok(Self { name })
    }

    /// Where it was before the service directory got the name `now`, if its place depends on that; or before the directory above did.
    pub fn before_renaming(&self, now: &[u8], former: &[u8]) -> Option<Self> {
        self.name.first().filter(|&&first| first == b'/')?;
        for behind in [&b""[..], b":log"] {
            let rest = self.name.strip_suffix(behind).and_then(|rest| rest.strip_suffix(now));
            if let Some(rest) = rest.filter(|rest| matches!(rest.last(), Some(b':' | b'/'))) {
                return Some(Self { name: [rest, former, behind].concat() });
            }
        }
        None
    }

    /// The directory itself.
    pub fn directory(&self) -> &OsStr {
        OsStr::from_bytes(&self.name)
    }

    /// The directory that it is in, and its name there.
    pub fn place(&self) -> (&[u8], &[u8]) {
        match self.name.iter().rposition(|&byte| byte == b'/') {
            None => (b".", &self.name),
            // its name here has no other slash at the beginning
            Some(0) => (b"/", &self.name[1..]),
            Some(slash) => (&self.name[..slash], &self.name[slash + 1..]),
        }
    }

    /// A file of it.
    pub fn file(&self, name: &str) -> Vec<u8> {
        [&self.name, &b"/"[..], name.as_bytes()].concat()
    }

    /// A file of it as messages name it, seen from outside of the service directory `dir`.
    pub fn shown(&self, dir: &[u8], name: &str) -> Vec<u8> {
        let file = self.file(name);
        if self.name.first() == Some(&b'/') { file } else { [dir, b"/", &file].concat() }
    }

    /// Opens the FIFO that tells whether a supervise runs.
    ///
    /// # Errors
    /// ENXIO if none does, and if it is no FIFO; otherwise as open(2).
    pub fn ok(&self) -> nix::Result<OwnedFd> {
        open_fifo(&self.file("ok"))
    }

    /// Opens the FIFO that takes commands, for writing without waiting.
    ///
    /// # Errors
    /// ENXIO if no supervise runs, and if it is no FIFO; otherwise as open(2).
    pub fn control(&self) -> nix::Result<OwnedFd> {
        open_fifo(&self.file("control"))
    }

    /// What `status` says.
    ///
    /// # Errors
    /// As open(2) and read(2); EPROTO if it is too short.
    pub fn status(&self) -> nix::Result<StatusFile> {
        /// More than any kind of it has.
        const LIMIT: usize = 64;
        let mut bytes = [0; LIMIT];
        let length = read_start(&self.file("status"), &mut bytes)?;
        StatusFile::decode(&bytes[..length]).ok_or(Errno::EPROTO)
    }

    /// What `info` says, which only this supervise writes. `None` if there is none that can be read.
    pub fn info(&self) -> Option<Info> {
        let mut bytes = [0; info::LIMIT];
        let length = read_start(&self.file("info"), &mut bytes).ok()?;
        Info::decode(&bytes[..length])
    }
}

/// Why the status file `shown` could not be read, as [`Home::status`] says it.
pub fn unreadable(shown: &[u8], reason: Errno) -> Failure {
    match reason {
        Errno::EPROTO => Failure::new([b"unable to read ", shown, b": bad format"].concat()),
        // it has been opened
        Errno::EISDIR | Errno::EIO => Failure::unable_to("read", shown, reason),
        _ => Failure::unable_to("open", shown, reason),
    }
}

/// Whether the current directory is a service directory of s6, whose files say other things: `event` is there, which nobody
/// else has, and `ok` is not, or `status` is of that kind.
pub fn is_s6(home: &Home) -> bool {
    let look = |path: &[u8]| nix::sys::stat::stat(path);
    let has_event = look(b"event").is_ok() && look(&home.file("ok")) == Err(Errno::ENOENT);
    let is_its_length = |length: i64| usize::try_from(length).is_ok_and(status::is_s6);
    has_event || look(&home.file("status")).is_ok_and(|file| is_its_length(file.st_size))
}

/// The directory may be another's, so nothing here waits, follows a link at the end or believes in names alone. What is there is
/// looked at before it is opened, too: an open is an act that a device may answer, and that all who watch the file are told of.
fn open_fifo(path: &[u8]) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | sight::CAREFULLY;
    // of a link and of a directory open says what is wrong
    let is_other = |file: &FileStat| !matches!(kind(file), SFlag::S_IFIFO | SFlag::S_IFLNK | SFlag::S_IFDIR);
    if lstat(path).is_ok_and(|file| is_other(&file)) {
        return Err(Errno::ENXIO);
    }
    let fifo = open(path, flags, Mode::empty())?;
    if is_fifo(&fstat(&fifo)?) { Ok(fifo) } else { Err(Errno::ENXIO) }
}

/// Whether it is a FIFO.
pub fn is_fifo(file: &FileStat) -> bool {
    kind(file) == SFlag::S_IFIFO
}

fn kind(file: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(file.st_mode) & SFlag::S_IFMT
}

fn read_start(path: &[u8], to: &mut [u8]) -> nix::Result<usize> {
    let flags = OFlag::O_RDONLY | sight::CAREFULLY;
    let file = open(path, flags, Mode::empty())?;
    let mut length = 0;
    while length < to.len() {
        match uninterrupted(|| nix::unistd::read(&file, &mut to[length..]))? {
            0 => break,
            count => length += count,
        }
    }
    Ok(length)
}
