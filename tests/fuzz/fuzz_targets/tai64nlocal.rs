//! tai64nlocal: any bytes, in pieces. The first bytes say how the time is written and where the pieces end. How the input
//! is cut changes nothing; and as long as it is the reference's way of writing, the output is what a decoder of its own
//! makes of it.
//!
//!     cargo +nightly fuzz run --fuzz-dir tests/fuzz tai64nlocal
#![no_main]

use catena::applets::log::tai64nlocal::Converter;
use catena::environ::Environ;
use catena::files::filter::Conversion;
use catena::sys::words::Words;
use catena::time::local::{LocalTime, Style, ZoneChoice};
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../../stamps/decode.rs"]
mod decode;

fuzz_target!(|bytes: &[u8]| {
    let [how, cut, input @ ..] = bytes else { return };
    let is_everywhere = how & 1 == 1;
    let decimals = usize::from(how >> 1 & 15);
    let (style, input) = match how >> 5 {
        0 => (Style::Iso, input),
        // a format and a NUL in front of the input
        1 => {
            let end = input.iter().position(|&byte| byte == 0).unwrap_or(input.len());
            (Style::from_format(&input[..end]), &input[end..])
        }
        _ => (Style::Spaced, input),
    };
    let environ = Environ::new(Words::EMPTY);
    let converter =
        || Converter::new(LocalTime::new(ZoneChoice::Utc, style.clone(), decimals, &environ), is_everywhere);
    let whole = converted(converter(), input, input.len());
    assert_eq!(whole, converted(converter(), input, usize::from(*cut)));
    if matches!(style, Style::Spaced) && decimals >= 9 {
        assert_eq!(whole, decode::converted(input, is_everywhere));
    }
});

/// What becomes of the input when so many bytes are read at a time.
fn converted(mut converter: Converter, input: &[u8], at_a_time: usize) -> Vec<u8> {
    let mut output = Vec::new();
    let mut held = Vec::new();
    for piece in input.chunks(at_a_time.max(1)) {
        held.extend_from_slice(piece);
        let done = converter.convert(&held, false, &mut output);
        held.drain(..done);
        // no more than what may become a label is waited for
        assert!(held.len() <= 26);
    }
    let done = converter.convert(&held, true, &mut output);
    assert_eq!(done, held.len());
    output
}
