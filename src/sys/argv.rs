//! What ps and pgrep -f show of this process: the memory that the kernel laid argv out in.

use super::words::{Word, Words};

/// Makes `/proc/self/cmdline` begin with the words of `argv` from `place` on, and be empty behind them, as if an exec had
/// been given these alone. Gives copies of them: **all words of `argv` are void from here on**, and so is whatever
/// borrows from them.
///
/// Where the words do not lie as the kernel lays them, one behind the other, nothing is shown anew.
pub fn show_only(argv: Words, place: usize) -> Words {
    let shown = argv.from(place);
    if place == 0 || shown.is_empty() {
        return shown;
    }
    let copies = Words::leak(shown.iter().map(|word| Word::leak(word.bytes().to_vec())));
    let start = argv.first().as_ptr();
    let mut end = start;
    for word in argv.iter() {
        if word.as_ptr() != end {
            return copies;
        }
        // SAFETY: one past the word's NUL, which is within or just past the memory that holds the words.
        end = unsafe { end.add(word.bytes().len() + 1) };
    }
    let mut left = end.addr() - start.addr();
    let mut to = start.cast::<u8>();
    for word in copies.iter() {
        let bytes = word.as_c_str().to_bytes_with_nul();
        // SAFETY: the words lie one behind the other from `start` to `end`, on the stack, which is writable; these are
        // some of them, so they fit. By what this function says, nobody reads the old ones any more.
        unsafe {
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            to = to.add(bytes.len());
        }
        left -= bytes.len();
    }
    // SAFETY: the rest of the same memory.
    unsafe { to.write_bytes(0, left) };
    copies
}
