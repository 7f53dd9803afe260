//! What nix does not know about identities.

use nix::errno::Errno;

/// The sets of capget(2) that matter here, a bit for each capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// What it may make effective.
    pub permitted: u64,
    /// What an exec may hand on.
    pub inheritable: u64,
}

/// Those of this process.
///
/// # Errors
/// As capget(2).
pub fn capabilities() -> nix::Result<Capabilities> {
    #[repr(C)]
    struct Header {
        version: u32,
        pid: i32,
    }
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Sets {
        effective: u32,
        permitted: u32,
        inheritable: u32,
    }
    // _LINUX_CAPABILITY_VERSION_3 of linux/capability.h: two 32-bit halves
    let mut header = Header { version: 0x2008_0522, pid: 0 };
    let mut halves = [Sets::default(); 2];
    // SAFETY: the layout capget(2) documents for version 3.
    Errno::result(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, halves.as_mut_ptr()) })?;
    let whole = |half: fn(&Sets) -> u32| u64::from(half(&halves[1])) << 32 | u64::from(half(&halves[0]));
    Ok(Capabilities { permitted: whole(|half| half.permitted), inheritable: whole(|half| half.inheritable) })
}

/// Whether a capability is in the ambient set.
///
/// # Errors
/// As prctl(2), PR_CAP_AMBIENT.
pub fn is_ambient(capability: u8) -> nix::Result<bool> {
    ambient(libc::PR_CAP_AMBIENT_IS_SET, capability).map(|is_set| is_set != 0)
}

/// Empties the ambient set.
///
/// # Errors
/// As prctl(2), PR_CAP_AMBIENT.
pub fn empty_ambient() -> nix::Result<()> {
    ambient(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0).map(drop)
}

fn ambient(what: libc::c_int, capability: u8) -> nix::Result<libc::c_int> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: numbers only.
    Errno::result(unsafe {
        libc::prctl(libc::PR_CAP_AMBIENT, what as libc::c_ulong, u64::from(capability), NONE, NONE)
    })
}

/// The supplementary groups, as many as there is room for. Gives how many there are.
///
/// # Errors
/// EINVAL if there are more than `room`.
pub fn supplementary_groups(room: &mut [u32]) -> nix::Result<usize> {
    // SAFETY: as much room as said.
    let count = Errno::result(unsafe { libc::getgroups(room.len() as libc::c_int, room.as_mut_ptr()) })?;
    Ok(count.unsigned_abs() as usize)
}
