//! What nix does not know about identities.

use crate::number::decimal_in;
use nix::errno::Errno;

/// The sets of capget(2) that matter here, a bit for each capability.
struct Capabilities {
    permitted: u64,
    inheritable: u64,
}

fn capabilities() -> nix::Result<Capabilities> {
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

/// Whether the process holds no permitted capability, so that an exec has none to take away or to recompute.
pub fn has_no_capabilities() -> nix::Result<bool> {
    Ok(capabilities()?.permitted == 0)
}

/// Empties the ambient set of capabilities, which an exec would make permitted and effective. Gives whether it held any.
///
/// # Errors
/// What keeps from emptying it, or from knowing that it is empty.
pub fn clear_ambient() -> nix::Result<bool> {
    // what is ambient is always both permitted and inheritable (capabilities(7)): mostly this one call is the proof
    let candidates = capabilities().map(|sets| sets.permitted & sets.inheritable);
    if candidates == Ok(0) || !holds_ambient(candidates)? {
        return Ok(false);
    }
    let cleared = ambient(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0);
    if holds_ambient(candidates)? {
        return Err(cleared.err().unwrap_or(Errno::EPERM));
    }
    Ok(true)
}

/// Whether any of these capabilities is ambient; where the kernel is kept from answering, what /proc says.
fn holds_ambient(candidates: nix::Result<u64>) -> nix::Result<bool> {
    let asked = candidates.and_then(|candidates| {
        let mut held = (0..64).filter(|number| candidates >> number & 1 == 1);
        held.try_fold(false, |any, number| Ok(any || ambient(libc::PR_CAP_AMBIENT_IS_SET, number)? != 0))
    });
    asked.or_else(|reason| {
        let status = std::fs::read("/proc/self/status").map_err(|_| reason)?;
        // a kernel before 4.3 has no such line, and no such set
        let set = status.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(b"CapAmb:"));
        Ok(set.is_some_and(|set| !set.trim_ascii().iter().all(|&digit| digit == b'0')))
    })
}

fn ambient(what: libc::c_int, number: libc::c_ulong) -> nix::Result<libc::c_int> {
    const NONE: libc::c_ulong = 0;
    // SAFETY: numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_CAP_AMBIENT, what as libc::c_ulong, number, NONE, NONE) })
}

/// Whether this user id may be one that has no number in this user namespace: those read as the overflow id
/// (user_namespaces(7)), and where all ids have a number there are none.
pub fn may_be_unmapped_user(id: u32) -> bool {
    id == overflow_id("/proc/sys/kernel/overflowuid") && !maps_all("/proc/self/uid_map")
}

/// The same of a group id.
pub fn may_be_unmapped_group(id: u32) -> bool {
    id == overflow_id("/proc/sys/kernel/overflowgid") && !maps_all("/proc/self/gid_map")
}

/// Whether this group id is the overflow id, and this user namespace has no group of that number.
pub fn is_unmapped_group(id: u32) -> bool {
    id == overflow_id("/proc/sys/kernel/overflowgid") && !maps("/proc/self/gid_map", id)
}

fn overflow_id(file: &str) -> u32 {
    const USUAL: u32 = 65534;
    std::fs::read(file).ok().and_then(|text| decimal_in(text.trim_ascii())).unwrap_or(USUAL)
}

/// Whether a map has a number for this id.
fn maps(file: &str, id: u32) -> bool {
    map(file).iter().any(|&(first, count)| (first..first + count).contains(&u64::from(id)))
}

/// Whether a map has lines for all 2^32-1 ids.
fn maps_all(file: &str) -> bool {
    map(file).iter().map(|&(_, count)| count).sum::<u64>() >= u64::from(u32::MAX)
}

/// The first id of each line of a map, as it is in this user namespace, and how many there are (user_namespaces(7)).
fn map(file: &str) -> Vec<(u64, u64)> {
    let line = |line: &[u8]| {
        let mut fields = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).map(decimal_in::<u64>);
        Some((fields.next()??, fields.nth(1)??))
    };
    std::fs::read(file).unwrap_or_default().split(|&byte| byte == b'\n').filter_map(line).collect()
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
