//! An expectation that knows no multilog: the rules for lines, patterns and actions, written down once more and as plainly
//! as can be. Reference and ours are both held to it.

use crate::ground::LABEL;
use std::collections::BTreeMap;

/// Whether the whole text matches: a star skips to the first occurrence of what comes next in the pattern and never goes
/// back; at the end of the pattern it takes everything.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*'] => true,
        [b'*', next, ..] => {
            text.iter().position(|byte| byte == next).is_some_and(|place| matches(&pattern[1..], &text[place..]))
        }
        [literal, ..] => text.first() == Some(literal) && matches(&pattern[1..], &text[1..]),
    }
}

/// How much of a line is looked at.
pub const LOOKED_AT: usize = 1000;

/// What actions make of lines.
#[derive(Debug, Default)]
pub struct Expected {
    /// What is written to each log directory, in the order of the actions.
    pub logs: Vec<(String, Vec<u8>)>,
    /// What `e` prints.
    pub printed: Vec<u8>,
    /// The last thing written to each file of `=`.
    pub status: BTreeMap<String, Vec<u8>>,
}

/// The lines of an input, without their newlines. A partial last line is one.
pub fn lines(input: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<_> = input.split(|&byte| byte == b'\n').collect();
    lines.pop_if(|last| last.is_empty());
    lines
}

/// What the actions of daemontools' multilog make of this input.
pub fn expect(actions: &[Vec<u8>], input: &[u8]) -> Expected {
    let text = |action: &[u8]| String::from_utf8(action.to_vec()).unwrap();
    let mut expected = Expected::default();
    for action in actions.iter().filter(|action| is_directory(action)) {
        expected.logs.push((text(action), Vec::new()));
    }
    let has_label = actions.first().is_some_and(|action| action.first() == Some(&b't'));
    for line in lines(input) {
        let whole = if has_label { [LABEL, b" ", line].concat() } else { line.to_vec() };
        let head = &whole[..whole.len().min(LOOKED_AT)];
        let mut is_selected = true;
        let mut log = 0;
        for action in actions {
            match action.split_first() {
                Some((b'+', pattern)) => is_selected = is_selected || matches(pattern, head),
                Some((b'-', pattern)) => is_selected = is_selected && !matches(pattern, head),
                Some((b'e', _)) if is_selected => {
                    expected.printed.extend_from_slice(&head[..head.len().min(200)]);
                    expected.printed.extend_from_slice(if head.len() > 200 { b"...\n" } else { b"\n" });
                }
                Some((b'=', file)) if is_selected => {
                    let mut padded = head.to_vec();
                    padded.resize(LOOKED_AT + 1, b'\n');
                    expected.status.insert(text(file), padded);
                }
                Some((b'.' | b'/', _)) => {
                    if is_selected {
                        expected.logs[log].1.extend_from_slice(&whole);
                        expected.logs[log].1.push(b'\n');
                    }
                    log += 1;
                }
                _ => {}
            }
        }
    }
    expected
}

pub fn is_directory(action: &[u8]) -> bool {
    matches!(action.first(), Some(b'.' | b'/'))
}

/// The words that ours warns about and the reference takes without a word: unknown ones, `t` where it is not the first, and
/// a size or number that is none. Only for actions that the reference knows, and words that nobody knows.
pub fn ignored(actions: &[Vec<u8>]) -> Vec<&[u8]> {
    let is_ignored = |(place, action): &(usize, &Vec<u8>)| match action.first() {
        Some(b's' | b'n') => is_no_number(&action[1..]),
        Some(b'+' | b'-' | b'e' | b'=' | b'!' | b'.' | b'/') => false,
        Some(b't') => *place > 0,
        _ => true,
    };
    actions.iter().enumerate().filter(is_ignored).map(|(_, action)| action.as_slice()).collect()
}

fn is_no_number(text: &[u8]) -> bool {
    text.is_empty() || !text.iter().all(u8::is_ascii_digit)
}

/// Takes the warnings about such actions off the beginning of what ours has said: one line each, in order.
pub fn take_warnings<'a>(said: &'a [u8], ignored: &[&[u8]]) -> Result<&'a [u8], String> {
    let mut rest = said;
    for word in ignored {
        let ignored = [b"multilog: warning: ignoring action ", *word, b": "].concat();
        let misread = [b"multilog: warning: ", *word, b": not a "].concat();
        let beginning = if matches!(word.first(), Some(b's' | b'n')) { misread } else { ignored };
        let after = rest.strip_prefix(beginning.as_slice());
        let end = after.and_then(|after| after.iter().position(|&byte| byte == b'\n'));
        match (after, end) {
            // a reason
            (Some(after), Some(end)) if end > 0 => rest = &after[end + 1..],
            _ => return Err(format!("no warning about {:?} in {:?}", word.escape_ascii(), said.escape_ascii())),
        }
    }
    Ok(rest)
}
