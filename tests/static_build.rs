//! How catena is linked. A static glibc that calls the C library's account or host look-ups needs shared modules of the
//! very same glibc at run time, and crashes where they differ: nothing of them may be in the program.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::collections::BTreeSet;

/// Type of the program header that names a dynamic loader, and of the section that holds all symbols (elf(5)).
const PT_INTERP: u32 = 3;
const SHT_SYMTAB: u32 = 2;

/// What an ELF file says of itself. 64-bit and little-endian: the only kind that is read here.
struct Elf(Vec<u8>);

impl Elf {
    fn of_catena() -> Self {
        let bytes = std::fs::read(support::catena()).unwrap();
        assert_eq!(bytes[..6], *b"\x7fELF\x02\x01", "not a 64-bit little-endian ELF file");
        Self(bytes)
    }

    fn number<const N: usize>(&self, at: usize) -> usize {
        let mut bytes = [0; 8];
        bytes[..N].copy_from_slice(&self.0[at..at + N]);
        usize::from_le_bytes(bytes)
    }

    /// Where the entries of a header table begin, given where its offset, entry size and entry count stand.
    fn table(&self, offset: usize, size: usize, count: usize) -> Vec<usize> {
        (0..self.number::<2>(count)).map(|entry| self.number::<8>(offset) + entry * self.number::<2>(size)).collect()
    }

    fn has_interpreter(&self) -> bool {
        let headers = self.table(32, 54, 56);
        assert!(!headers.is_empty());
        headers.into_iter().any(|header| self.number::<4>(header) == PT_INTERP as usize)
    }

    /// All names that the program defines or needs, without the `@VERSION` of the latter; empty if it was stripped.
    fn symbols(&self) -> BTreeSet<String> {
        let sections = self.table(40, 58, 60);
        let Some(&table) = sections.iter().find(|&&section| self.number::<4>(section + 4) == SHT_SYMTAB as usize)
        else {
            return BTreeSet::new();
        };
        let strings = self.number::<8>(sections[self.number::<4>(table + 40)] + 24);
        let (start, size) = (self.number::<8>(table + 24), self.number::<8>(table + 32));
        let names = (start..start + size).step_by(24).map(|symbol| {
            let name = &self.0[strings + self.number::<4>(symbol)..];
            let end = name.iter().position(|&byte| byte == 0 || byte == b'@').unwrap();
            String::from_utf8_lossy(&name[..end]).into_owned()
        });
        names.collect()
    }
}

/// The symbols, or `None` where they were stripped (a release build).
fn symbols() -> Option<BTreeSet<String>> {
    let symbols = Elf::of_catena().symbols();
    if symbols.is_empty() {
        support::leave_out("symbols of the program: it is stripped");
        return None;
    }
    // the control: both what the program defines and what it takes from the C library are seen
    for known in ["main", "execve", "read"] {
        assert!(symbols.contains(known), "{known} not among {} symbols", symbols.len());
    }
    Some(symbols)
}

#[test]
fn the_program_is_linked_as_it_was_asked_to_be() {
    assert_eq!(Elf::of_catena().has_interpreter(), !cfg!(target_feature = "crt-static"));
}

#[test]
fn the_parser_sees_an_interpreter_where_there_is_one() {
    // a test program of the static build is static too, so the control is a program of the system's
    let sh = std::fs::read("/bin/sh").unwrap();
    if !String::from_utf8_lossy(&sh).contains("/ld-") {
        return support::leave_out("control of the linkage test: /bin/sh is static");
    }
    assert!(Elf(sh).has_interpreter());
}

#[test]
#[cfg(target_feature = "crt-static")]
fn nothing_of_the_c_librarys_name_services_is_in_a_static_program() {
    // not all of "getgr": getgroups(2) is a system call
    const CALLS: &[&str] = &[
        "getpw",
        "getgrnam",
        "getgrgid",
        "getgrent",
        "getgrouplist",
        "initgroups",
        "setpwent",
        "setgrent",
        "getspnam",
        "getaddrinfo",
        "gethostbyname_r",
        "getservbyname_r",
        "nss_lookup",
        "nss_passwd_lookup",
        "nss_group_lookup",
        "nss_next",
    ];
    // Code that only those calls reach. Without optimization the linker is led to keep some of it, dead.
    const BEHIND_THEM: &[&str] = &["_nss_", "nss_module", "nss_action"];
    let unwanted = if cfg!(debug_assertions) { CALLS.to_vec() } else { [CALLS, BEHIND_THEM].concat() };
    let Some(symbols) = symbols() else { return };
    let plain = |symbol: &str| symbol.trim_start_matches('_').trim_start_matches("libc_").to_owned();
    let is_unwanted = |symbol: &&String| {
        unwanted.iter().any(|&unwanted| symbol.starts_with(unwanted) || plain(symbol).starts_with(unwanted))
    };
    let found: Vec<&String> = symbols.iter().filter(is_unwanted).collect();
    assert_eq!(found, [""; 0]);
}

#[test]
#[cfg(not(target_feature = "crt-static"))]
fn a_dynamic_program_asks_the_c_library() {
    let Some(symbols) = symbols() else { return };
    assert!(symbols.iter().any(|symbol| symbol.starts_with("getpwnam")), "{symbols:?}");
}
