//! Words in quotation marks, as GNU coreutils has them in its messages.

use super::{first, is_unfit};
use std::borrow::Cow;

/// The word in the form that a shell reads: `'a b'`; `"it's"`; `'two'$'\n''lines'`. As coreutils does in a locale with
/// UTF-8, whatever the locale is; and characters that would have the line look like another one are written in octal, too,
/// as it does in the locale C.
pub fn quoted(word: &[u8]) -> Cow<'static, [u8]> {
    let mut text = Vec::with_capacity(word.len() + 2);
    if word.contains(&b'\'') && word.iter().enumerate().all(|(place, &byte)| is_plain_in_double_quotes(place, byte)) {
        text.push(b'"');
        text.extend_from_slice(word);
        text.push(b'"');
        return Cow::Owned(text);
    }
    text.push(b'\'');
    // whether what comes last is in $'...'
    let mut is_escaped = false;
    let mut left = word;
    while !left.is_empty() {
        let (width, sign) = first(left);
        let (bytes, rest) = left.split_at(width);
        left = rest;
        if bytes == b"'" {
            text.extend_from_slice(b"'\\''");
            is_escaped = false;
            continue;
        }
        let is_to_escape = sign.is_none_or(is_unfit);
        if is_to_escape != is_escaped {
            text.extend_from_slice(if is_to_escape { b"'$'" } else { b"''" });
            is_escaped = is_to_escape;
        }
        if is_to_escape {
            bytes.iter().for_each(|&byte| escape(byte, &mut text));
        } else {
            text.extend_from_slice(bytes);
        }
    }
    text.push(b'\'');
    Cow::Owned(text)
}

fn escape(byte: u8, text: &mut Vec<u8>) {
    let letter = match byte {
        0x07 => b'a',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x0b => b'v',
        _ => return text.extend([b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]),
    };
    text.extend([b'\\', letter]);
}

/// Whether it means itself between `"` to a shell and in C.
fn is_plain_in_double_quotes(place: usize, byte: u8) -> bool {
    let is_at_begin = place == 0 && matches!(byte, b'#' | b'~');
    byte.is_ascii_alphanumeric() || b" '%+,-./:]_".contains(&byte) || is_at_begin
}
