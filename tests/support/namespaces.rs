//! Namespaces, by unshare(1): a process may be the first of its own, and what it mounts is nobody else's.

use super::leave_out;
use std::process::Command;

/// For a user of its own, who may do the rest.
pub const USER: &[&str] = &["--user", "--map-root-user"];

/// For a first process.
pub const FIRST: &[&str] = &["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];

/// For mounts.
pub const MOUNTS: &[&str] = &["--user", "--map-root-user", "--mount"];

/// Whether this machine allows it to this user.
pub fn may_unshare(options: &[&str]) -> bool {
    let output = Command::new("unshare").args(options).arg("true").output();
    let may = output.is_ok_and(|output| output.status.success());
    if !may {
        leave_out(&format!("what needs unshare {}", options.join(" ")));
    }
    may
}
