//! tai64nlocal: random bytes with labels mixed in. Nothing crashes it, and only labels change, as the decoder has it.

use crate::decode::{converted, label};
use crate::run::{Filter, fed, ours};
use crate::support::Installed;
use crate::support::random::Random;

/// A piece of input: a label, nearly a label, or anything else.
fn piece(draw: &mut Random) -> Vec<u8> {
    let at = match draw.below(4) {
        0 => draw.within(-(1 << 62) - 10..(1 << 62)),
        1 => draw.within(-63_000_000_000..254_000_000_000),
        _ => draw.within(1_700_000_000..1_800_000_000),
    };
    let nanoseconds = if draw.below(10) == 0 { draw.next() as u32 } else { draw.below(1_000_000_000) as u32 };
    let mut text = label((at, nanoseconds)).into_bytes();
    match draw.below(16) {
        0..=5 => text,
        // one byte of it is another, or missing, or twice there
        6 => {
            let place = draw.below(text.len());
            text[place] = *b"gG@A \n/:`\0\xff0".get(draw.below(12)).unwrap();
            text
        }
        7 => {
            text.remove(draw.below(text.len()));
            text
        }
        8 => {
            text.insert(1 + draw.below(24), b'7');
            text
        }
        9 => text[..draw.below(25)].to_vec(),
        10 => b"\n".to_vec(),
        11 => vec![*b" \t\r\x0b\x0c".get(draw.below(5)).unwrap()],
        12 => b"@".repeat(1 + draw.below(3)),
        13 => (0..draw.below(40)).map(|_| b"0123456789abcdef@\n "[draw.below(19)]).collect(),
        14 => (0..draw.below(40)).map(|_| draw.next() as u8).collect(),
        _ => b"plain text".to_vec(),
    }
}

fn bytes(draw: &mut Random, least: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < least {
        if draw.below(2) == 0 {
            bytes.push(b"\n\n\n \t"[draw.below(5)]);
        }
        bytes.extend(piece(draw));
    }
    bytes
}

/// Where the two part.
fn difference(seen: &[u8], expected: &[u8]) -> String {
    let Some(at) = seen.iter().zip(expected).position(|(seen, expected)| seen != expected) else {
        return format!("{} bytes, not {}", seen.len(), expected.len());
    };
    let around = |text: &[u8]| text[at.saturating_sub(40)..text.len().min(at + 40)].escape_ascii().to_string();
    format!("at {at}: {}\nexpected: {}", around(seen), around(expected))
}

#[test]
fn random_bytes_pass_and_labels_are_converted() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let mut draw = Random::new(0x5151);
    for round in 0..40 {
        let input = bytes(&mut draw, if round == 0 { 1_000_000 } else { 20_000 });
        for words in [&["-u"][..], &["-u", "-a"]] {
            let expected = converted(&input, words.len() == 2);
            assert!(expected != input);
            let ended = fed(program.call(words), &input);
            assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{words:?}, round {round}");
            let is_same = ended.stdout == expected;
            assert!(is_same, "{words:?}, round {round}: {}", difference(&ended.stdout, &expected));
        }
    }
}

/// The same, taken bit by bit.
#[test]
fn random_cuts_change_nothing() {
    let installed = Installed::shared();
    let program = ours(&installed, "tai64nlocal");
    let mut draw = Random::new(0xc075);
    for round in 0..6 {
        for words in [&["-u"][..], &["-u", "-a"]] {
            let input = bytes(&mut draw, 3000);
            let mut filter = Filter::start(program.call(words));
            let mut left = &input[..];
            while !left.is_empty() {
                let (now, later) = left.split_at(left.len().min(1 + draw.below(30)));
                filter.write_and_wait(now);
                left = later;
            }
            // the pipe for the output holds all of it
            let (seen, code) = filter.finish();
            let expected = converted(&input, words.len() == 2);
            let is_same = seen == expected;
            assert!(is_same, "{words:?}, round {round}: {}", difference(&seen, &expected));
            assert_eq!(code, 0);
        }
    }
}
