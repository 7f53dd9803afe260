//! What nix does not know about identities.

use nix::errno::Errno;

/// Whether the process holds no permitted capability, so that an exec has none to take away or to recompute.
pub fn has_no_capabilities() -> nix::Result<bool> {
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
    Ok(halves.iter().all(|half| half.permitted == 0))
}

/// Whether the supplementary groups are exactly `expected`, which is sorted and without repetitions.
pub fn supplementary_groups_are(expected: &[u32]) -> nix::Result<bool> {
    // room for one more tells a longer list; the kernel refuses a list that does not fit
    let mut groups = vec![0_u32; expected.len() + 1];
    // SAFETY: as much room as said.
    match Errno::result(unsafe { libc::getgroups(groups.len() as libc::c_int, groups.as_mut_ptr()) }) {
        Ok(count) => {
            groups.truncate(count.unsigned_abs() as usize);
            groups.sort_unstable();
            Ok(groups == expected)
        }
        Err(Errno::EINVAL) => Ok(false),
        Err(reason) => Err(reason),
    }
}
