//! What ps and pgrep -f show of this process: the memory that the kernel laid argv out in.

use super::words::{Word, Words};
use nix::errno::Errno;

/// struct prctl_mm_map of linux/prctl.h.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Map {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: u64,
    auxv_size: u32,
    exe_fd: u32,
}

/// What the kernel knows of where this process's memory is: enough to tell it that argv is elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Layout(Map);

impl Layout {
    /// As /proc has it, which is read here: with other values the kernel could be told wrong things about this memory. `None` where /proc does not tell, or the kernel lets nobody say otherwise: it needs
    /// CONFIG_CHECKPOINT_RESTORE, and Linux 4.20 where no privilege is at hand.
    pub fn of_this_process() -> Option<Self> {
        let status = std::fs::read("/proc/self/stat").ok()?;
        let end = status.iter().rposition(|&byte| byte == b')')?;
        // proc(5) counts from 1, and the state behind the name is the third
        let fields: Vec<&[u8]> = status[end + 2..].split(|byte| byte.is_ascii_whitespace()).collect();
        let field = |number: usize| -> Option<u64> { str::from_utf8(fields.get(number - 3)?).ok()?.parse().ok() };
        let layout = Self(Map {
            start_code: field(26)?,
            end_code: field(27)?,
            start_stack: field(28)?,
            start_data: field(45)?,
            end_data: field(46)?,
            start_brk: field(47)?,
            brk: 0,
            arg_start: field(48)?,
            arg_end: field(49)?,
            env_start: field(50)?,
            env_end: field(51)?,
            auxv: 0,
            auxv_size: 0,
            exe_fd: u32::MAX,
        });
        // nothing changes by this
        layout.tell(field(48)?, field(49)?).ok()?;
        Some(layout)
    }

    /// Makes `/proc/self/cmdline` be these bytes: words with a NUL behind each.
    ///
    /// # Errors
    /// As prctl(2), PR_SET_MM_MAP.
    pub fn show(&self, words: &'static [u8]) -> nix::Result<()> {
        let range = words.as_ptr_range();
        self.tell(range.start.addr() as u64, range.end.addr() as u64)
    }

    fn tell(&self, arg_start: u64, arg_end: u64) -> nix::Result<()> {
        const PR_SET_MM_MAP: libc::c_ulong = 14;
        // SAFETY: sbrk(0) only asks. The record has the kernel's own values but for where argv is, and that is memory of
        // this process which lives as long as it.
        unsafe {
            let brk = libc::sbrk(0).addr() as u64;
            let map = Map { arg_start, arg_end, brk: brk.max(self.0.start_brk), ..self.0 };
            let size = size_of::<Map>() as libc::c_ulong;
            let none: libc::c_ulong = 0;
            Errno::result(libc::prctl(libc::PR_SET_MM, PR_SET_MM_MAP, &raw const map, size, none)).map(drop)
        }
    }
}

/// Makes `/proc/self/cmdline` begin with the words of `argv` from `place` on, and be empty behind them, as if an exec had
/// been given these alone. Gives them where they lie now: **all words of `argv` are void from here on**, and so is whatever
/// borrows from them.
///
/// Where the words do not lie as the kernel lays them, one behind the other, nothing is shown anew.
pub fn show_only(argv: Words, place: usize) -> Words {
    let shown = argv.from(place);
    if place == 0 || shown.is_empty() {
        return shown;
    }
    let start = argv.first().as_ptr();
    let mut end = start;
    for word in argv.iter() {
        if word.as_ptr() != end {
            return shown;
        }
        // SAFETY: one past the word's NUL, which is within or just past the memory that holds the words.
        end = unsafe { end.add(word.bytes().len() + 1) };
    }
    let first = shown.first().as_ptr();
    let distance = first.addr() - start.addr();
    let length = end.addr() - first.addr();
    // SAFETY: the words lie one behind the other from `start` to `end`, on the stack, which is writable; those shown are
    // the last `length` bytes of that. By what this function says, nobody reads them where they were any more.
    unsafe {
        start.copy_from(first, length);
        start.add(length).write_bytes(0, distance);
    }
    // SAFETY: each is as far from the start as it was from the first one shown, and lives as long.
    Words::leak(shown.iter().map(|word| unsafe { Word::from_raw(word.as_ptr().sub(distance)) }))
}

/// The bytes of a word of argv, without the NUL, to be written to: what is there is what ps shows. **The word is void from
/// here on**, and so is whatever borrows from it.
pub fn memory_of(word: Word) -> &'static mut [u8] {
    let length = word.bytes().len();
    // SAFETY: words of argv lie on the stack, leaked ones on the heap, both writable and there for good; a constant has no
    // place in an argv that a program was given. By what this function says, this is the only way to them.
    unsafe { std::slice::from_raw_parts_mut(word.as_ptr().cast(), length) }
}
