//! What an unclean end leaves, and what the next start makes of it: a table of all steps of a rotation.

use crate::directory::{Listing, is_old};
use crate::lines::text;
use crate::logger::Logger;
use crate::program::{Place, Program};
use std::fs::{self, File, Permissions};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// An old log that is there already.
const OLD: &str = "@400000006000000000000000.s";

/// Files as a kill may have left them.
pub struct Leftovers {
    pub name: &'static str,
    /// Their names, modes and lines.
    files: &'static [(&'static str, u32, Range<u64>)],
    /// What has the name OLD, too.
    linked: Option<&'static str>,
    /// What of the lines is then in old logs, with these suffixes and modes.
    after: &'static [(&'static str, u32, Range<u64>)],
    /// What is then in `current`.
    current: Range<u64>,
    /// What the reference does otherwise.
    pub reference: Reference,
}

#[derive(PartialEq)]
pub enum Reference {
    Same,
    /// It makes an old log of an empty `current`, too.
    KeepsEmpty,
    /// It leaves what lies beside a `current` that was closed.
    Overlooks,
}

use Reference::{KeepsEmpty, Overlooks, Same};

pub const ALL: &[Leftovers] = &[
    Leftovers {
        name: "while it was writing",
        files: &[("current", 0o644, 0..10)],
        linked: None,
        after: &[(".u", 0o644, 0..10)],
        current: 10..10,
        reference: Same,
    },
    Leftovers {
        name: "before the first line",
        files: &[("current", 0o644, 0..0)],
        linked: None,
        after: &[],
        current: 0..0,
        reference: KeepsEmpty,
    },
    Leftovers {
        name: "after current was renamed",
        files: &[("previous", 0o644, 0..10)],
        linked: None,
        after: &[(".u", 0o644, 0..10)],
        current: 10..10,
        reference: Same,
    },
    Leftovers {
        name: "after the next current was made",
        files: &[("previous", 0o644, 0..10), ("current", 0o644, 10..10)],
        linked: None,
        after: &[(".u", 0o644, 0..10)],
        current: 10..10,
        reference: KeepsEmpty,
    },
    Leftovers {
        name: "after previous was marked as complete",
        files: &[("previous", 0o744, 0..10), ("current", 0o644, 10..20)],
        linked: None,
        after: &[(".u", 0o744, 0..10), (".u", 0o644, 10..20)],
        current: 20..20,
        reference: Same,
    },
    Leftovers {
        name: "after previous had its new name",
        files: &[("previous", 0o744, 0..10), ("current", 0o644, 10..20)],
        linked: Some("previous"),
        after: &[(".s", 0o744, 0..10), (".u", 0o644, 10..20)],
        current: 20..20,
        reference: Same,
    },
    Leftovers {
        name: "while the processor was running",
        files: &[
            ("previous", 0o744, 0..10),
            ("processed", 0o644, 0..5),
            ("state", 0o644, 0..1),
            ("newstate", 0o644, 0..1),
            ("current", 0o644, 10..20),
        ],
        linked: None,
        after: &[(".u", 0o744, 0..10), (".u", 0o644, 10..20)],
        current: 20..20,
        reference: Same,
    },
    Leftovers {
        name: "after what the processor wrote was marked as complete",
        files: &[
            ("previous", 0o744, 0..10),
            ("processed", 0o744, 0..10),
            ("state", 0o644, 0..1),
            ("newstate", 0o644, 0..2),
            ("current", 0o644, 10..20),
        ],
        linked: None,
        after: &[(".s", 0o744, 0..10), (".u", 0o644, 10..20)],
        current: 20..20,
        reference: Same,
    },
    Leftovers {
        name: "after what was processed was removed",
        files: &[
            ("processed", 0o744, 0..10),
            ("state", 0o644, 0..1),
            ("newstate", 0o644, 0..2),
            ("current", 0o644, 10..20),
        ],
        linked: None,
        after: &[(".s", 0o744, 0..10), (".u", 0o644, 10..20)],
        current: 20..20,
        reference: Same,
    },
    Leftovers {
        name: "after the next state was in its place",
        files: &[("processed", 0o744, 0..10), ("state", 0o644, 0..1), ("current", 0o644, 10..10)],
        linked: None,
        after: &[(".s", 0o744, 0..10)],
        current: 10..10,
        reference: KeepsEmpty,
    },
    Leftovers {
        name: "after what the processor wrote had its new name",
        files: &[("processed", 0o744, 0..10), ("state", 0o644, 0..1), ("current", 0o644, 10..20)],
        linked: Some("processed"),
        after: &[(".s", 0o744, 0..10), (".u", 0o644, 10..20)],
        current: 20..20,
        reference: Same,
    },
    Leftovers {
        name: "not at all",
        files: &[("current", 0o744, 0..10), ("state", 0o644, 0..3)],
        linked: None,
        after: &[],
        current: 0..10,
        reference: Same,
    },
    Leftovers {
        name: "and then something closed current",
        files: &[("previous", 0o644, 0..10), ("current", 0o744, 10..20), ("state", 0o644, 0..1)],
        linked: None,
        after: &[(".u", 0o644, 0..10)],
        current: 10..20,
        reference: Overlooks,
    },
    Leftovers {
        name: "after the processor, and then something closed current",
        files: &[
            ("previous", 0o744, 0..10),
            ("processed", 0o744, 0..10),
            ("state", 0o644, 0..1),
            ("newstate", 0o644, 0..2),
            ("current", 0o744, 10..20),
        ],
        linked: None,
        after: &[(".s", 0o744, 0..10)],
        current: 10..20,
        reference: Overlooks,
    },
];

