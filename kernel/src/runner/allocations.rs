//! Memory of cells. The program defines `malloc` and its like for the whole process: they hand over to
//! glibc's own, tell the helper library of large blocks, and count when a cell is to be measured. A `#[global_allocator]`
//! in the helper library would not do: the standard library is linked dynamically and brings
//! the shim that chooses the allocator.
//!
//! What a cell allocates costs one comparison here, and one when it is freed. Each thread counts in a slot of its
//! own, with plain loads and stores. Memory comes from glibc in any case, so what is freed or resized elsewhere fits.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// Threads that get a slot of their own in the life of a runner; all later ones share one.
const SLOTS: usize = 512;

/// On a cache line of its own.
#[repr(align(64))]
struct Counters {
    count: AtomicU64,
    bytes: AtomicU64,
    /// Written by one thread only.
    owned: bool,
}

const fn slot(owned: bool) -> Counters {
    Counters { count: AtomicU64::new(0), bytes: AtomicU64::new(0), owned }
}

static OWNED: [Counters; SLOTS] = [const { slot(true) }; SLOTS];
static SHARED: Counters = slot(false);
static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's slot, once it has allocated. It has no destructor, so it can be used for as
    /// long as the thread runs, and reading it allocates nothing.
    static MINE: Cell<Option<&'static Counters>> = const { Cell::new(None) };
}

/// Blocks of so many bytes or more, the helper library hears of; its `large.rs` says why.
const LARGE: usize = 128 << 10;
/// Requests below this take the short way.
static SHORT: AtomicUsize = AtomicUsize::new(usize::MAX);
/// Are requests counted?
static COUNTING: AtomicBool = AtomicBool::new(false);

/// The helper library's functions for large blocks.
#[derive(Debug, Clone, Copy)]
pub struct Hooks {
    /// A block was made: address, length.
    pub made: extern "C" fn(usize, usize),
    /// May not be cut to this length in place.
    pub shrinks: extern "C" fn(usize, usize) -> bool,
    /// A block is about to become another; what is known of it goes to the second argument.
    pub moves: extern "C" fn(usize, &mut [usize; 4]),
    /// It has become this one: what was known, address, length.
    pub moved: extern "C" fn(&[usize; 4], usize, usize),
    /// A block is freed; true when it must stay.
    pub freed: extern "C" fn(usize) -> bool,
}

static HOOKS: OnceLock<Hooks> = OnceLock::new();

/// From now on, large blocks are told of.
pub fn tell(hooks: Hooks) {
    if HOOKS.set(hooks).is_ok() {
        SHORT.store(LARGE, Ordering::Relaxed);
    }
}

/// Begins or ends counting. The helper library calls it.
pub extern "C" fn count_all(on: bool) {
    COUNTING.store(on, Ordering::Relaxed);
    let large = if HOOKS.get().is_some() { LARGE } else { usize::MAX };
    SHORT.store(if on { 0 } else { large }, Ordering::Relaxed);
}

#[inline(always)]
fn is_short(bytes: usize) -> bool {
    bytes < SHORT.load(Ordering::Relaxed)
}

// What is not short has functions of its own below, which the usual ones end in: with a call in their middle they would
// keep a frame, which costs small boxes 5 % (measured).

/// What there is to do for a request that is not short: it is counted, and a large block is told of.
fn after(memory: *mut c_void, bytes: usize) -> *mut c_void {
    if COUNTING.load(Ordering::Relaxed) {
        count(bytes);
    }
    if bytes >= LARGE
        && !memory.is_null()
        && let Some(hooks) = HOOKS.get()
    {
        (hooks.made)(memory as usize, bytes);
    }
    memory
}

/// Bytes of a block, by the word that glibc keeps before it.
///
/// # Safety
/// `memory` was given out by glibc and is not null.
#[inline(always)]
unsafe fn chunk(memory: *mut c_void) -> usize {
    // SAFETY: glibc's chunks have their size there, with three flags in the low bits; `free` reads it next.
    unsafe { memory.cast::<usize>().sub(1).read() & !7 }
}

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
fn first() -> &'static Counters {
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
    fn __libc_free(memory: *mut c_void);
}

