//! Which old logs are removed: those that are, and nothing that is only named like one.

use crate::directory::{Listing, names, old_names};
use crate::lines::text;
use crate::logger::Logger;
use crate::program::{Place, Program};
use std::fs::{self, File};

/// Rotates often enough for more old logs than are kept.
fn run(program: &Program, place: &Place, keep: usize) {
    fs::write(place.at("input"), text(0..150)).unwrap();
    let input = File::open(place.at("input")).unwrap();
    let count = format!("n{}", keep + 1);
    let ended = Logger::run(program, place.path(), &["s4096", &count, "./log"], input);
    assert_eq!(ended, (0, String::new()), "{}", program.name);
}

#[test]
fn the_oldest_logs_are_removed() {
    for program in Program::all() {
        for keep in [1, 2, 4] {
            let place = Place::new();
            run(&program, &place, keep);
            let listing = Listing::of(&place.log());
            listing.assert_settled(program.name);
            assert_eq!(listing.old().count(), keep, "{}: {:?}", program.name, listing.shown());
            let kept = listing.text();
            assert!(text(0..150).ends_with(&kept) && kept.len() < text(0..150).len(), "{}", program.name);
        }
    }
}

/// What the reference removes, or is stuck with.
#[test]
fn what_is_not_an_old_log_does_not_count_and_is_left_alone() {
    const OTHERS: [&str; 6] = [
        "@notes-about-this-directory",
        "@4000000060000000000000zz.s",
        "@400000006000000000000000",
        "@400000006000000000000000s",
        "@40000000600000000000000.s",
        "notes",
    ];
    const DIRECTORY: &str = "@400000006000000000000001.s";
    const LINK: &str = "@400000006000000000000002.s";
    let program = Program::ours();
    for keep in [1, 3] {
        let place = Place::new();
        fs::create_dir(place.log()).unwrap();
        for name in OTHERS {
            fs::write(place.log().join(name), name).unwrap();
        }
        fs::create_dir(place.log().join(DIRECTORY)).unwrap();
        std::os::unix::fs::symlink("notes", place.log().join(LINK)).unwrap();
        run(&program, &place, keep);
        for name in OTHERS {
            assert_eq!(fs::read_to_string(place.log().join(name)).unwrap(), name);
        }
        assert!(place.log().join(DIRECTORY).is_dir());
        assert_eq!(fs::read_link(place.log().join(LINK)).unwrap().to_str(), Some("notes"));
        let logs: Vec<_> =
            old_names(&place.log()).into_iter().filter(|name| *name != DIRECTORY && *name != LINK).collect();
        assert_eq!(logs.len(), keep, "{:?}", names(&place.log()));
        assert_eq!(names(&place.log()).len(), keep + OTHERS.len() + 2 + 3);
    }
}

/// The label of so many seconds from now on.
fn label(seconds: u64) -> String {
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    format!("@{:016x}{:08x}", (1_u64 << 62) + 10 + now + seconds, 999_999_999)
}

/// Their old logs have names of the future then, and the last one by its name is the last one all the same. The reference
/// removes each new one at once, as it comes before them.
#[test]
fn the_newest_logs_are_kept_where_the_clock_was_set_back() {
    let program = Program::ours();
    for keep in [1, 3] {
        let place = Place::new();
        fs::create_dir(place.log()).unwrap();
        for number in 0..keep {
            fs::write(place.log().join(label(3600 + number as u64) + ".s"), "of another time").unwrap();
        }
        run(&program, &place, keep);
        let listing = Listing::of(&place.log());
        let kept = listing.text();
        assert!(text(0..150).ends_with(&kept) && kept.len() > keep * 2000, "{:?}", listing.shown());
        listing.assert_settled("at the end");
        assert_eq!(listing.old().count(), keep, "{:?}", listing.shown());
    }
}
