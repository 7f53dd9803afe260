//! Words as the kernel hands them over: NUL-terminated bytes that live as long as the process, and the NULL-terminated
//! arrays of them that execve takes. Nothing here copies, so what is not edited is passed on as the very pointers that
//! came in.

use std::ffi::{CStr, c_char};
use std::fmt;
use std::ptr::NonNull;

/// One argument or environment entry: bytes without NUL, kept for the life of the process.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Word(NonNull<c_char>);

// SAFETY: what it leads to is there for good. Written to are only words of argv (src/sys/argv.rs), by the one thread there is.
unsafe impl Send for Word {}
// SAFETY: likewise.
unsafe impl Sync for Word {}

impl Word {
    /// The word that a string constant spells.
    pub const fn constant(text: &'static CStr) -> Self {
        // SAFETY: a CStr's pointer is never null.
        Self(unsafe { NonNull::new_unchecked(text.as_ptr().cast_mut()) })
    }

    /// A new word, leaked: it lives until the process execs or ends. Cut at the first NUL if there is one.
    pub fn leak(mut bytes: Vec<u8>) -> Self {
        bytes.push(0);
        let bytes = Vec::leak(bytes);
        // SAFETY: leaked, so valid from here on, and ended by the NUL just pushed.
        Self(unsafe { NonNull::new_unchecked(bytes.as_mut_ptr().cast()) })
    }

    /// The word that begins here.
    ///
    /// # Safety
    /// A C string that is neither changed nor freed as long as the word is read.
    pub(super) unsafe fn from_raw(first: *mut c_char) -> Self {
        // SAFETY: the caller's string is somewhere, so not at null.
        Self(unsafe { NonNull::new_unchecked(first) })
    }

    /// Where it begins.
    pub(super) fn as_ptr(self) -> *mut c_char {
        self.0.as_ptr()
    }

    /// The same word as a C string.
    pub fn as_c_str(self) -> &'static CStr {
        // SAFETY: every constructor takes NUL-terminated bytes that are never freed.
        unsafe { CStr::from_ptr(self.0.as_ptr()) }
    }

    /// The bytes, without the NUL.
    pub fn bytes(self) -> &'static [u8] {
        self.as_c_str().to_bytes()
    }

    /// Whether these are the very bytes of the other.
    pub fn is_same(self, other: Self) -> bool {
        self.0 == other.0
    }

    /// What is left of the word after its first `count` bytes; empty if it has no more.
    pub fn after(self, count: usize) -> Self {
        let count = count.min(self.bytes().len());
        // SAFETY: `count` is at most the distance to the NUL.
        Self(unsafe { NonNull::new_unchecked(self.0.as_ptr().add(count)) })
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_c_str().fmt(out)
    }
}

/// An argv or envp: words followed by the NULL that ends them. Copying it copies a pointer and a length.
#[derive(Clone, Copy)]
pub struct Words {
    /// All but the last are `Some`; the last is `None`, which has the representation of a null pointer.
    slots: &'static [Option<Word>],
}

impl Words {
    /// No words at all.
    pub const EMPTY: Self = Self { slots: &[None] };

    /// Takes over an array that the kernel, or C's start-up code, has laid out.
    ///
    /// # Safety
    /// `first` points to an array of pointers to C strings, ended by a null pointer; array and strings are neither
    /// changed nor freed while the process runs, but by [`show_only`](super::argv::show_only) and
    /// [`Title`](super::argv::Title), after which who reads their words finds other text, ended as before.
    pub unsafe fn from_raw(first: *const *const c_char) -> Self {
        let mut count = 0;
        // SAFETY: the caller vouches for every slot up to and including the null one. Option<Word> has the layout of a
        // nullable pointer: Word is a transparent NonNull.
        unsafe {
            while !(*first.add(count)).is_null() {
                count += 1;
            }
            Self { slots: std::slice::from_raw_parts(first.cast(), count + 1) }
        }
    }

    /// A new array, leaked.
    pub fn leak(words: impl IntoIterator<Item = Word>) -> Self {
        let slots: Vec<Option<Word>> = words.into_iter().map(Some).chain([None]).collect();
        Self { slots: Vec::leak(slots) }
    }

    /// How many words there are.
    pub fn len(self) -> usize {
        self.slots.len() - 1
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The word at `place`, counted from 0.
    pub fn get(self, place: usize) -> Option<Word> {
        self.slots.get(place).copied().flatten()
    }

    /// The first word, which names a program; empty if there is none.
    pub fn first(self) -> Word {
        self.get(0).unwrap_or(Word::constant(c""))
    }

    /// The words from `place` on; none if there are not so many.
    pub fn from(self, place: usize) -> Self {
        Self { slots: &self.slots[place.min(self.len())..] }
    }

    /// Whether these are the same words in memory, not only alike.
    pub fn is_same(self, other: Self) -> bool {
        std::ptr::eq(self.slots, other.slots)
    }

    /// The words in order.
    pub fn iter(self) -> impl Iterator<Item = Word> {
        self.slots.iter().copied().flatten()
    }

    /// Bytes that exec copies for them: each with its NUL, and its pointer.
    pub fn size(self) -> usize {
        self.iter().map(|word| word.bytes().len() + 1 + size_of::<Word>()).sum()
    }

    /// The array as execve wants it.
    pub(super) fn as_ptr(self) -> *const *const c_char {
        self.slots.as_ptr().cast()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_can_be_cut_anywhere_and_never_past_its_end() {
        let word = Word::leak(b"-m5000".to_vec());
        assert_eq!(word.after(2).bytes(), b"5000");
        assert_eq!(word.after(6).bytes(), b"");
        assert_eq!(word.after(99).bytes(), b"");
    }

    #[test]
    fn words_keep_their_order_and_their_end() {
        let words = Words::leak([Word::constant(c"a"), Word::constant(c""), Word::constant(c"c")]);
        assert_eq!(words.len(), 3);
        assert_eq!(words.from(1).get(1).unwrap().bytes(), b"c");
        assert!(words.from(9).is_empty());
        assert!(Words::EMPTY.get(0).is_none());
    }
}
