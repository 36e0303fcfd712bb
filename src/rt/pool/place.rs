//! Where rayon keeps its global pool, and how to tell that it is making it: two statics of rayon's that have no
//! name outside of it. They are looked for in a child process, whose places are those of its parent, since whoever looks
//! must make pools, and this process is to have no second thread before a cell needs one. Nothing is put there here.

use std::ffi::{c_int, c_void};
use std::mem;
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::rt::memory;

/// Threads of the global pool of a child, and of another one.
const FEW: [usize; 2] = [2, 3];
/// After that a child is in no state to tell anything.
const PATIENCE: Duration = Duration::from_secs(5);
/// The word of a pool's owners, and the one after it, which counts weak ones: nobody holds such.
const COUNTS: [usize; 2] = [FEW[0] + 1, 1];

/// Both statics.
#[derive(Debug, Clone, Copy)]
pub(super) struct PoolStatics {
    /// Holds a counted pointer to the global pool, or nothing.
    pool: *mut usize,
    /// Says whether the pool was made, in the word of a `Once`.
    once: *const AtomicU32,
    /// What that word is while somebody makes it.
    making: u32,
}

// SAFETY: both pointers are to statics of this library, which is never unloaded; they are read and written by the
// functions below alone, as those say.
unsafe impl Send for PoolStatics {}
// SAFETY: as above.
unsafe impl Sync for PoolStatics {}

impl PoolStatics {
    /// Is rayon making its global pool now, on whatever thread?
    pub(super) fn is_being_made(&self) -> bool {
        // SAFETY: a static of this library, which std's `Once` uses as an atomic word too.
        unsafe { &*self.once }.load(Ordering::SeqCst) == self.making
    }

    /// Makes a pool the global one.
    ///
    /// # Safety
    /// `pool` is never dropped while it is there, and rayon writes to the place no more: its global pool is made, or
    /// the attempt to make it is about to fail.
    pub(super) unsafe fn put(&self, pool: &ThreadPool) {
        // SAFETY: a word of this library's data that holds a counted pointer to a registry or nothing, which is what
        // a pool is as well; `find` has seen that rayon takes its global pool from there. Threads of no pool may
        // read it meanwhile: they read one word, which is either pool.
        unsafe { self.pool.write_volatile(word_of(pool)) };
    }
}

/// A pool is a counted pointer to what rayon calls its registry, and so is the global one.
fn word_of(pool: &ThreadPool) -> usize {
    const { assert!(size_of::<ThreadPool>() == size_of::<usize>()) };
    // SAFETY: it has the size of a word, and no padding, being a pointer.
    unsafe { ptr::from_ref(pool).cast::<usize>().read() }
}

/// Runs `work` in a child of this process, which ends with it; did it say yes?
pub(super) fn in_a_child(work: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child has this thread alone, runs `work` on it, and ends without running what belongs to its parent.
    // glibc makes its allocator usable in it, whatever other threads do here.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let well = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(false);
        // SAFETY: as above.
        unsafe { libc::_exit(i32::from(!well)) };
    }
    if child < 0 {
        return false;
    }
    let (begun, mut status) = (Instant::now(), 0);
    loop {
        // SAFETY: our own child.
        let done = unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) };
        if done != 0 {
            return done == child && status == 0;
        }
        if begun.elapsed() > PATIENCE {
            // SAFETY: our own child, which is not reaped yet.
            unsafe {
                libc::kill(child, libc::SIGKILL);
                libc::waitpid(child, &mut status, 0);
            }
            return false;
        }
        thread::sleep(Duration::from_micros(100));
    }
}

/// Looks for the place; makes no thread in this process.
pub(super) fn find() -> Option<PoolStatics> {
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    let length = size_of::<[usize; 3]>();
    // SAFETY: a new mapping of our own, which the child shares.
    let shared = unsafe { libc::mmap(ptr::null_mut(), length, rights, flags, -1, 0) };
    if shared == libc::MAP_FAILED {
        return None;
    }
    let told = shared.cast::<[usize; 3]>();
    let found = in_a_child(|| {
        let Some(place) = search() else { return false };
        // SAFETY: the mapping has room for it, and the parent waits.
        unsafe { told.write_volatile([place.pool as usize, place.once as usize, place.making as usize]) };
        true
    });
    // SAFETY: the child has ended; nobody has the mapping after this.
    let [pool, once, making] = unsafe {
        let told = told.read_volatile();
        libc::munmap(shared, length);
        told
    };
    let place = PoolStatics {
        pool: ptr::without_provenance_mut(pool),
        once: ptr::without_provenance(once),
        making: u32::try_from(making).ok()?,
    };
    found.then_some(place)
}

