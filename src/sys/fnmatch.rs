//! fnmatch(3), which nix lacks.

use std::ffi::{CStr, CString};

/// Whether the text, which has no NUL, matches the pattern, in the C locale and without any flag.
pub fn matches(pattern: &CStr, text: &[u8]) -> bool {
    let Ok(text) = CString::new(text) else { return false };
    // SAFETY: two C strings.
    unsafe { libc::fnmatch(pattern.as_ptr(), text.as_ptr(), 0) == 0 }
}
