//! Files and pipes as several applets use them.

pub mod filter;
pub mod lock_wait;
pub mod pipe;
