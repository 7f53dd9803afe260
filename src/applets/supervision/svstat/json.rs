//! An object a service, in JSON (RFC 8259). Every key is always there but `error`; what is not known is null.

use super::look::{DirectoryLook, One, Trouble, Verdict, no_log};
use crate::environ::Environ;
use crate::service::status::Want;
use crate::time::local::{LocalTime, Style, ZoneChoice};
use crate::time::tai64n::Moment;
use crate::voice::foreign::is_unfit;

/// The line of a service, with its log in it; of its log alone, if only that was asked for.
pub fn line(look: &DirectoryLook, now: Moment, environ: &Environ) -> Vec<u8> {
    let mut text = Vec::new();
    let name = |log| String::from_utf8_lossy(&[look.dir, if log { &b"/log"[..] } else { b"" }].concat()).into_owned();
    let mut object = match (&look.main, &look.log) {
        (Some(main), log) => {
            let mut object = Object::begin(&mut text);
            object.string("name", Some(&name(false)));
            object.found(main, now, environ);
            object.key("log");
            match log {
                Some(log) => {
                    let mut inner = Object::begin(object.text);
                    inner.found(log, now, environ);
                    inner.end();
                }
                None => object.text.extend_from_slice(b"null"),
            }
            object
        }
        (None, log) => {
            let mut object = Object::begin(&mut text);
            object.string("name", Some(&name(true)));
            object.found(log.as_ref().unwrap_or(&no_log()), now, environ);
            object
        }
    };
    object.end();
    text.push(b'\n');
    text
}

/// An object that is being written.
struct Object<'a> {
    text: &'a mut Vec<u8>,
    is_empty: bool,
}

impl<'a> Object<'a> {
    fn begin(text: &'a mut Vec<u8>) -> Self {
        text.push(b'{');
        Self { text, is_empty: true }
    }

    fn end(&mut self) {
        self.text.push(b'}');
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.is_empty) {
            self.text.push(b',');
        }
        quote(key, self.text);
        self.text.push(b':');
    }

    fn string(&mut self, key: &str, value: Option<&str>) {
        self.key(key);
        match value {
            Some(value) => quote(value, self.text),
            None => self.text.extend_from_slice(b"null"),
        }
    }

    /// A number or a truth value, or null.
    fn plain<T: ToString>(&mut self, key: &str, value: Option<T>) {
        self.key(key);
        let value = value.map_or("null".to_owned(), |value| value.to_string());
        self.text.extend_from_slice(value.as_bytes());
    }

    fn found(&mut self, found: &Verdict, now: Moment, environ: &Environ) {
        let (one, is_supervised) = match found {
            Ok(one) => (Some(one), Some(true)),
            Err(Trouble::NotSupervised(_)) => (None, Some(false)),
            Err(Trouble::Unknown(_)) => (None, None),
        };
        let status = one.map(|one| &one.status);
        let info = one.and_then(|one| one.info.as_ref());
        let since = status.and_then(|status| {
            let mut time = Vec::new();
            let mut writer = LocalTime::new(ZoneChoice::Utc, Style::Iso, 9, environ);
            writer.write(status.since, &mut time).then(|| String::from_utf8_lossy(&time).into_owned())
        });
        self.plain("supervised", is_supervised);
        self.plain("up", one.map(One::is_up));
        self.plain("pid", status.map(|status| status.pid).filter(|&pid| pid != 0));
        self.string("since", since.as_deref());
        self.plain("seconds", status.map(|status| status.seconds(now)));
        self.plain("paused", status.map(|status| status.is_paused));
        let want = status.map(|status| match status.want {
            Want::Up => "up",
            Want::Down => "down",
            Want::Once => "once",
        });
        self.string("want", want);
        self.plain("normally_up", one.map(|one| one.is_normally_up));
        self.string("state", status.and_then(|status| status.phase).map(|phase| phase.name()));
        self.plain("ready", info.and_then(|info| info.ready));
        self.plain("restarts", info.map(|info| info.restarts));
        self.plain("last_exit", info.and_then(|info| info.last_exit));
        self.plain("last_signal", info.and_then(|info| info.last_signal));
        let left = one.filter(|one| one.info.is_some()).map(|one| one.left().unwrap_or((0, 0)));
        self.plain("left", left.map(|(count, _)| count));
        self.plain("left_pid", left.map(|(_, pid)| pid).filter(|&pid| pid != 0));
        self.plain("backoff_s", info.map(|info| seconds(info.backoff)));
        if let Err(trouble) = found {
            self.string("error", Some(&String::from_utf8_lossy(trouble.words())));
        }
    }
}

/// Milliseconds as seconds, with as many decimals as it takes.
fn seconds(milliseconds: u64) -> String {
    let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A string with quotation marks. Besides what has to be escaped, this is all that is
/// unfit for a terminal.
fn quote(value: &str, to: &mut Vec<u8>) {
    to.push(b'"');
    for sign in value.chars() {
        match sign {
            '"' | '\\' => to.extend([b'\\', sign as u8]),
            _ if is_unfit(sign) => to.extend(format!("\\u{:04x}", u32::from(sign)).into_bytes()),
            _ => to.extend_from_slice(sign.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_escaped() {
        for (value, quoted) in [
            ("web", r#""web""#),
            (r#"a"b\c/d"#, r#""a\"b\\c/d""#),
            ("\n\t\0\u{1b}[2J\u{7f}\u{9b}", r#""\u000a\u0009\u0000\u001b[2J\u007f\u009b""#),
            ("\u{2028}\u{202e}\u{61c}", r#""\u2028\u202e\u061c""#),
            ("zo\u{eb} \u{1f600} \u{fffd}", "\"zo\u{eb} \u{1f600} \u{fffd}\""),
        ] {
            let mut text = Vec::new();
            quote(value, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), quoted);
        }
    }

    #[test]
    fn milliseconds_become_seconds() {
        for (milliseconds, text) in
            [(0, "0"), (1000, "1"), (1500, "1.5"), (250, "0.25"), (60_000, "60"), (1001, "1.001")]
        {
            assert_eq!(seconds(milliseconds), text);
        }
    }
}
