//! What /proc says of a process.

use super::Whose;
use nix::errno::Errno;

/// A file or link of this process, or another, in /proc.
pub fn path(whose: Whose, name: &str) -> String {
    match whose {
        Whose::Own => format!("/proc/self/{name}"),
        Whose::Of(pid) => format!("/proc/{pid}/{name}"),
    }
}

/// The bytes of a file there.
pub fn bytes(whose: Whose, name: &str) -> nix::Result<Vec<u8>> {
    std::fs::read(path(whose, name)).map_err(reason)
}

/// Where a link there leads.
pub fn target(whose: Whose, name: &str) -> nix::Result<Vec<u8>> {
    use std::os::unix::ffi::OsStringExt;
    std::fs::read_link(path(whose, name)).map(|target| target.into_os_string().into_vec()).map_err(reason)
}

fn reason(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::UnknownErrno, Errno::from_raw)
}

/// The value of a line `NAME:\tVALUE` of `status`.
pub fn status(whose: Whose, name: &str) -> nix::Result<String> {
    let text = bytes(whose, "status")?;
    let line = |line: &[u8]| line.strip_prefix(name.as_bytes())?.strip_prefix(b":").map(<[u8]>::to_vec);
    let found = text.split(|&byte| byte == b'\n').find_map(line).ok_or(Errno::ENODATA)?;
    Ok(String::from_utf8_lossy(&found).trim().to_owned())
}

/// A field of `stat` by its number in proc(5), from 3 on: what is before may contain anything.
pub fn stat(whose: Whose, number: usize) -> nix::Result<i64> {
    let text = bytes(whose, "stat")?;
    let end = text.iter().rposition(|&byte| byte == b')').ok_or(Errno::ENODATA)?;
    let text = String::from_utf8_lossy(&text[end + 1..]);
    let field = number.checked_sub(3).and_then(|place| text.split_whitespace().nth(place));
    field.and_then(|field| field.parse().ok()).ok_or(Errno::ENODATA)
}
