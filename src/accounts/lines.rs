//! Lines of passwd(5) and group(5), read as glibc's files service reads them: what it takes for an account or a
//! membership is one, however odd the line, and nothing else is. A line comes with its newline, if it has one.

use super::{Id, User};
use std::borrow::Cow;
use std::ffi::c_ulong;

/// As isspace(3) in the C locale.
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// What follows the blanks in front.
pub fn after_blanks(text: &[u8]) -> &[u8] {
    &text[text.iter().position(|&byte| !is_blank(byte)).unwrap_or(text.len())..]
}

/// What C takes for the whole line.
pub fn until_nul(line: &[u8]) -> &[u8] {
    line.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// A number field as strtoul(3) reads it: blanks and a sign may stand in front, and a minus counts down from the largest
/// number. All of the field has to be number, and no larger than an id can be.
fn number(field: &[u8]) -> Option<Id> {
    let field = after_blanks(field);
    let (is_negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = digits.iter().map(|digit| c_ulong::from(digit - b'0'));
    let value = { digits }.try_fold(0, |value: c_ulong, digit| value.checked_mul(10)?.checked_add(digit));
    let value = value.map_or(c_ulong::MAX, |value| if is_negative { value.wrapping_neg() } else { value });
    Id::try_from(value).ok()
}

/// `+` and `-` begin entries of the old NIS syntax, never a name.
pub fn is_network_entry(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'+' | b'-'))
}

/// A line as glibc has it in its buffer once it has moved it over the blanks in front: it does not move the end along, so
/// that of a line that no newline ends the last bytes follow twice.
fn without_blanks(line: &[u8]) -> Cow<'_, [u8]> {
    let text = until_nul(line);
    let moved = after_blanks(text);
    match moved.strip_suffix(b"\n") {
        Some(whole) => Cow::Borrowed(whole),
        None if moved.len() == text.len() => Cow::Borrowed(moved),
        None => Cow::Owned([moved, &text[moved.len()..]].concat()),
    }
}

/// The fields after the name, if the line is the one for `name`. Blanks in front do not count, and a comment is none.
fn fields_of<'a>(line: &'a [u8], name: &[u8]) -> Option<impl Iterator<Item = &'a [u8]>> {
    if line.starts_with(b"#") {
        return None;
    }
    Some(line.strip_prefix(name)?.strip_prefix(b":")?.split(|&byte| byte == b':'))
}

/// What a passwd(5) line says, if it is the one for `name`.
pub fn user_in(line: &[u8], name: &[u8]) -> Option<User> {
    let line = without_blanks(line);
    let mut fields = fields_of(&line, name)?.skip(1);
    let (id, group) = (number(fields.next()?)?, number(fields.next()?)?);
    Some(User { id, group, home: fields.nth(1).unwrap_or_default().to_vec() })
}

/// The id of a group(5) line, if it is the one for `name`.
pub fn group_in(line: &[u8], name: &[u8]) -> Option<Id> {
    number(fields_of(&without_blanks(line), name)?.nth(1)?)
}

/// The id of a group(5) line, if `name` is among its members. For these glibc passes over no comment and no blanks in
/// front; all that follows the third colon is the list of members, and a network entry need not have a number.
pub fn membership_in(line: &[u8], name: &[u8]) -> Option<Id> {
    let line = until_nul(line);
    let mut fields = line.strip_suffix(b"\n").unwrap_or(line).splitn(4, |&byte| byte == b':');
    let (entry, _password, id, members) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let group = if id.is_empty() && is_network_entry(entry) { 0 } else { number(id)? };
    let is_listed = !name.is_empty() && members.split(|&byte| byte == b',').any(|member| after_blanks(member) == name);
    is_listed.then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_well_formed_line_counts() {
        let www = |home: &str| Some(User { id: 33, group: 34, home: home.into() });
        assert_eq!(user_in(b"www:x:33:34:w:/srv:/bin/sh", b"www"), www("/srv"));
        assert_eq!(user_in(b"\x0bwww:x:33:34\n", b"www"), www(""));
        assert_eq!(user_in(b"www:x:33:34\0:w:/srv\n", b"www"), www(""));
        // as glibc 2.36 has it
        assert_eq!(user_in(b" www:x:33:3", b"www"), Some(User { id: 33, group: 33, home: Vec::new() }));
        for bad in [&b"www2:x:33:34:::"[..], b"ww:x:1:1:::", b"www:x:33", b"www:x::34:::", b"www:x:33:34\r", b"www"] {
            assert_eq!(user_in(bad, b"www"), None);
        }
        assert_eq!(group_in(b"adm:x:4:a,b", b"adm"), Some(4));
        assert_eq!(group_in(b"adm:x", b"adm"), None);
    }

    #[test]
    fn members_are_all_that_follows_the_third_colon() {
        for line in [&b"adm:x:4:a,bb"[..], b"adm:x:4: bb", b"adm:x:4:a,\x0bbb,", b"#adm:x:4:bb", b"adm:x: +4:bb\0,c"] {
            assert_eq!(membership_in(line, b"bb"), Some(4), "{}", line.escape_ascii());
        }
        for line in
            [&b"adm:x:4:bb:z"[..], b"adm:x:4:bb ", b"adm:x:4:bb\r", b"adm:x:4\0:bb", b"adm:x:4 :bb", b"adm:x::bb"]
        {
            assert_eq!(membership_in(line, b"bb"), None, "{}", line.escape_ascii());
        }
        assert_eq!(membership_in(b"adm:x:4:a,bb", b"b"), None);
        assert_eq!(membership_in(b"adm:x:4:a,,b", b""), None);
        assert_eq!(membership_in(b"+:::bb", b"bb"), Some(0));
    }

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn numbers_are_strtouls() {
        for (text, id) in [
            ("\t+7", 7),
            ("-0", 0),
            ("4294967295", Id::MAX),
            ("-18446744073709551615", 1),
            ("0000000000000000000000009", 9),
        ] {
            assert_eq!(number(text.as_bytes()), Some(id), "{text:?}");
        }
        for large in ["4294967296", "18446744073709551616", "-1", "-18446744073709551616", "-18446744069414584320"] {
            assert_eq!(number(large.as_bytes()), None, "{large:?}");
        }
        for bad in ["", " ", "+", "- 1", "+-1", "0x1", "1 ", "1\r", "\u{a0}1"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad:?}");
        }
    }

    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(line: Vec<u8>, name: Vec<u8>) {
            let _ = (user_in(&line, &name), group_in(&line, &name), membership_in(&line, &name));
        }

        #[test]
        fn a_written_line_is_read_back(name in "[a-z_][a-z0-9_-]{0,8}", user in 0..Id::MAX, group in 0..Id::MAX, other in "[a-z]{0,9}") {
            let line = format!("{name}:x:{user}:{group}:A Name,,:/home:/bin/sh");
            let found = user_in(line.as_bytes(), name.as_bytes()).map(|user| (user.id, user.group));
            prop_assert_eq!(found, Some((user, group)));
            if other != name {
                prop_assert_eq!(user_in(line.as_bytes(), other.as_bytes()), None);
            }
            let line = format!("staff:x:{group}:{other},{name}");
            prop_assert_eq!(group_in(line.as_bytes(), b"staff"), Some(group));
            prop_assert_eq!(membership_in(line.as_bytes(), name.as_bytes()), Some(group));
        }
    }
}
