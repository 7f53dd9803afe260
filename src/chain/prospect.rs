//! Whether an exec is going to succeed, as far as can be told before: what is given up for a program must not be given up
//! for one that cannot be started.
//!
//! `false` only where the kernel is sure to refuse, with what a file is and what it names. It may refuse for other reasons
//! yet, which only the exec itself finds: arguments that are too long, a lack of memory, a security module.

use crate::files::sight;
use crate::sys::descriptor::uninterrupted;
use crate::sys::directory::{self, DirectoryPart};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, stat};
use nix::sys::uio::pread;
use nix::unistd::{AccessFlags, access};
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};

/// How much of a file tells the kernel what it is (linux/binfmts.h, BINPRM_BUF_SIZE).
const HEAD: usize = 256;
/// How many interpreters may stand behind each other (fs/exec.c).
const MOST_INTERPRETERS: usize = 5;

/// What the kernel runs here without help: the machines of ELF (linux/elf-em.h), also as its smaller sibling.
const MACHINES: &[u16] = if cfg!(target_arch = "x86_64") {
    &[62, 3]
} else if cfg!(target_arch = "aarch64") {
    &[183, 40]
} else {
    &[]
};

/// Whether this program may run.
pub fn may_run(file: &CStr) -> bool {
    may_run_behind(file, 0)
}

fn may_run_behind(file: &CStr, interpreters: usize) -> bool {
    if access(file, AccessFlags::X_OK).is_err() || !stat(file).is_ok_and(|seen| sight::is_regular(seen.st_mode)) {
        return false;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    // one that may be run but not read tells nothing
    let Ok(opened) = uninterrupted(|| open(file, flags, Mode::empty())) else { return true };
    let mut head = [0; HEAD];
    let count = uninterrupted(|| pread(&opened, &mut head, 0)).unwrap_or(0);
    match &head[..count] {
        [b'#', b'!', line @ ..] => interpreters < MOST_INTERPRETERS && interpreter_may_run(line, interpreters),
        [0x7f, b'E', b'L', b'F', ..] if MACHINES.is_empty() || is_native(&head) => has_its_loader(&opened, &head),
        _ => others_are_run(),
    }
}

/// For the first line of a script, behind its mark.
fn interpreter_may_run(line: &[u8], interpreters: usize) -> bool {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let start = line.iter().position(|byte| !is_blank(byte)).unwrap_or(line.len());
    let name = line[start..].split(|byte| is_blank(byte) || *byte == 0).next().unwrap_or_default();
    let mut text = [0; HEAD + 1];
    text[..name.len()].copy_from_slice(name);
    let name = CStr::from_bytes_until_nul(&text).unwrap_or_default();
    !name.is_empty() && may_run_behind(name, interpreters + 1)
}

/// The bytes of a number in the order of this machine.
fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

fn is_native(head: &[u8]) -> bool {
    /// Offset in Elf64_Ehdr, and in the 32-bit one.
    const MACHINE: usize = 18;
    MACHINES.contains(&u16::from_ne_bytes(number(head, MACHINE))) || others_are_run()
}

/// Whether the program that is to load this one is there, if it needs one.
fn has_its_loader(file: &OwnedFd, head: &[u8]) -> bool {
    /// Offsets in Elf64_Ehdr and Elf64_Phdr (elf(5)).
    const CLASS: usize = 4;
    const CLASS_64: u8 = 2;
    const HEADERS: usize = 32;
    const HEADER_SIZE: usize = 54;
    const HEADER_COUNT: usize = 56;
    const PLACE: usize = 8;
    const PT_INTERP: u32 = 3;
    if head[CLASS] != CLASS_64 || cfg!(not(target_pointer_width = "64")) {
        return true;
    }
    let first = u64::from_ne_bytes(number(head, HEADERS));
    let size = u64::from(u16::from_ne_bytes(number(head, HEADER_SIZE)));
    let count = u64::from(u16::from_ne_bytes(number(head, HEADER_COUNT)));
    let read = |room: &mut [u8], at: u64| match i64::try_from(at) {
        Ok(at) => uninterrupted(|| pread(file, room, at)).unwrap_or(0),
        Err(_) => 0,
    };
    for place in 0..count {
        let mut header = [0; 16];
        if read(&mut header, first.saturating_add(place * size)) < header.len() {
            return true;
        }
        if u32::from_ne_bytes(number(&header, 0)) == PT_INTERP {
            let mut text = [0; HEAD + 1];
            read(&mut text[..HEAD], u64::from_ne_bytes(number(&header, PLACE)));
            return CStr::from_bytes_until_nul(&text).is_ok_and(|name| access(name, AccessFlags::X_OK).is_ok());
        }
    }
    true
}

/// Whether the kernel has others run what it cannot run itself (binfmt_misc).
fn others_are_run() -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let Ok(handlers) = open(c"/proc/sys/fs/binfmt_misc", flags, Mode::empty()) else { return false };
    let mut part = DirectoryPart::new();
    let mut is_found = false;
    while let Ok(true) = directory::read_directory(handlers.as_fd(), &mut part, |entry| {
        is_found |= !matches!(entry.name.to_bytes(), b"." | b".." | b"register" | b"status");
        Ok::<(), Errno>(())
    }) {}
    is_found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_the_kernel_is_sure_to_refuse() {
        let directory = tempfile::tempdir().unwrap();
        let may = |name: &str, mode: u32, text: &[u8]| {
            let path = directory.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            may_run(&CString::new(path.as_os_str().as_bytes()).unwrap())
        };
        let own = fs::read("/proc/self/exe").unwrap();
        assert!(may_run(c"/proc/self/exe") && may("own", 0o755, &own) && may_run(c"/bin/sh"));
        assert!(!may("plain", 0o644, &own) && !may_run(c"/no/such") && !may_run(c"/"));
        for (line, expected) in [
            ("#!/bin/sh\n", true),
            ("#! \t/bin/sh -e\n", true),
            ("#!/bin/sh", true),
            ("#!/no/such\n", false),
            ("#!\n", false),
            ("#! \n/bin/sh", false),
            ("#!/\n", false),
        ] {
            assert_eq!(may("script", 0o755, line.as_bytes()), expected, "{line:?}");
        }
        // what runs itself has no end
        let circle = format!("#!{}/circle\n", directory.path().display());
        assert!(!may("circle", 0o755, circle.as_bytes()));
        if !MACHINES.is_empty() && !others_are_run() {
            let mut foreign = own.clone();
            foreign[18..20].copy_from_slice(&0x7777_u16.to_ne_bytes());
            assert!(!may("foreign", 0o755, &foreign) && !may("text", 0o755, b"echo\n") && !may("empty", 0o755, b""));
        }
    }

    #[test]
    fn a_program_without_its_loader() {
        let Ok(mut program) = fs::read("/bin/sh") else { return };
        let Some(place) = program.windows(4).position(|bytes| bytes == b"/lib") else { return };
        program[place + 1] = b'X';
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("program");
        fs::write(&path, program).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!may_run(&CString::new(path.as_os_str().as_bytes()).unwrap()));
    }
}
