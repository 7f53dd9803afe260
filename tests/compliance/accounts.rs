//! Accounts as the files list them: what the C library would say needs modules that a static test cannot load.

use std::fs::read_to_string;

/// User and group id of an account.
pub fn ids(name: &str) -> Option<(u32, u32)> {
    let accounts = read_to_string("/etc/passwd").ok()?;
    let mut rows = accounts.lines().map(|row| row.split(':').collect::<Vec<_>>());
    let row = rows.find(|row| row.first() == Some(&name))?;
    Some((row.get(2)?.parse().ok()?, row.get(3)?.parse().ok()?))
}

/// The groups that list this member.
pub fn groups_with(member: &str) -> Vec<u32> {
    let groups = read_to_string("/etc/group").unwrap_or_default();
    let rows = groups.lines().map(|row| row.split(':').collect::<Vec<_>>());
    let listing = rows.filter(|row| row.get(3).is_some_and(|members| members.split(',').any(|name| name == member)));
    listing.filter_map(|row| row.get(2)?.parse().ok()).collect()
}

/// Every name that some group lists.
pub fn members() -> Vec<String> {
    let groups = read_to_string("/etc/group").unwrap_or_default();
    let lists = groups.lines().filter_map(|row| row.split(':').nth(3));
    lists.flat_map(|members| members.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
