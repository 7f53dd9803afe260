//! Ids that have no number in this user namespace, and so read as another's.

use crate::number::decimal_in;

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
