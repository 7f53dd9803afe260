//! tai64nlocal: make the TAI64N labels before lines readable. What is no label passes through, whatever it is.

use crate::applet::{Applet, Dialect, Grammar, Manual, Process, Role};
use crate::files::filter::{self, Conversion};
use crate::options::{Given, Opt};
use crate::time::local::{LocalTime, Style, ZoneChoice};
use crate::time::tai64n::{LENGTH, decode, is_digit};
use crate::voice::exit::{BERNSTEIN, SUCCESS};
use crate::voice::failure::WrongUsage;
use crate::voice::ignored;
use memchr::{memchr, memchr2};

/// The definition.
pub const APPLET: Applet = Applet {
    name: "tai64nlocal",
    about: "Make the precise time stamps before lines readable",
    dialect: Dialect::Bernstein,
    codes: BERNSTEIN,
    other_codes: &[(SUCCESS, "the end of standard input was reached")],
    changes: &[],
    on_request: &[],
    options: &[
        Opt::flag("u", "Write UTC, not local time"),
        Opt::flag("a", "Convert labels after white space within lines, too"),
        Opt::valued("d", "DIGITS", "Write so many decimals of the second, 0 to 9 (default 9)"),
        Opt::valued(
            "f",
            "FORMAT",
            "Write the time by this format of strftime(3), with %N for the decimals of the second",
        ),
        Opt::flag("iso", "Write 2026-11-21T04:26:50.123456789+01:00, as RFC 3339 has it"),
    ],
    operands: &[ignored::OPERAND],
    example: &[],
    manual: Manual {
        description: &[
            "Copies standard input to standard output. Where a line begins with a TAI64N label, `@` and 24 lower-case \
             hexadecimal digits, as tai64n(1) and multilog(1) write it, the local time stands in its place: \
             `2026-11-21 04:26:50.123456789`. All else stays as it is.",
            "The zone is that of the variable `TZ`, or else the system's, /etc/localtime. `TZ` is the name of a file below \
             /usr/share/zoneinfo, or below `TZDIR` where that is set, or of any file by its whole path; or a rule, as tzset(3) has it, \
             where there is no such file; anything else is UTC. The zones below right/ count leap seconds. `-u` takes UTC. Of `-f` and `--iso` the last one \
             counts.",
            "What only looks like a label passes through: other or more digits, a second with more than 999999999 \
             nanoseconds, a year before 0 or after 9999.",
            "All that has been read is written before more is read, but for the beginning of what may become a label.",
            "In FORMAT `%N`, `%Z` and `%s`, the decimals, the zone's name and the seconds since 1970, are those of date(1), with flags \
             and a width, as in `%3N`, `%#Z` or `%12s`. Without a width `%N` has as many digits as `-d` says. All other \
             conversions are those of the C library, in the C locale. One that it does not have stays as it is with glibc; \
             with musl nothing is left of what stands between the three above.",
            "With a sub-minute offset, as clocks had before railways, `--iso` leaves the seconds of the offset out.",
        ],
        sections: &[],
        examples: &[
            ("tai64nlocal < ./log/main/current", "Read a log."),
            ("tai64nlocal -u --iso -d 3", "Convert what is piped in, to milliseconds in UTC."),
            ("tai64nlocal -f %H:%M:%S.%N -d 6", "Show the time of day, to microseconds."),
        ],
        reference: "daemontools 0.76",
        differences: &[
            "A malformed label, or one beyond what the C library can convert, passes through unchanged; the reference \
             crashes.",
            "A label at the very end of the input is converted; the reference loses it.",
            "More than 999999999 nanoseconds are no label; the reference prints ten digits.",
            "The options are additions. An unknown option is wrong usage, and operands get a warning; the reference \
             ignores both.",
            "A `TZ` with summer time but no dates, as AST4ADT, has the dates of the United States since 2007; the reference's \
             glibc may take others from a file `posixrules`, which it misreads.",
            "Years below 1000 have four digits; the reference's have fewer. In a FORMAT, `%Y` and `%F` are the C library's: four \
             digits where catena is built with musl, and fewer with glibc.",
        ],
        see_also: &["tai64n(1)", "multilog(1)", "date(1)", "strftime(3)", "tzset(3)"],
    },
    role: Role::Tool(Grammar::Options, run),
};