impl Leftovers {
    /// Puts them there.
    pub fn make(&self, directory: &Path) {
        fs::create_dir(directory).unwrap();
        fs::set_permissions(directory, Permissions::from_mode(0o700)).unwrap();
        for (name, mode, lines) in self.files {
            fs::write(directory.join(name), text(lines.clone())).unwrap();
            fs::set_permissions(directory.join(name), Permissions::from_mode(*mode)).unwrap();
        }
        if let Some(name) = self.linked {
            fs::hard_link(directory.join(name), directory.join(OLD)).unwrap();
        }
    }

    /// The number of the next line.
    pub fn next(&self) -> u64 {
        let logs = self.files.iter().filter(|(name, ..)| !name.ends_with("state"));
        logs.map(|(_, _, lines)| lines.end).max().unwrap()
    }

    /// The lines in `state` after a start.
    fn state(&self) -> Range<u64> {
        let is_closed = self.files.iter().any(|&(name, mode, _)| (name, mode) == ("current", 0o744));
        let state = self.files.iter().find(|(name, ..)| *name == "state" && is_closed);
        state.map_or(0..0, |(_, _, lines)| lines.clone())
    }
}

#[test]
fn a_start_puts_in_order_what_a_kill_has_left() {
    for program in Program::all() {
        for left in ALL.iter().filter(|left| program.is_ours || left.reference != Overlooks) {
            let context = format!("{}, killed {}", program.name, left.name);
            let place = Place::new();
            left.make(&place.log());
            let nothing = File::open("/dev/null").unwrap();
            let ended = Logger::run(&program, place.path(), &["./log"], nothing);
            assert_eq!(ended, (0, String::new()), "{context}");
            let listing = Listing::of(&place.log());
            let is_empty_kept = !program.is_ours && left.reference == KeepsEmpty;
            let old = listing.old().filter(|entry| !is_empty_kept || !entry.text.is_empty());
            let old: Vec<_> = old.map(|entry| (&entry.name[25..], entry.mode, entry.text.clone())).collect();
            let after: Vec<_> =
                left.after.iter().map(|(suffix, mode, lines)| (*suffix, *mode, text(lines.clone()))).collect();
            assert!(old == after, "{context}: {:?}", listing.shown());
            let expected = [("current", left.current.clone()), ("state", left.state()), ("lock", 0..0)];
            for (name, lines) in expected.clone() {
                let entry = listing.get(name).unwrap_or_else(|| panic!("{context}: {:?}", listing.shown()));
                assert!(entry.text == text(lines), "{context}: {name}: {:?}", listing.shown());
            }
            let count = old.len() + expected.len() + usize::from(is_empty_kept);
            assert_eq!(listing.shown().len(), count, "{context}: {:?}", listing.shown());
            listing.assert_settled(&context);
            assert!(listing.old().all(|entry| is_old(&entry.name)));
        }
    }
}

/// The reference cannot run its processor then, and tries for ever.
#[test]
fn a_state_that_is_missing_is_an_empty_one() {
    let place = Place::new();
    let left = ALL.iter().find(|left| left.name == "not at all").unwrap();
    left.make(&place.log());
    fs::remove_file(place.log().join("state")).unwrap();
    fs::write(place.at("input"), text(10..40)).unwrap();
    let input = File::open(place.at("input")).unwrap();
    let actions = ["s4096", "!cat; cat <&4 >&5; echo run >&5", "./log"];
    assert_eq!(Logger::run(&Program::ours(), place.path(), &actions, input), (0, String::new()));
    let listing = Listing::of(&place.log());
    listing.assert_settled("at the end");
    assert!(listing.text() == text(0..40), "{:?}", listing.shown());
    let count = listing.old().count();
    assert!(count > 0 && listing.get("state").unwrap().text == b"run\n".repeat(count), "{:?}", listing.shown());
}
