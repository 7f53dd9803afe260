//! The C library's calendar: zones as the reference has them, whatever `TZ` says.

use super::words::Words;
use std::ffi::{CStr, c_char};

unsafe extern "C" {
    static mut environ: *const *const c_char;
    fn tzset();
}

/// Lets the C library look for `TZ` among these entries, which a chain may have changed, and read the zone.
pub fn read_zone(entries: Words) {
    // SAFETY: entries are ended by a null pointer and never freed; the process has one thread.
    unsafe {
        environ = entries.as_ptr();
        tzset();
    }
}

/// A point in time, broken down.
#[derive(Clone, Copy)]
pub struct Calendar(libc::tm);

/// By the zone that was read. `None` for a year that the C library cannot count.
pub fn local(seconds: i64) -> Option<Calendar> {
    // SAFETY: all-zero is a valid record, which the C library fills.
    unsafe {
        let mut record: libc::tm = std::mem::zeroed();
        (!libc::localtime_r(&raw const seconds, &raw mut record).is_null()).then_some(Calendar(record))
    }
}

/// Likewise, UTC.
pub fn utc(seconds: i64) -> Option<Calendar> {
    // SAFETY: as above.
    unsafe {
        let mut record: libc::tm = std::mem::zeroed();
        (!libc::gmtime_r(&raw const seconds, &raw mut record).is_null()).then_some(Calendar(record))
    }
}

impl Calendar {
    /// Year, month and day, the first of a month and of a year being 1.
    pub fn date(&self) -> (i64, u8, u8) {
        (i64::from(self.0.tm_year) + 1900, self.0.tm_mon as u8 + 1, self.0.tm_mday as u8)
    }

    /// Hour, minute and second; the second may be 60.
    pub fn time(&self) -> (u8, u8, u8) {
        (self.0.tm_hour as u8, self.0.tm_min as u8, self.0.tm_sec as u8)
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i64 {
        self.0.tm_gmtoff
    }

    /// As strftime(3), in the C locale.
    pub fn format(&self, format: &CStr) -> Vec<u8> {
        /// A format that makes more than this of its own length is not worth its memory.
        const MOST: usize = 1 << 16;
        // it gives 0 for too little room and for an empty text alike, so one byte more is asked for
        let format = [format.to_bytes(), b".\0"].concat();
        let mut room = 128.max(2 * format.len());
        loop {
            let mut text = vec![0_u8; room];
            // SAFETY: `text` has as many bytes as said, `format` ends with NUL, the record is the C library's own.
            let length =
                unsafe { libc::strftime(text.as_mut_ptr().cast(), room, format.as_ptr().cast(), &raw const self.0) };
            if length > 0 || room > MOST {
                text.truncate(length.saturating_sub(1));
                return text;
            }
            room *= 4;
        }
    }
}
