//! Which lines a list of patterns selects: some thousand pairs of list and line, on the reference and on ours, against the
//! rules written down in model.rs. Many lines go through one start; which of them were selected shows in the directory.

use crate::generator::{LENGTHS, line_for, pattern_list};
use crate::ground::{Ground, Input, Subjects};
use crate::model::{expect, lines};
use crate::support::random::{Random, at_least};
use std::collections::BTreeMap;

const SEED: u64 = 20_010_712;
const LISTS: u64 = 160;
const LINES: usize = 40;

#[test]
fn the_same_lines_are_selected() {
    let subjects = Subjects::new();
    let mut random = Random::new(SEED);
    let mut cases = 0;
    // by length, where it is one of the special ones: lines that were selected and that were not
    let mut seen: BTreeMap<usize, [usize; 2]> = BTreeMap::new();
    for number in 0..at_least(LISTS) {
        let patterns = pattern_list(&mut random);
        let mut actions = patterns.clone();
        if number % 2 == 1 {
            actions.insert(0, b"t".to_vec());
        }
        // it all stays in one file
        actions.extend([&b"s16777215"[..], b"./selected", b"e"].map(<[u8]>::to_vec));
        let lines: Vec<Vec<u8>> = (0..LINES).map(|_| line_for(&mut random, &patterns)).collect();
        let input = lines.join(&b'\n');
        let input = [input.as_slice(), b"\n"].concat();
        for line in &lines {
            let is_selected = !expect(&actions, &[line, b"\n".as_slice()].concat()).printed.is_empty();
            seen.entry(line.len()).or_default()[usize::from(is_selected)] += 1;
        }
        cases += lines.len();
        for subject in &subjects.all {
            check(subject, &actions, &input);
        }
    }
    assert!(cases >= 2000, "{cases}");
    for length in LENGTHS {
        assert!(seen[length].iter().all(|&count| count >= 3), "lines of {length} bytes: {:?}", seen[length]);
    }
    let sums = seen.values().fold([0, 0], |sums, counts| [sums[0] + counts[0], sums[1] + counts[1]]);
    assert!(sums.iter().all(|&sum| sum * 5 >= cases), "deselected and selected: {sums:?}");
}

fn check(subject: &crate::ground::Subject, actions: &[Vec<u8>], input: &[u8]) {
    let shown = || actions.iter().map(|action| action.escape_ascii().to_string()).collect::<Vec<_>>();
    let expected = expect(actions, input);
    let ground = Ground::new();
    let seen = ground.run(subject, actions, &Input::File(input.to_vec())).without_labels();
    assert_eq!(seen.code, 0, "{}: {:?}", subject.name, shown());
    let log = &seen.files["selected/current"].1;
    if *log != expected.logs[0].1 || seen.stderr != expected.printed {
        // one line alone, to be shown
        for line in lines(input) {
            let input = [line, b"\n"].concat();
            let ground = Ground::new();
            let seen = ground.run(subject, actions, &Input::File(input.clone())).without_labels();
            let expected = expect(actions, &input);
            let seen = (!seen.files["selected/current"].1.is_empty(), seen.stderr.escape_ascii().to_string());
            let expected = (!expected.logs[0].1.is_empty(), expected.printed.escape_ascii().to_string());
            assert_eq!(seen, expected, "{}: {:?}, line {}", subject.name, shown(), line.escape_ascii());
        }
        panic!("{}: {:?}: each line alone is right, all together are not", subject.name, shown());
    }
}
