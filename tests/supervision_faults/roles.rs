//! This test program under other names: what the tests have supervised, and what keeps their processes together. It works
//! before `main`, so that a start costs little and no thread of the harness is there.

use crate::{keeper, service, tracer};
use std::path::Path;

/// The variable that says where the tree under test lies. Without it a name means nothing.
pub const PLACE: &str = "CATENA_TEST_PLACE";

/// What a program does with its arguments; gives its exit code.
type Act = fn(&[Vec<u8>]) -> i32;

/// What a name stands for.
const ROLES: &[(&str, Act)] = &[
    (keeper::NAME, keeper::keep),
    (tracer::NAME, tracer::trace),
    ("run", service::run),
    ("start", service::script),
    ("finish", service::script),
];

#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" fn before_main() {
    // from /proc, since musl hands these functions no arguments
    let all = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    let argv: Vec<Vec<u8>> =
        all.strip_suffix(b"\0").unwrap_or_default().split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    let name = argv[0].rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let Some((_, act)) = ROLES.iter().find(|(role, _)| role.as_bytes() == name) else { return };
    if std::env::var_os(PLACE).is_none() {
        return;
    }
    let code = act(&argv);
    // SAFETY: ends the process, and takes no pointer.
    unsafe { libc::_exit(code) }
}

/// Makes this test program known as `name`.
pub fn link(name: &Path) {
    let program = std::fs::read_link("/proc/self/exe").unwrap();
    std::os::unix::fs::symlink(program, name).unwrap();
}
