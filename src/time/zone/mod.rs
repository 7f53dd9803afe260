//! Whose clock on the wall: the zone that `TZ` names, understood as glibc does, whatever C library this is. So every build
//! gives one answer, and that is the one of `date`.
//!
//! | module | is |
//! |---|---|
//! | file | a zone's file: its changes of the clocks, its leap seconds (tzfile(5)) |
//! | rule | what a `TZ` without a file, and the end of a file, say: `CET-1CEST,M3.5.0,M10.5.0/3` |

mod file;
mod rule;

use crate::environ::Environ;
use file::ZoneFile;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use rule::Rule;
use std::ffi::CStr;
use std::io::Read;

/// The system's own zone.
const SYSTEM: &[u8] = b"/etc/localtime";
/// Where names are looked up, unless `TZDIR` says otherwise.
const DIRECTORY: &[u8] = b"/usr/share/zoneinfo";

/// A zone.
#[derive(Debug)]
pub enum Zone {
    /// By its file.
    File(ZoneFile),
    /// By a rule.
    Rule(Rule),
}

/// What a zone says of a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local<'a> {
    /// Seconds east of UTC.
    pub east: i64,
    /// Whether that is summer time.
    pub is_summer: bool,
    /// What it is called.
    pub name: &'a CStr,
    /// How many leap seconds have been counted up to here.
    pub leaps: i64,
    /// How many seconds behind the 59th it is, in a leap second.
    pub beyond: u8,
}

impl Zone {
    /// The one that `TZ` asks for: a file below the directory of zones, or anywhere by its whole name, or a rule. Without
    /// `TZ` it is the system's, and UTC where there is none, or where `TZ` is no zone.
    pub fn of(environ: &Environ) -> Self {
        let wish = environ.get(b"TZ").map(|wish| wish.bytes());
        let name = match wish {
            None => SYSTEM,
            Some(b"") => b"Universal",
            // a colon stands before a name, and means nothing
            Some(wish) => wish.strip_prefix(b":").unwrap_or(wish),
        };
        let directory = environ.get(b"TZDIR").map(|directory| directory.bytes());
        let directory = directory.filter(|directory| !directory.is_empty()).unwrap_or(DIRECTORY);
        if let Some(file) = read(name, directory) {
            return Self::File(file);
        }
        if name.is_empty() || name == SYSTEM {
            return Self::Rule(Rule::utc());
        }
        Self::Rule(Rule::parse(name))
    }

    /// What it says of a moment, in seconds since 1970.
    pub fn at(&self, seconds: i64) -> Local<'_> {
        match self {
            Self::File(file) => file.at(seconds),
            Self::Rule(rule) => rule.at(seconds),
        }
    }
}

/// The zone's file of that name, if it is one.
fn read(name: &[u8], directory: &[u8]) -> Option<ZoneFile> {
    /// The largest has four thousand bytes.
    const MOST: u64 = 1 << 20;
    if name.is_empty() {
        return None;
    }
    let path = if name.starts_with(b"/") { name.to_vec() } else { [directory, b"/", name].concat() };
    // whatever TZ names must not keep anyone waiting
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = open(path.as_slice(), flags, Mode::empty()).ok()?;
    let kind = SFlag::from_bits_truncate(fstat(&file).ok()?.st_mode) & SFlag::S_IFMT;
    let mut bytes = Vec::new();
    if kind != SFlag::S_IFREG {
        return None;
    }
    std::fs::File::from(file).take(MOST).read_to_end(&mut bytes).ok()?;
    ZoneFile::parse(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::words::{Word, Words};

    fn zone(entries: &[&str]) -> Zone {
        let entries = entries.iter().map(|entry| Word::leak(entry.as_bytes().to_vec()));
        Zone::of(&Environ::new(Words::leak(entries)))
    }

    #[test]
    fn what_is_no_zone_is_utc() {
        for wish in
            [":", "No/Such_Zone", "/nonexistent", "/", "/dev/null", "/etc/passwd", "x", "12", "../../../etc/passwd"]
        {
            let zone = zone(&[&format!("TZ={wish}")]);
            let Local { east, leaps, .. } = zone.at(1_700_000_000);
            assert_eq!((east, leaps), (0, 0), "{wish}");
        }
    }

    #[test]
    fn a_directory_of_ones_own_is_asked_for_names() {
        let directory = tempfile::tempdir().unwrap();
        let entries = |wish: &str| zone(&[&format!("TZDIR={}", directory.path().display()), &format!("TZ={wish}")]);
        std::fs::write(directory.path().join("East"), file::fixture(3600)).unwrap();
        assert_eq!(entries("East").at(0).east, 3600);
        assert_eq!(entries(":East").at(0).east, 3600);
        // a file goes before a rule of the same name
        std::fs::write(directory.path().join("EST5EDT"), file::fixture(7200)).unwrap();
        assert_eq!(entries("EST5EDT").at(0).east, 7200);
        assert_eq!(entries("CST6CDT,0/0,J365/25").at(1_700_000_000).east, -5 * 3600);
    }
}
