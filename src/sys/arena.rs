//! A small arena in front of malloc: a link allocates a few kilobytes, never gives them back, and is gone. Memory that
//! is there from the start costs no system call and a third of malloc's page faults, and is still there when a limit
//! forbids more.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bytes served before malloc is asked. Untouched pages cost nothing.
const SIZE: usize = 64 * 1024;
/// What C expects of malloc on every 64-bit Linux.
const C_ALIGNMENT: usize = 16;

/// The largest alignment served.
const ALIGNMENT: usize = 64;

#[repr(align(64))]
struct Memory(UnsafeCell<[u8; SIZE]>);

/// Whether an arena of this process has had to ask malloc.
static OUTGROWN: AtomicBool = AtomicBool::new(false);

/// Whether the process holds more memory than a fresh one: links give nothing back, and a limit may be near.
pub fn is_outgrown() -> bool {
    OUTGROWN.load(Ordering::Relaxed)
}

/// What becomes of a process whose memory has run out.
pub trait Exhaustion {
    /// Ends it. There is nothing left to allocate.
    fn end() -> !;
}

/// The allocator. Only for a process with one thread, and so only set by the catena program itself.
#[repr(C)]
pub struct Arena<E> {
    // beside the first block, so that the two share a page; zero at first, so that the page is none of the file's
    used: Cell<usize>,
    memory: Memory,
    exhaustion: PhantomData<fn() -> E>,
}

// SAFETY: whoever made it vouches for one thread.
unsafe impl<E> Sync for Arena<E> {}

impl<E> Arena<E> {
    /// An arena with nothing in it.
    ///
    /// # Safety
    /// Only one thread ever uses it.
    pub const unsafe fn new() -> Self {
        Self { used: Cell::new(0), memory: Memory(UnsafeCell::new([0; SIZE])), exhaustion: PhantomData }
    }

    fn start(&self) -> usize {
        self.memory.0.get().addr()
    }

    /// Where in the arena `block` begins, if it does.
    fn place(&self, block: *const u8) -> Option<usize> {
        block.addr().checked_sub(self.start()).filter(|&place| place < SIZE)
    }

    fn take(&self, size: usize, alignment: usize) -> Option<*mut u8> {
        let place = self.used.get().next_multiple_of(alignment);
        let end = place.checked_add(size)?;
        if end > SIZE || alignment > ALIGNMENT {
            OUTGROWN.store(true, Ordering::Relaxed);
            return None;
        }
        self.used.set(end);
        Some(self.memory.0.get().cast::<u8>().wrapping_add(place))
    }

    /// C's malloc; `None` when the arena is full.
    pub fn malloc(&self, size: usize) -> Option<*mut u8> {
        self.take(size.max(1), C_ALIGNMENT)
    }

    /// How many bytes from `block` to the arena's end, if it lies in the arena: the most that can belong to it.
    pub fn reach(&self, block: *const u8) -> Option<usize> {
        self.place(block).map(|place| SIZE - place)
    }
}

/// Rust aborts with SIGABRT where there is no memory; an applet says so and exits.
fn or_end<E: Exhaustion>(block: *mut u8) -> *mut u8 {
    if block.is_null() { E::end() } else { block }
}

// SAFETY: blocks come from the arena, one after the other and never twice while in use, or from System.
unsafe impl<E: Exhaustion> GlobalAlloc for Arena<E> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's layout, passed on.
        self.take(layout.size(), layout.align()).unwrap_or_else(|| or_end::<E>(unsafe { System.alloc(layout) }))
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match self.place(block) {
            Some(place) if place + layout.size() == self.used.get() => self.used.set(place),
            Some(_) => {}
            // SAFETY: not the arena's, so System's.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match self.place(block) {
            // the last block grows where it is
            Some(place) if place + layout.size() == self.used.get() && place + size <= SIZE => {
                self.used.set(place + size);
                block
            }
            // SAFETY: a new block, as large as asked, receives what both can hold.
            Some(_) => unsafe {
                let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                new.copy_from_nonoverlapping(block, layout.size().min(size));
                new
            },
            // SAFETY: not the arena's, so System's.
            None => or_end::<E>(unsafe { System.realloc(block, layout, size) }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No test gets that far.
    struct Abort;

    impl Exhaustion for Abort {
        fn end() -> ! {
            std::process::abort()
        }
    }

    fn arena() -> &'static Arena<Abort> {
        // SAFETY: one for each test, which is one thread.
        Box::leak(Box::new(unsafe { Arena::new() }))
    }

    #[test]
    fn the_last_block_grows_in_place_and_an_older_one_moves() {
        let arena = arena();
        let layout = Layout::from_size_align(10, 1).unwrap();
        // SAFETY: blocks are used as their layouts say.
        unsafe {
            let first = arena.alloc(layout);
            first.write_bytes(7, 10);
            assert_eq!(arena.realloc(first, layout, 20), first);
            let second = arena.alloc(layout);
            let moved = arena.realloc(first, Layout::from_size_align(20, 1).unwrap(), 40);
            assert!(moved > second);
            assert_eq!(std::slice::from_raw_parts(moved, 10), [7; 10]);
        }
    }

    #[test]
    fn a_full_arena_hands_over_to_the_system() {
        let arena = arena();
        let layout = Layout::from_size_align(SIZE - 8, 1).unwrap();
        // SAFETY: as above.
        unsafe {
            assert!(arena.place(arena.alloc(layout)).is_some());
            let outside = arena.alloc(layout);
            assert!(arena.place(outside).is_none());
            arena.dealloc(outside, layout);
        }
    }

    #[test]
    fn alignment_holds() {
        let arena = arena();
        for alignment in [1, 2, 8, 64] {
            // SAFETY: as above.
            let block = unsafe { arena.alloc(Layout::from_size_align(3, alignment).unwrap()) };
            assert_eq!(block.addr() % alignment, 0);
        }
    }
}
