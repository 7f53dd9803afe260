//! Text that is not ours: names of files, accounts and programs, words of a command line, values of variables, what a
//! service says of itself. A message, a title or a table that has it in it is a line for a terminal or a log: such
//! text must neither command the one nor forge a line of the other, nor look like something else.
//!
//! What passes is everything that can be printed, byte for byte, so ordinary names are as they are. A question mark takes
//! the place of
//!
//! - control characters (U+0000 to U+001F, U+007F to U+009F), newline and tab among them;
//! - the bytes 0x80 to 0x9F where they are no part of a character: to a terminal that takes bytes they are the same
//!   control characters. Other bytes that are no UTF-8 pass;
//! - line and paragraph separators (U+2028, U+2029), and what turns the direction of writing (U+061C, U+200E, U+200F,
//!   U+202A to U+202E, U+2066 to U+2069).
//!
//! All messages come through here in the one place that writes them ([`crate::voice::failure::say_to`]).

mod quoted;

use std::borrow::Cow;

pub use quoted::quoted;

/// What stands for what is not shown.
const INSTEAD: u8 = b'?';

/// Whether it would command a terminal, begin a line, or have what is around it look like something else.
pub fn is_unfit(sign: char) -> bool {
    let turns_direction = matches!(sign,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    sign.is_control() || turns_direction || matches!(sign, '\u{2028}' | '\u{2029}')
}

/// How many bytes the first character of the text has, and the character; one byte and nothing, if it begins with none.
fn first(text: &[u8]) -> (usize, Option<char>) {
    let width = width(text[0]);
    let sign = text.get(..width).and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
    (if sign.is_some() { width } else { 1 }, sign)
}

/// How many bytes a character that begins with this one has; 0 if none does.
fn width(byte: u8) -> usize {
    match byte {
        ..0x80 => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

/// How long the first character or stray byte is, and whether it may be shown.
fn judged(text: &[u8]) -> (usize, bool) {
    match first(text) {
        (width, Some(sign)) => (width, !is_unfit(sign)),
        (width, None) => (width, text[0] > 0x9f),
    }
}

/// Whether all of the text may be shown as it is.
pub fn is_fit(text: &[u8]) -> bool {
    let mut at = text.iter().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(text.len());
    while at < text.len() {
        let (width, is_fit) = judged(&text[at..]);
        if !is_fit {
            return false;
        }
        at += width;
    }
    true
}

/// Makes the text fit to be shown, in its place. Gives its length, which is no more than before.
pub fn make_fit(text: &mut [u8]) -> usize {
    let (mut at, mut kept) = (0, 0);
    while at < text.len() {
        let (width, is_fit) = judged(&text[at..]);
        if is_fit {
            text.copy_within(at..at + width, kept);
            kept += width;
        } else {
            text[kept] = INSTEAD;
            kept += 1;
        }
        at += width;
    }
    kept
}

/// The text as it may be shown.
pub fn shown(text: &[u8]) -> Cow<'_, [u8]> {
    if is_fit(text) {
        return Cow::Borrowed(text);
    }
    let mut copy = text.to_vec();
    let length = make_fit(&mut copy);
    copy.truncate(length);
    Cow::Owned(copy)
}

/// The same of a string.
pub fn shown_string(text: &str) -> String {
    text.chars().map(|sign| if is_unfit(sign) { char::from(INSTEAD) } else { sign }).collect()
}

/// How much of the text, of which more is to come, can be judged by now: all but the beginning of a character at its end.
pub fn complete(text: &[u8]) -> usize {
    /// Bytes of the longest character, but one.
    const MOST_BEGUN: usize = 3;
    let begins = |&back: &usize| {
        let end = &text[text.len().saturating_sub(back)..];
        // without a length of what is wrong, it is only not all there
        end.len() == back
            && width(end[0]) > back
            && std::str::from_utf8(end).is_err_and(|why| why.error_len().is_none())
    };
    text.len() - (1..=MOST_BEGUN).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::char::range;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    /// Pieces of text in which everything that matters is likely.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let sign = prop_oneof![
            any::<u8>().prop_map(|byte| vec![byte]),
            (0x80_u8..0xa0).prop_map(|byte| vec![0xc2, byte]),
            prop_oneof![Just('\u{61c}'), range('\u{200a}', '\u{2030}'), range('\u{2060}', '\u{2070}'), any::<char>()]
                .prop_map(|sign| sign.to_string().into_bytes()),
            "[ -~]".prop_map(String::into_bytes),
            select(vec![&b"\xe2\x80"[..], b"\xf0\x9b", b"\xed\xa0\x80", b"\xc0\x9b"]).prop_map(<[u8]>::to_vec),
        ];
        vec(sign, 0..40).prop_map(|signs| signs.concat())
    }

    fn in_place(text: &[u8]) -> Vec<u8> {
        let mut copy = text.to_vec();
        let length = make_fit(&mut copy);
        copy.truncate(length);
        copy
    }

    #[test]
    fn what_commands_forges_or_turns_becomes_a_question_mark() {
        for (text, expected) in [
            (&b"a\nb\tc\rd\0e"[..], &b"a?b?c?d?e"[..]),
            (b"\x1b[2J\x7f", b"?[2J?"),
            // the same control character as UTF-8 and as a byte
            (b"a\xc2\x9b2Jb\x9b2J", b"a?2Jb?2J"),
            (b"\xc2\x85next", b"?next"),
            ("\u{2028}\u{2029}\u{202e}\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}".as_bytes(), b"????????"),
            // beginnings of characters that do not go on, too long ones, halves of surrogates, beyond the last one
            (b"\xe2\x80", b"\xe2?"),
            (b"\xe2\xc2\x9b", b"\xe2?"),
            (b"\xc0\x9b\xe0\x82\x9b", b"\xc0?\xe0??"),
            (b"\xed\xa0\x9b\xf4\x90\x80\x80", b"\xed\xa0?\xf4???"),
        ] {
            assert_eq!(in_place(text), expected, "{}", text.escape_ascii());
            assert_eq!(shown(text), expected, "{}", text.escape_ascii());
            assert!(!is_fit(text));
        }
    }

    #[test]
    fn ordinary_names_are_as_they_are() {
        for text in [
            &b""[..],
            b"/etc/service/web-1 '\"\\?",
            "b\u{e4}r \u{c9}t\u{e9} \u{4e2d}\u{6587} \u{1f600} \u{a0} \u{fffd} \u{db}".as_bytes(),
            // ISO 8859-1
            b"b\xe4r caf\xe9 \xa0\xff",
        ] {
            assert!(is_fit(text), "{}", text.escape_ascii());
            assert_eq!(in_place(text), text);
            assert!(matches!(shown(text), Cow::Borrowed(_)));
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_fit_and_nothing_else_changes(text in text()) {
            let result = in_place(&text);
            prop_assert!(is_fit(&result));
            prop_assert!(result.len() <= text.len());
            prop_assert_eq!(in_place(&result), result.clone());
            prop_assert_eq!(result == text, is_fit(&text));
            prop_assert_eq!(shown(&text), result.as_slice());
            prop_assert!(!result.iter().any(u8::is_ascii_control));
            // by the standard library: characters and what is none, each by itself
            let mut expected = Vec::new();
            for chunk in text.utf8_chunks() {
                expected.extend(shown_string(chunk.valid()).into_bytes());
                expected.extend(chunk.invalid().iter().map(|&byte| if byte < 0xa0 { b'?' } else { byte }));
            }
            prop_assert_eq!(result, expected);
        }

        #[test]
        fn strings_are_shown_as_their_bytes_are(text: String) {
            let shown = shown_string(&text);
            prop_assert_eq!(shown.as_bytes(), in_place(text.as_bytes()));
            prop_assert!(!shown.chars().any(is_unfit));
            prop_assert_eq!(shown.chars().count(), text.chars().count());
        }

        #[test]
        fn parts_are_shown_as_the_whole_is(text in text(), cuts in vec(0_usize..40, 0..6)) {
            let (mut result, mut held) = (Vec::new(), Vec::new());
            let mut left = text.as_slice();
            for cut in cuts {
                let (part, rest) = left.split_at(cut.min(left.len()));
                held.extend_from_slice(part);
                let rest_of_part = held.split_off(complete(&held));
                prop_assert!(rest_of_part.len() < 4);
                result.extend(in_place(&held));
                held = rest_of_part;
                left = rest;
            }
            held.extend_from_slice(left);
            result.extend(in_place(&held));
            prop_assert_eq!(result, in_place(&text));
        }
    }
}
