//! Large blocks of memory, and keeping them out of snapshots.
//!
//! A fork copies no memory, but the first write to each page of it afterwards does, by a fault of its
//! own: a loop over gigabytes is 7 to 80 times slower (measured). So large blocks that hold plain data
//! (numbers, no pointers) are kept out of the copy, which costs neither the fork nor the loop anything. A copy that
//! takes over gets them from the process that ended, as they are then.
//!
//! The program's `malloc` (the kernel's `runner` verb) tells of each block of [`LARGE`] bytes or more
//! when it is made, moved and freed. What is freed while a copy needs it stays until the next cell.

use std::collections::BTreeMap;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::ledger::{self, ENTRIES};
use super::memory;

/// Smaller blocks are as any other memory. `malloc` of the runner counts by the same number.
pub const LARGE: usize = 128 << 10;
/// A copy that takes over gets its blocks in such pieces.
const PIECE: usize = 16 << 20;
/// Fewer pieces than these (256 MiB, a quarter of a second) are one thread's: others would make this process
/// one with threads, and its malloc slower for good.
const MANY: usize = 16;
/// A block whose whole pages come to less stays in the copy.
const WORTH: usize = 64 << 10;

#[derive(Debug, Default)]
struct Block {
    length: usize,
    /// The pages that are kept out of copies.
    kept_out: Option<Range<usize>>,
    /// Its entry in the ledger, when the present copy is without it.
    entry: Option<usize>,
}

#[derive(Debug)]
struct Blocks {
    all: BTreeMap<usize, Block>,
    /// Freed by the running cell, and needed by the copy.
    freed: Vec<usize>,
    freed_bytes: usize,
}

static BLOCKS: Mutex<Blocks> = Mutex::new(Blocks { all: BTreeMap::new(), freed: Vec::new(), freed_bytes: 0 });
/// How many blocks the present copy is without: a cheap look for `malloc`.
static MISSING: AtomicUsize = AtomicUsize::new(0);

// Nodes of the map and the list are small, so no call in here comes back to the functions below.
fn blocks() -> MutexGuard<'static, Blocks> {
    BLOCKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The whole pages of a block.
fn pages(address: usize, length: usize) -> Range<usize> {
    let page = memory::page();
    let start = address.next_multiple_of(page);
    start..((address + length) / page * page).max(start)
}

fn advise(range: &Range<usize>, advice: i32) -> bool {
    // SAFETY: it changes what a fork does with the pages, not what is in them; pages that are gone
    // meanwhile make it fail.
    unsafe { libc::madvise(ptr::without_provenance_mut(range.start), range.len(), advice) == 0 }
}

/// `malloc` made a block. Not an API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_block_made(address: usize, length: usize) {
    blocks().all.insert(address, Block { length, ..Block::default() });
}

/// `realloc` is about to make a block of another length of it: true when it must not be done in place,
/// because the copy needs what would be cut off. Not an API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_block_shrinks(address: usize, length: usize) -> bool {
    MISSING.load(Ordering::Relaxed) > 0
        && blocks().all.get(&address).is_some_and(|block| block.entry.is_some() && length < block.length)
}

/// `realloc` is about to make another block of one: it is nobody's in between, since its place may be given to
/// others before [`ferrolab_rt_block_moved`] hears of it. Not an API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_block_moves(address: usize, known: &mut [usize; 4]) {
    let block = blocks().all.remove(&address).unwrap_or_default();
    let pages = block.kept_out.unwrap_or_default();
    *known = [block.entry.map_or(0, |entry| entry + 1), pages.start, pages.end, block.length];
}