/// `malloc(3)`.
///
/// # Safety
/// As for `malloc(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc(size: usize) -> *mut c_void {
    if is_short(size) {
        // SAFETY: the caller's own call.
        return unsafe { __libc_malloc(size) };
    }
    // SAFETY: the caller's own call.
    unsafe { malloc_long(size) }
}

/// # Safety
/// As for `malloc(3)`.
#[cold]
#[inline(never)]
unsafe extern "C" fn malloc_long(size: usize) -> *mut c_void {
    // SAFETY: the caller's own call.
    after(unsafe { __libc_malloc(size) }, size)
}

/// `calloc(3)`.
///
/// # Safety
/// As for `calloc(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn calloc(number: usize, size: usize) -> *mut c_void {
    let bytes = number.saturating_mul(size);
    if is_short(bytes) {
        // SAFETY: the caller's own call.
        return unsafe { __libc_calloc(number, size) };
    }
    // SAFETY: the caller's own call.
    unsafe { calloc_long(number, size) }
}

/// # Safety
/// As for `calloc(3)`.
#[cold]
#[inline(never)]
unsafe extern "C" fn calloc_long(number: usize, size: usize) -> *mut c_void {
    // SAFETY: the caller's own call.
    after(unsafe { __libc_calloc(number, size) }, number.saturating_mul(size))
}

/// `realloc(3)`; counted as an allocation of the new size.
///
/// # Safety
/// As for `realloc(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: a block that glibc gave out.
    if is_short(size) && (old.is_null() || unsafe { chunk(old) } < LARGE) {
        // SAFETY: the caller's own call.
        return unsafe { __libc_realloc(old, size) };
    }
    // SAFETY: as above.
    unsafe { realloc_large(old, size) }
}

/// # Safety
/// As for `realloc(3)`.
#[cold]
#[inline(never)]
unsafe extern "C" fn realloc_large(old: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: a block that glibc gave out.
    let hooks = HOOKS.get().filter(|_| !old.is_null() && unsafe { chunk(old) } >= LARGE);
    let Some(hooks) = hooks else {
        // SAFETY: the caller's own call.
        return after(unsafe { __libc_realloc(old, size) }, size);
    };
    if COUNTING.load(Ordering::Relaxed) {
        count(size);
    }
    if size == 0 {
        // SAFETY: glibc's realloc frees then, and gives out nothing.
        unsafe { free(old) };
        return std::ptr::null_mut();
    }
    if (hooks.shrinks)(old as usize, size) {
        // SAFETY: a new block, into which the beginning of the old one fits; the old one is given up once.
        return unsafe {
            let new = malloc(size);
            if !new.is_null() {
                new.copy_from_nonoverlapping(old, size);
                free(old);
            }
            new
        };
    }
    let mut known = [0; 4];
    (hooks.moves)(old as usize, &mut known);
    // SAFETY: the caller's own call.
    let new = unsafe { __libc_realloc(old, size) };
    if new.is_null() {
        let [_, _, _, length] = known;
        (hooks.moved)(&known, old as usize, length);
    } else {
        (hooks.moved)(&known, new as usize, size);
    }
    new
}

/// `posix_memalign(3)`.
///
/// # Safety
/// As for `posix_memalign(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || alignment < size_of::<usize>() {
        return libc::EINVAL;
    }
    // SAFETY: a valid alignment.
    let memory = unsafe { __libc_memalign(alignment, size) };
    if memory.is_null() {
        return libc::ENOMEM;
    }
    let memory = if is_short(size) { memory } else { after(memory, size) };
    // SAFETY: the caller's place for the answer.
    unsafe { place.write(memory) };
    0
}

/// `free(3)`.
///
/// # Safety
/// As for `free(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(memory: *mut c_void) {
    // SAFETY: a block that glibc gave out.
    if !memory.is_null() && unsafe { chunk(memory) } >= LARGE {
        // SAFETY: the caller's own call, of a large block.
        return unsafe { free_large(memory) };
    }
    // SAFETY: the caller's own call.
    unsafe { __libc_free(memory) }
}

/// # Safety
/// As for `free(3)`.
#[cold]
#[inline(never)]
unsafe extern "C" fn free_large(memory: *mut c_void) {
    if HOOKS.get().is_some_and(|hooks| (hooks.freed)(memory as usize)) {
        return;
    }
    // SAFETY: the caller's own call.
    unsafe { __libc_free(memory) }
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
        count_all(true);
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
