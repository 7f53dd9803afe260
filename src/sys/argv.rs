//! What ps and pgrep -f show of this process: the memory that the kernel laid argv out in.

use super::words::{Word, Words};
use nix::errno::Errno;
use std::sync::atomic::{AtomicBool, Ordering};

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
/// been given these alone. Gives them where they lie now. Who still has words of `argv` reads other text from here on, or
/// none; it ends within that memory all the same.
///
/// Where the words do not lie as the kernel lays them, one behind the other, nothing is shown anew; nor a second time.
pub fn show_only(argv: Words, place: usize) -> Words {
    static IS_SHOWN: AtomicBool = AtomicBool::new(false);
    let shown = argv.from(place);
    // who has the memory of a title has it where it lies
    if IS_TITLE_TAKEN.load(Ordering::Relaxed) {
        return shown;
    }
    if place == 0 || shown.is_empty() || !is_on_stack(argv.first()) || IS_SHOWN.swap(true, Ordering::Relaxed) {
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
    // the last `length` bytes of that. Wherever a word began there is still a NUL behind that place. This happens once, and
    // through pointers: there is no `&mut` to that memory.
    unsafe {
        start.copy_from(first, length);
        start.add(length).write_bytes(0, distance);
    }
    // SAFETY: each is as far from the start as it was from the first one shown, and lives as long.
    Words::leak(shown.iter().map(|word| unsafe { Word::from_raw(word.as_ptr().sub(distance)) }))
}

/// Whether a word lies on the stack, where the kernel lays argv out, and so in memory that can be written to: between the random
/// bytes that it gives each program and the name that was exec'ed (create_elf_tables in the kernel's fs/binfmt_elf.c). What is
/// leaked lies on the heap, what is constant in the program.
fn is_on_stack(word: Word) -> bool {
    // SAFETY: reads values that the kernel left at start.
    let [random, name] = unsafe { [libc::AT_RANDOM, libc::AT_EXECFN].map(|what| libc::getauxval(what)) };
    let place = word.as_ptr().addr() as u64;
    random != 0 && random < place && place <= name
}

/// Whether there is a [`Title`].
static IS_TITLE_TAKEN: AtomicBool = AtomicBool::new(false);

/// The memory of a word of argv, to be written to: what is there is what ps shows. Who takes it reads the word no more, and
/// keeps no bytes of it: they are those of what is shown.
pub struct Title {
    word: Word,
    length: usize,
}

impl Title {
    /// Of a word. `None` if it is not as the kernel has laid it out; and there is one only, so that nobody else ever writes there.
    pub fn of(word: Word) -> Option<Self> {
        let is_free = is_on_stack(word) && !IS_TITLE_TAKEN.swap(true, Ordering::Relaxed);
        is_free.then(|| Self { word, length: word.bytes().len() })
    }

    /// Shows a text, as far as there is room for it.
    pub fn show(&mut self, text: &[u8]) {
        let count = text.len().min(self.length);
        // SAFETY: as many bytes as the word had are writable and there for good, and its NUL stays behind them. They are written
        // through a pointer: there is no `&mut` to them, here or anywhere.
        unsafe { self.word.as_ptr().cast::<u8>().copy_from(text.as_ptr(), count) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::exec::name_at_exec;

    #[test]
    fn only_the_kernels_words_can_be_written_to_and_by_one_only() {
        assert!(
            Title::of(Word::leak(b"leaked".to_vec())).is_none() && Title::of(Word::constant(c"constant")).is_none()
        );
        let word = name_at_exec().unwrap();
        let text = word.bytes().to_vec();
        let mut title = Title::of(word).unwrap();
        assert!(Title::of(word).is_none());
        title.show(&[text.as_slice(), b"and more than there is room for"].concat());
        assert_eq!(name_at_exec().unwrap().bytes(), text);
    }
}