/// `realloc` made this block of the one that is known; what was in it is in the new one. Not an API for
/// notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_block_moved(known: &[usize; 4], address: usize, length: usize) {
    let [entry, start, end, _] = *known;
    if start < end {
        // What stays of the old place belongs to others now, and the new one is looked at again.
        advise(&(start..end), libc::MADV_DOFORK);
        advise(&pages(address, length), libc::MADV_DOFORK);
    }
    let entry = entry.checked_sub(1);
    if let (Some(entry), Ok(ledger)) = (entry, ledger::get()) {
        ledger.entries[entry].length.store(length, Ordering::Release);
        ledger.entries[entry].address.store(address, Ordering::Release);
    }
    if length >= LARGE || entry.is_some() {
        blocks().all.insert(address, Block { length, kept_out: None, entry });
    }
}

/// `free` is asked for a block. True when it must stay for now. Not an API for notebooks.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_rt_block_freed(address: usize) -> bool {
    let mut blocks = blocks();
    let Some(block) = blocks.all.get(&address) else { return false };
    let length = block.length;
    if let (Some(entry), Ok(ledger)) = (block.entry, ledger::get()) {
        // Half of what is free may be held back for a copy that may never need it.
        if memory::available().is_none_or(|free| (blocks.freed_bytes + length) as u64 <= free / 2) {
            blocks.freed.push(address);
            blocks.freed_bytes += length;
            return true;
        }
        ledger.entries[entry].address.store(0, Ordering::Release);
    }
    if let Some(Block { kept_out: Some(range), .. }) = blocks.all.remove(&address) {
        advise(&range, libc::MADV_DOFORK);
    }
    false
}

/// The copy is gone: what was held back for it is freed, and nothing is held back any more.
pub(super) fn release() {
    MISSING.store(0, Ordering::Relaxed);
    let freed = {
        let mut blocks = blocks();
        blocks.freed_bytes = 0;
        blocks.all.values_mut().for_each(|block| block.entry = None);
        std::mem::take(&mut blocks.freed)
    };
    for address in freed {
        // SAFETY: the program gave it to `free`, which held it back; it is given back once, here.
        unsafe { libc::free(ptr::without_provenance_mut(address)) };
    }
}

/// Is there a large block at this address?
pub(super) fn is_block(address: usize) -> bool {
    blocks().all.contains_key(&address)
}

/// Keeps blocks out of the copy that is made next. Returns the bytes that no copy has.
pub(super) fn keep_out(addresses: &[usize]) -> u64 {
    let Ok(ledger) = ledger::get() else { return 0 };
    let mut blocks = blocks();
    for address in addresses {
        let Some(block) = blocks.all.get_mut(address) else { continue };
        let range = pages(*address, block.length);
        if block.kept_out.as_ref() == Some(&range) || range.len() < WORTH {
            continue;
        }
        block.kept_out = advise(&range, libc::MADV_DONTFORK).then_some(range);
    }
    let (mut bytes, mut next) = (0, 0);
    for (address, block) in &mut blocks.all {
        let Some(range) = block.kept_out.clone() else { continue };
        if next == ENTRIES {
            // More than the ledger has room for: the rest is copied as any other memory.
            advise(&range, libc::MADV_DOFORK);
            block.kept_out = None;
            continue;
        }
        ledger.entries[next].address.store(*address, Ordering::Relaxed);
        ledger.entries[next].length.store(block.length, Ordering::Relaxed);
        block.entry = Some(next);
        next += 1;
        bytes += range.len() as u64;
    }
    MISSING.store(next, Ordering::Relaxed);
    bytes
}

/// Nothing is kept out of copies from now on.
pub(super) fn keep_all() {
    for block in blocks().all.values_mut() {
        if let Some(range) = block.kept_out.take() {
            advise(&range, libc::MADV_DOFORK);
        }
        block.entry = None;
    }
    MISSING.store(0, Ordering::Relaxed);
}

/// Nobody is in the middle of a change while this is held.
pub(super) fn hold() -> impl Sized {
    blocks()
}

