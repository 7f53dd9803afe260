//! The actions of multilog: any words, the last of them a line. What is read of them is within the limits that the manual
//! names, no word gets lost, and patterns match as a matcher of its own has it.
//!
//!     cargo +nightly fuzz run --fuzz-dir tests/fuzz multilog_actions
#![no_main]

use catena::applets::log::multilog::actions::{Action, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // words cannot hold NUL, so it stands between them
    let mut words: Vec<&[u8]> = bytes.split(|&byte| byte == 0).collect();
    let line = words.pop().unwrap_or_default();
    let plan = parse(words.iter().copied());
    assert!(plan.actions.len() + plan.ignored.len() <= words.len());
    // those that no action came of are words of the call
    assert!(plan.ignored.iter().all(|(word, why)| words.contains(word) && !why.is_empty()));
    let is_kind = |word: &&&[u8]| matches!(word, [b'+' | b'-' | b'e' | b'=' | b'.' | b'/', ..]);
    assert_eq!(plan.actions.len(), words.iter().filter(is_kind).count());
    let patterns = words.iter().filter(is_kind).zip(&plan.actions);
    // F and S say which kind of pattern it is
    let has_modes = words.iter().any(|word| matches!(word, [b'F']));
    for (word, action) in patterns {
        match action {
            Action::Select(is_selecting, pattern) => {
                assert_eq!(*is_selecting, word[0] == b'+');
                let is_match = pattern.matches(line);
                if !has_modes {
                    assert_eq!(is_match, matches(&word[1..], line));
                }
            }
            Action::Show => assert_eq!(word[0], b'e'),
            Action::Keep(name) => assert_eq!(*name, &word[1..]),
            Action::Log(settings) => {
                assert_eq!(settings.name, *word);
                assert!((4096..=2_147_483_647).contains(&settings.size));
                assert!(settings.number >= 2);
                assert!((1..=32).contains(&settings.code.len()) && !settings.code.contains(&b'/'));
                assert_ne!(settings.processor, Some(&b""[..]));
                assert!(settings.age.is_none_or(|age| !age.is_zero()));
                assert_ne!((settings.total, settings.least), (Some(0), Some(0)));
            }
        }
    }
});

/// `*` at the end matches all; before another byte it skips to the first place of that, which is then matched like any other,
/// so that it may be a star again. There is no second try.
fn matches(pattern: &[u8], line: &[u8]) -> bool {
    match (pattern, line) {
        ([], line) => line.is_empty(),
        ([b'*'], _) => true,
        ([b'*', rest @ ..], line) => {
            let found = line.iter().position(|byte| *byte == rest[0]);
            found.is_some_and(|found| matches(rest, &line[found..]))
        }
        ([one, rest @ ..], [byte, others @ ..]) => one == byte && matches(rest, others),
        (_, []) => false,
    }
}
