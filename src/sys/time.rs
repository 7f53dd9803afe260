//! Points in time, broken down, as the C library spells them. Zones are not its business: what it makes of `TZ` depends on
//! which one it is.

use std::ffi::{CStr, c_int, c_long};

/// A point in time, broken down as in tm(3type).
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// Up to 60.
    pub second: c_int,
    /// Of the hour.
    pub minute: c_int,
    /// Of the day.
    pub hour: c_int,
    /// Of the month, from 1.
    pub day: c_int,
    /// From 0.
    pub month: c_int,
    /// Since 1900.
    pub year: c_int,
    /// Since Sunday.
    pub weekday: c_int,
    /// Since the first of January, from 0.
    pub day_of_year: c_int,
    /// Whether the zone has summer time then.
    pub is_summer: bool,
    /// Seconds east of UTC.
    pub east: c_long,
}

/// Writes it as strftime(3) does, in the C locale, for a zone of that name. Gives how many bytes, without the NUL; 0 if there
/// is too little room.
pub fn format(fields: &Fields, zone: &CStr, format: &CStr, text: &mut [u8]) -> usize {
    // SAFETY: all-zero is a valid record.
    let mut record: libc::tm = unsafe { std::mem::zeroed() };
    record.tm_sec = fields.second;
    record.tm_min = fields.minute;
    record.tm_hour = fields.hour;
    record.tm_mday = fields.day;
    record.tm_mon = fields.month;
    record.tm_year = fields.year;
    record.tm_wday = fields.weekday;
    record.tm_yday = fields.day_of_year;
    record.tm_isdst = fields.is_summer.into();
    record.tm_gmtoff = fields.east;
    // it is only ever read
    record.tm_zone = zone.as_ptr().cast_mut();
    // SAFETY: `text` has as many bytes as said, `format` and the zone's name end with NUL.
    unsafe { libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), &raw const record) }
}