/// In a copy that takes over: puts back the pages that it was made without, on so many threads. `fetch` fills a
/// part of them with what stands at an address of the process that ended. Returns the blocks whose content
/// could not be had; where it could not, they are zeros.
pub(super) fn put_back(threads: usize, fetch: impl Fn(usize, &mut [u8]) -> bool + Sync) -> Vec<usize> {
    let mut damaged = Vec::new();
    let Ok(ledger) = ledger::get() else { return damaged };
    let mut pieces: Vec<(usize, usize, &mut [u8])> = Vec::new();
    for (address, block) in &mut blocks().all {
        let (Some(range), Some(entry)) = (block.kept_out.take(), block.entry.take()) else { continue };
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
        // SAFETY: these pages are those of a block that is allocated here, and the fork left a hole in
        // their place.
        let memory = unsafe { libc::mmap(ptr::without_provenance_mut(range.start), range.len(), rights, flags, -1, 0) };
        let now = ledger.entries[entry].address.load(Ordering::Acquire);
        let skipped = range.start - address;
        let there = ledger.entries[entry].length.load(Ordering::Acquire).saturating_sub(skipped).min(range.len());
        if memory == libc::MAP_FAILED || now == 0 || there < range.len() {
            damaged.push(*address);
        }
        if memory == libc::MAP_FAILED || now == 0 {
            continue;
        }
        // SAFETY: the mapping just made, which nobody knows yet.
        let whole = unsafe { std::slice::from_raw_parts_mut(memory.cast::<u8>(), there) };
        let places = (now + skipped..).step_by(PIECE);
        pieces.extend(whole.chunks_mut(PIECE).zip(places).map(|(piece, place)| (*address, place, piece)));
    }
    MISSING.store(0, Ordering::Relaxed);
    // From the end, so that taking one costs nothing; huge blocks have thousands.
    let (pieces, failed) = (Mutex::new(pieces), Mutex::new(damaged));
    let work = || {
        loop {
            let piece = pieces.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some((block, place, into)) = piece else { return };
            if !fetch(place, into) {
                failed.lock().unwrap_or_else(PoisonError::into_inner).push(block);
            }
        }
    };
    thread::scope(|scope| {
        let count = pieces.lock().map_or(1, |pieces| pieces.len());
        let count = if count < MANY { 1 } else { count.min(threads) };
        // Where the system refuses a thread, the others do its part.
        let helpers: Vec<_> = (1..count).map_while(|_| thread::Builder::new().spawn_scoped(scope, work).ok()).collect();
        work();
        drop(helpers);
    });
    failed.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_that_lie_within() {
        let page = memory::page();
        assert_eq!(pages(page, 3 * page), page..4 * page);
        assert_eq!(pages(page + 16, 3 * page), 2 * page..4 * page);
        assert!(pages(page + 16, 100).is_empty());
    }

    #[test]
    fn what_was_kept_out_of_a_copy_is_put_back_into_it() {
        let mut data = vec![7_u8; 1 << 20];
        let address = data.as_mut_ptr() as usize;
        ferrolab_rt_block_made(address, data.len());
        let bytes = keep_out(&[address]);
        assert!(bytes > 1_000_000, "{bytes}");
        assert!(ferrolab_rt_block_shrinks(address, 10) && !ferrolab_rt_block_shrinks(address, 2 << 20));
        // SAFETY: the child looks at its own memory with plain calls, and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let asked = AtomicUsize::new(0);
            let damaged = put_back(1, |from, into| {
                asked.store(from, Ordering::Relaxed);
                into.fill(9);
                true
            });
            let inner = data[data.len() / 2] == 9 && data[0] == 7;
            let asked = asked.into_inner();
            let well = damaged.is_empty() && inner && asked >= address && asked < address + (64 << 10);
            // SAFETY: ends the child without running what belongs to its parent.
            unsafe { libc::_exit(i32::from(!well)) };
        }
        let mut status = 0;
        // SAFETY: our own child.
        unsafe { libc::waitpid(child, &mut status, 0) };
        assert_eq!(status, 0);
        assert!(data.iter().all(|b| *b == 7));
        assert!(ferrolab_rt_block_freed(address), "the copy needs it");
        std::mem::forget(data);
        release();
        ferrolab_rt_block_freed(address);
    }
}
