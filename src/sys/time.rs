//! Points in time, broken down for strftime(3). Zones are not the C library's business: what it makes of `TZ` depends on
//! which one it is.

use crate::time::calendar::{DAY, days_before, months, weekday_of, year_of};
use std::ffi::{CStr, c_int};
use std::marker::PhantomData;

/// A point in time, broken down.
#[derive(Clone, Copy)]
pub struct Calendar<'a> {
    record: libc::tm,
    /// The record points to the zone's name.
    name: PhantomData<&'a CStr>,
}

impl<'a> Calendar<'a> {
    /// In UTC. `None` for a year that no record has room for.
    pub fn utc(seconds: i64) -> Option<Self> {
        Self::east(seconds, 0, false, c"UTC")
    }

    /// As the clocks show it so many seconds east of UTC, where the zone has that name.
    pub fn east(seconds: i64, east: i64, is_summer: bool, name: &'a CStr) -> Option<Self> {
        let shown = seconds.checked_add(east)?;
        let (day, second) = (shown.div_euclid(DAY), shown.rem_euclid(DAY));
        let year = year_of(day);
        let of_year = day - days_before(year);
        let (mut month, mut of_month) = (0, of_year);
        for days in months(year) {
            if of_month < days {
                break;
            }
            (month, of_month) = (month + 1, of_month - days);
        }
        let record = libc::tm {
            tm_sec: (second % 60) as c_int,
            tm_min: (second / 60 % 60) as c_int,
            tm_hour: (second / 3600) as c_int,
            tm_mday: of_month as c_int + 1,
            tm_mon: month,
            tm_year: c_int::try_from(year - 1900).ok()?,
            tm_wday: weekday_of(day) as c_int,
            tm_yday: of_year as c_int,
            tm_isdst: is_summer.into(),
            tm_gmtoff: libc::c_long::try_from(east).ok()?,
            // it is only ever read
            tm_zone: name.as_ptr().cast_mut(),
        };
        Some(Self { record, name: PhantomData })
    }

    /// With so many seconds more, which may be beyond the 59th.
    pub fn with_seconds_beyond(mut self, count: u8) -> Self {
        self.record.tm_sec += i32::from(count);
        self
    }

    /// Year, month and day, the first of a month and of a year being 1.
    pub fn date(&self) -> (i64, u8, u8) {
        (i64::from(self.record.tm_year) + 1900, self.record.tm_mon as u8 + 1, self.record.tm_mday as u8)
    }

    /// Hour, minute and second; the second may be 60.
    pub fn time(&self) -> (u8, u8, u8) {
        (self.record.tm_hour as u8, self.record.tm_min as u8, self.record.tm_sec as u8)
    }

    /// Seconds east of UTC.
    pub fn offset(&self) -> i64 {
        self.record.tm_gmtoff
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
            let length = unsafe {
                libc::strftime(text.as_mut_ptr().cast(), room, format.as_ptr().cast(), &raw const self.record)
            };
            if length > 0 || room > MOST {
                text.truncate(length.saturating_sub(1));
                return text;
            }
            room *= 4;
        }
    }
}