/// In a child: makes rayon's global pool and finds the words that tell of it. One became a pointer meanwhile, to something
/// with as many owners as the pool has, and decides how many threads rayon says there are; another was one number before, one while the
/// pool was made and one after.
fn search() -> Option<PoolStatics> {
    let segments = writable_segments(rayon::current_thread_index as *const () as usize);
    let look = || segments.iter().map(halves).collect::<Vec<_>>();
    // Another pool, which later proves the place; it comes first, because what pools share is made by the first.
    let other = ThreadPoolBuilder::new().num_threads(FEW[1]).build().ok()?;
    other.broadcast(|_| ());
    let (before, during) = (look(), OnceLock::new());
    let global = ThreadPoolBuilder::new().num_threads(FEW[0]).spawn_handler(|thread| {
        during.get_or_init(look);
        thread::Builder::new().spawn(|| thread.run()).map(drop)
    });
    global.build_global().ok()?;
    let (during, after) = (during.get()?, look());
    let (mut pools, mut onces) = (Vec::new(), Vec::new());
    for (index, segment) in segments.iter().enumerate() {
        let (before, during, after) = (&before[index], &during[index], &after[index]);
        for at in 0..after.len() {
            if before[at] != during[at] && during[at] != after[at] && before[at] != after[at] {
                onces.push((segment.start + at * size_of::<u32>(), during[at]));
            }
        }
        for at in (0..after.len().saturating_sub(1)).step_by(2) {
            let pointer = word(&after[at..]);
            if word(&before[at..]) == 0 && pointer != 0 && memory::words(pointer, size_of_val(&COUNTS)) == COUNTS {
                pools.push(segment.start + at * size_of::<u32>());
            }
        }
    }
    let ([pool], [(once, making)]) = (&pools[..], &onces[..]) else { return None };
    let place =
        PoolStatics { pool: ptr::without_provenance_mut(*pool), once: ptr::without_provenance(*once), making: *making };
    // The proof: the other pool in this place is the one that rayon speaks of. This process ends after it.
    // SAFETY: the global pool is made, and `other` is not dropped while it is there.
    unsafe { place.put(&other) };
    let proven = rayon::current_num_threads() == FEW[1];
    mem::forget(other);
    proven.then_some(place)
}

fn word(halves: &[u32]) -> usize {
    let mut bytes = [0; size_of::<usize>()];
    for (bytes, half) in bytes.chunks_exact_mut(size_of::<u32>()).zip(halves) {
        bytes.copy_from_slice(&half.to_ne_bytes());
    }
    usize::from_ne_bytes(bytes)
}

/// The content of a segment, in halves of words.
fn halves(segment: &Range<usize>) -> Vec<u32> {
    let count = segment.len() / size_of::<usize>() * 2;
    // SAFETY: a mapped, readable segment of this library, aligned; read a number at a time, since
    // other threads may write.
    (0..count).map(|i| unsafe { ptr::without_provenance::<u32>(segment.start).add(i).read_volatile() }).collect()
}

/// The writable parts of the library that holds this code address.
fn writable_segments(code: usize) -> Vec<Range<usize>> {
    struct Search {
        code: usize,
        found: Vec<Range<usize>>,
    }
    unsafe extern "C" fn visit(info: *mut libc::dl_phdr_info, _: libc::size_t, search: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid record, and `search` is the place below.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        // SAFETY: the record says where the headers are and how many.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
        let range = |header: &libc::Elf64_Phdr| {
            let start = (info.dlpi_addr + header.p_vaddr) as usize;
            start..start + header.p_memsz as usize
        };
        let loaded = || headers.iter().filter(|header| header.p_type == libc::PT_LOAD);
        if !loaded().any(|header| range(header).contains(&search.code)) {
            return 0;
        }
        // What the loader made read-only again is no place for a static that changes.
        let fixed: Vec<_> = headers.iter().filter(|h| h.p_type == libc::PT_GNU_RELRO).map(range).collect();
        for header in loaded().filter(|header| header.p_flags & libc::PF_W != 0) {
            let mut part = range(header);
            part.start = fixed.iter().filter(|f| part.contains(&f.start)).map(|f| f.end).max().unwrap_or(part.start);
            part.start = part.start.next_multiple_of(mem::align_of::<usize>());
            search.found.push(part);
        }
        1
    }
    let mut search = Search { code, found: Vec::new() };
    // SAFETY: `visit` has the signature that is asked for and is called before this returns.
    unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
    search.found
}
