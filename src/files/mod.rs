//! Files and pipes as several applets use them.

pub mod descriptors;
pub mod file_id;
pub mod filter;
pub mod lock_wait;
pub mod output;
pub mod pipe;
pub mod read_only;
pub mod renaming;
pub mod sight;
