//! Open descriptors, and the locks that come with them.

use super::{Attribute, Change, Fact, Value, View, Whose, proc_files};
use nix::errno::Errno;
use std::os::fd::RawFd;

/// The attribute; a part is a number, for what is open there, or `N.locks`.
pub struct Descriptors;

/// The attribute.
pub const DESCRIPTORS: Descriptors = Descriptors;

/// Descriptors 0, 1 and 2 where they are terminals.
pub const TERMINALS: Change =
    Change::new(&[&DESCRIPTORS], "standard input, output and error, where they are terminals");
/// Descriptors 0, 1 and 2, whatever they are.
pub const STANDARD: Change = Change::new(&[&DESCRIPTORS], "standard input, output and error");
/// Which descriptors above 2 are open.
pub const ABOVE_STANDARD: Change = Change::new(&[&DESCRIPTORS], "which descriptors above 2 are open");
/// One more open descriptor, and the lock on its file.
pub const LOCK: Change = Change::new(&[&DESCRIPTORS], "one more open descriptor and the lock it holds");
/// Descriptors by which a parent sees the end of all who have them.
pub const WITNESSES: Change = Change::new(&[&DESCRIPTORS], "31 more open descriptors, of a pipe");
/// One more open descriptor, to say on it that the program is ready.
pub const READINESS: Change = Change::new(&[&DESCRIPTORS], "one more open descriptor, of a pipe");

impl Attribute for Descriptors {
    fn name(&self) -> &'static str {
        "descriptors"
    }

    fn read(&self, whose: Whose) -> nix::Result<Vec<Fact>> {
        let directory = std::fs::read_dir(proc_files::path(whose, "fd"));
        let directory = directory.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
        let mut numbers: Vec<RawFd> =
            directory.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
        numbers.sort_unstable();
        let mut facts = Vec::new();
        for number in numbers {
            // the one that the directory was read by is closed again
            let Ok(target) = proc_files::target(whose, &format!("fd/{number}")) else { continue };
            facts.push(is(number, target));
            let info = proc_files::bytes(whose, &format!("fdinfo/{number}")).unwrap_or_default();
            let locks: Vec<String> = String::from_utf8_lossy(&info).lines().filter_map(lock).collect();
            if !locks.is_empty() {
                facts.push(Fact::part(self.name(), format!("{number}.locks"), Value::Bytes(locks.join(", ").into())));
            }
        }
        Ok(facts)
    }
}

/// A line `lock: 1: FLOCK ADVISORY WRITE …` of fdinfo, as `flock write`.
fn lock(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("lock:")?.split_whitespace().skip(1);
    let (kind, how) = (words.next()?, words.nth(1)?);
    Some(format!("{} {}", kind.to_ascii_lowercase(), how.to_ascii_lowercase()))
}

/// This is open there.
pub fn is(number: RawFd, target: impl Into<Vec<u8>>) -> Fact {
    Fact::part(DESCRIPTORS.name(), number.to_string(), Value::Bytes(target.into()))
}

/// Such a lock is held by it: `flock` or `posix`, and `write` or `read`.
pub fn locks(number: RawFd, kind: &str, how: &str) -> Fact {
    Fact::part(DESCRIPTORS.name(), format!("{number}.locks"), Value::Bytes(format!("{kind} {how}").into()))
}

/// It is closed.
pub fn is_closed(number: RawFd) -> Fact {
    Fact::part(DESCRIPTORS.name(), number.to_string(), Value::Absent)
}

/// All open numbers, sorted.
///
/// # Errors
/// As reading /proc.
pub fn open(view: &View<'_>) -> nix::Result<Vec<RawFd>> {
    let all = view.all(&DESCRIPTORS)?;
    let number = |fact: &Fact| std::str::from_utf8(fact.name.rest()).ok()?.parse().ok();
    let mut numbers: Vec<RawFd> = all.iter().filter_map(number).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// The lowest closed number from there on.
///
/// # Errors
/// Likewise.
pub fn lowest_closed(view: &View<'_>, from: RawFd) -> nix::Result<RawFd> {
    let open = open(view)?;
    Ok((from..RawFd::MAX).find(|number| !open.contains(number)).unwrap_or(RawFd::MAX))
}

/// What is open there.
///
/// # Errors
/// Likewise.
pub fn target(view: &View<'_>, number: RawFd) -> nix::Result<Value> {
    view.value(&DESCRIPTORS, number.to_string().as_bytes())
}
