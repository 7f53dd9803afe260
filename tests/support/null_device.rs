//! Refuses to start a test program where /dev/null is not what it should be.
//!
//! A build or a test that was run as root and went wrong can leave a plain file there. Then much of what is tested here
//! fails for no reason that anybody could see, or, worse, passes: a log that is full of what should be gone, a lock that
//! others hold, a descriptor that reads what an earlier test has written.
#![allow(unsafe_code)]

use std::os::unix::fs::{FileTypeExt, MetadataExt};

/// Major and minor number of the null device, which are the same on every Linux.
const NULL: libc::dev_t = libc::makedev(1, 3);

/// What is said in place of any test.
pub const REFUSAL: &str = "the tests do not start: /dev/null is not the null device, so nothing that they show would count; \
                           as root, `rm -f /dev/null && mknod -m 666 /dev/null c 1 3` makes it anew\n";

#[used]
// SAFETY: the loader calls each function in this section once, before main.
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    if !is_harness()
        || std::fs::metadata("/dev/null").is_ok_and(|it| it.file_type().is_char_device() && it.rdev() == NULL)
    {
        return;
    }
    let _ = nix::unistd::write(std::io::stderr(), REFUSAL.as_bytes());
    // SAFETY: ends the process, and takes no pointer.
    unsafe { libc::_exit(1) }
}

/// Whether this is the test program itself. Under other names it is what tests start, some of it where there is no /dev.
fn is_harness() -> bool {
    // from /proc, since musl hands these functions no arguments
    let all = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    let word = all.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = word.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.starts_with(concat!(env!("CARGO_CRATE_NAME"), "-").as_bytes())
}
