//! Points in time, their TAI64N labels, and what a clock on the wall makes of them.

pub mod broken_down;
pub mod calendar;
pub mod clock;
pub mod local;
pub mod tai64n;
pub mod zone;
