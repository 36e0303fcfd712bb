//! Counting allocations of cells. The program defines `malloc` and its like for the whole process: they
//! count, and hand over to glibc's own. A `#[global_allocator]` in the helper library would not do:
//! the standard library is linked dynamically and brings the shim that chooses the allocator.
//!
//! Each thread counts in a slot of its own, with plain loads and stores. Memory comes from glibc in any case,
//! so what is freed or resized elsewhere fits.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Threads that get a slot of their own in the life of a runner; all later ones share one.
const SLOTS: usize = 512;

/// On a cache line of its own.
#[repr(align(64))]
struct Slot {
    count: AtomicU64,
    bytes: AtomicU64,
    /// Written by one thread only.
    owned: bool,
}

const fn slot(owned: bool) -> Slot {
    Slot { count: AtomicU64::new(0), bytes: AtomicU64::new(0), owned }
}

static OWNED: [Slot; SLOTS] = [const { slot(true) }; SLOTS];
static SHARED: Slot = slot(false);
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's slot, once it has allocated. It has no destructor, so it can be used for as
    /// long as the thread runs, and reading it allocates nothing.
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

#[inline(always)]
fn count(bytes: usize) {
    let slot = match MINE.get() {
        Some(slot) => slot,
        None => first(),
    };
    if slot.owned {
        // Nobody else writes here, so nothing is lost between the load and the store.
        slot.count.store(slot.count.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        slot.bytes.store(slot.bytes.load(Ordering::Relaxed).wrapping_add(bytes as u64), Ordering::Relaxed);
    } else {
        slot.count.fetch_add(1, Ordering::Relaxed);
        slot.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

#[cold]
#[inline(never)]
fn first() -> &'static Slot {
    let slot = OWNED.get(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap_or(&SHARED);
    MINE.set(Some(slot));
    slot
}

/// Allocations so far and their bytes, of all threads. The helper library calls it.
pub extern "C" fn read(counted: &mut [u64; 2]) {
    *counted = [0; 2];
    for slot in OWNED.iter().chain([&SHARED]) {
        counted[0] = counted[0].wrapping_add(slot.count.load(Ordering::Relaxed));
        counted[1] = counted[1].wrapping_add(slot.bytes.load(Ordering::Relaxed));
    }
}

// glibc's own functions, under the names it exports for programs that define the usual ones.
unsafe extern "C" {
    fn __libc_malloc(size: usize) -> *mut c_void;
    fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
    fn __libc_realloc(old: *mut c_void, size: usize) -> *mut c_void;
    fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
}

/// `malloc(3)`, counted.
///
/// # Safety
/// As for `malloc(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    count(size);
    // SAFETY: the caller's own call.
    unsafe { __libc_malloc(size) }
}

/// `calloc(3)`, counted.
///
/// # Safety
/// As for `calloc(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
    count(number.saturating_mul(size));
    // SAFETY: the caller's own call.
    unsafe { __libc_calloc(number, size) }
}

/// `realloc(3)`, counted as an allocation of the new size.
///
/// # Safety
/// As for `realloc(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    count(size);
    // SAFETY: the caller's own call; all memory of this process is glibc's.
    unsafe { __libc_realloc(old, size) }
}

/// `posix_memalign(3)`, counted.
///
/// # Safety
/// As for `posix_memalign(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<usize>() {
        return libc::EINVAL;
    }
    count(size);
    // SAFETY: a valid alignment.
    let memory = unsafe { __libc_memalign(alignment, size) };
    if memory.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: the caller's place for the answer.
    unsafe { place.write(memory) };
    0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
    use std::hint::black_box;

    fn counted() -> [u64; 2] {
        let mut now = [0; 2];
        read(&mut now);
        now
    }

    #[test]
    fn allocations_of_all_kinds_and_threads_are_counted() {
        let before = counted();
        let layout = Layout::from_size_align(1000, 8).unwrap();
        let wide = Layout::from_size_align(5000, 4096).unwrap();
        let work = || {
            for _ in 0..100 {
                // SAFETY: layouts of more than 0 bytes; each block is freed as it was last sized.
                unsafe {
                    let (a, b, c) = (alloc(layout), alloc_zeroed(layout), alloc(wide));
                    assert_eq!(c as usize % 4096, 0);
                    assert_eq!(*b, 0);
                    let a = realloc(black_box(a), layout, 2000);
                    dealloc(black_box(a), Layout::from_size_align(2000, 8).unwrap());
                    dealloc(black_box(b), layout);
                    dealloc(black_box(c), wide);
                }
            }
        };
        std::thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(work)));
        });
        let after = counted();
        assert!(after[0] - before[0] >= 1200, "{before:?} {after:?}");
        assert!(after[1] - before[1] >= 3 * 100 * 9000, "{before:?} {after:?}");
    }

    #[test]
    fn threads_beyond_the_slots_are_counted_together() {
        let mine = MINE.replace(Some(&SHARED));
        let before = SHARED.count.load(Ordering::Relaxed);
        count(1);
        assert!(SHARED.count.load(Ordering::Relaxed) > before);
        MINE.set(mine);
    }
}