fn run(given: &Given, process: &mut Process) -> anyhow::Result<u8> {
    let decimals = match given.last("d").map(|digits| digits.bytes()) {
        None => 9,
        Some(&[digit @ b'0'..=b'9']) => usize::from(digit - b'0'),
        Some(_) => return Err(WrongUsage.into()),
    };
    let zone = if given.has("u") { ZoneChoice::Utc } else { ZoneChoice::Local };
    let style = match given.last("f") {
        _ if given.prevails("iso", "f") => Style::Iso,
        Some(format) => Style::from_format(format.bytes()),
        None => Style::Spaced,
    };
    let time = LocalTime::new(zone, style, decimals, &process.environ);
    process.listeners.tool_runs(APPLET.name);
    let mut converter = Converter::new(time, given.has("a"));
    filter::be(APPLET.name, given.operands().get(0).map(|word| word.bytes()), &mut converter)
}

/// Converts labels in a stream of bytes.
pub struct Converter {
    time: LocalTime,
    /// Also behind white space.
    is_everywhere: bool,
    /// Whether a label may begin at the next byte.
    is_at_start: bool,
}

impl Converter {
    /// One that writes labels as `time` does.
    pub fn new(time: LocalTime, is_everywhere: bool) -> Self {
        Self { time, is_everywhere, is_at_start: true }
    }

    /// How many bytes there are up to and with the next one that a label may follow; all if there is none.
    fn plain(&self, bytes: &[u8]) -> usize {
        let end = match self.is_everywhere {
            false => memchr(b'\n', bytes),
            // only what stands before an @ matters
            true => {
                let mut from = 0;
                loop {
                    let Some(found) = memchr2(b'\n', b'@', &bytes[from..]).map(|place| from + place) else {
                        break None;
                    };
                    match bytes[..found].last() {
                        _ if bytes[found] == b'\n' => break Some(found),
                        Some(before) if SPACES.contains(before) => break Some(found - 1),
                        _ => from = found + 1,
                    }
                }
            }
        };
        match end {
            Some(end) => end + 1,
            // a space at the end may stand before a label that is still to come
            None => bytes.len(),
        }
    }
}

/// What a label may follow within a line.
const SPACES: [u8; 5] = [b' ', b'\t', b'\r', 0x0b, 0x0c];

/// What stands where a label may begin.
enum Begin {
    Label([u8; LENGTH - 1]),
    /// Too little to tell.
    Part,
    Other,
}

fn begin(bytes: &[u8], is_all: bool) -> Begin {
    let [b'@', digits @ ..] = bytes else { return Begin::Other };
    let count = digits.iter().take(LENGTH).take_while(|&&byte| is_digit(byte)).count();
    match (digits.first_chunk(), count) {
        (Some(&label), count) if count == LENGTH - 1 && (is_all || digits.len() >= LENGTH) => Begin::Label(label),
        _ if count == digits.len() && count < LENGTH && !is_all => Begin::Part,
        _ => Begin::Other,
    }
}

impl Conversion for Converter {
    fn convert(&mut self, input: &[u8], is_all: bool, output: &mut Vec<u8>) -> usize {
        let mut left = input;
        while !left.is_empty() {
            if self.is_at_start {
                match begin(left, is_all) {
                    Begin::Part => break,
                    Begin::Label(digits) => {
                        if !decode(&digits).is_some_and(|moment| self.time.write(moment, output)) {
                            output.extend_from_slice(&left[..LENGTH]);
                        }
                        left = &left[LENGTH..];
                    }
                    Begin::Other => {}
                }
            }
            let (plain, rest) = left.split_at(self.plain(left));
            output.extend_from_slice(plain);
            if let Some(&last) = plain.last() {
                self.is_at_start = last == b'\n' || self.is_everywhere && SPACES.contains(&last);
            }
            left = rest;
        }
        input.len() - left.len()
    }
}
