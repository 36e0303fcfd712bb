//! The parallel sort behind `sort.rs`: samplesort. It decides how items are divided among buckets and
//! moved; how a bucket is sorted, and what order means, the caller says.
//!
//! A sorted sample yields splitters; every item is compared down a tree of them, without branches,
//! and copied to its bucket; buckets are sorted where they fit a cache and copied back. Two passes over
//! memory for any number of items and threads. Items keep their order within a bucket, so that the
//! whole is as stable as the sort of a bucket. After P. Sanders and S. Winkel, Super Scalar Sample
//! Sort (ESA 2004).

use super::collect::{Out, Par};
use super::drive::Stop;
use crate::rt;
use std::cmp::Ordering;
use std::mem::needs_drop;
use std::ops::Range;

/// Fewer items are sorted by one thread, at once.
/// (Tests have small items in small numbers, so that they see all of the algorithm.)
const SMALL: usize = if cfg!(test) { 1 << 7 } else { 1 << 14 };
/// Items in a bucket, if the sample is a good one: it fits a cache, and an interrupt is seen soon.
const BUCKET: usize = if cfg!(test) { 1 << 7 } else { 1 << 15 };
/// More buckets would have more ends than a cache has lines.
const MOST: usize = 512;
/// Samples for each bucket.
const OVER: usize = 16;
/// Items that go down the tree side by side, so that the processor need not wait for one of them.
const ABREAST: usize = 8;

/// Sorts with all threads; `run` sorts a few items by `order`.
///
/// # Errors
/// When a comparison panics or the user interrupts; all items are still there.
pub(super) fn sort<T: Send + Sync>(
    items: &mut [T],
    run: &(impl Fn(&mut [T]) + Sync),
    order: &(impl Fn(&T, &T) -> Ordering + Sync),
) -> Result<(), Stop> {
    rt::check_interrupt();
    let par = Par::new().quiet();
    let whole = Out(items.as_mut_ptr());
    let len = items.len();
    let buckets = (len / BUCKET).next_power_of_two().clamp(2, MOST);
    let mut scratch: Vec<T> = Vec::new();
    // Without room for a copy, or for items without bytes, one thread sorts in place.
    if len <= SMALL || size_of::<T>() == 0 || scratch.try_reserve_exact(len).is_err() {
        // SAFETY: the one task has all items, which this function borrows mutably.
        return par.try_for_each(0..1, |_: i32| run(unsafe { whole.slice(0..len) }));
    }
    let mut ids = vec![0u16; len];
    let plan = Blocks::new(len, buckets);
    let mut starts = vec![0usize; plan.blocks * buckets];
    let (id, start, room) = (Out(ids.as_mut_ptr()), Out(starts.as_mut_ptr()), Out(scratch.as_mut_ptr()));
    let sample = |_: i32| {
        // SAFETY: one task has all items.
        let items = unsafe { &*whole.slice(0..len) };
        let sorted = items.is_sorted_by(|a, b| order(a, b) != Ordering::Greater);
        (!sorted).then(|| Tree::new(items, buckets, order))
    };
    let Some(Some(tree)) = par.try_map(0..1, sample)?.pop() else { return Ok(()) };
    let (tree, plan) = (&tree, &plan);
    // SAFETY: a block's items, numbers and counts are touched by its one task.
    par.try_for_each(0..plan.blocks, |block| unsafe {
        let (range, row) = (plan.block(block), plan.row(block));
        tree.classify(&*whole.slice(range.clone()), id.slice(range), start.slice(row), order);
    })?;
    let ends = plan.add_up(&mut starts);
    // SAFETY: as above; `add_up` gave every item a place of its own in `scratch`, which has room for all.
    // Items are copied as bytes and stay where they are: until the first bucket is copied back, ending
    // here loses nothing.
    par.try_for_each(0..plan.blocks, |block| unsafe {
        let (range, row) = (plan.block(block), plan.row(block));
        let (places, ids) = (start.slice(row), &*id.slice(range.clone()));
        for (item, id) in range.zip(ids) {
            let place = &mut places[usize::from(*id)];
            room.at(*place).copy_from_nonoverlapping(whole.at(item), 1);
            *place += 1;
        }
    })?;
    // SAFETY: buckets are disjoint, and by now all of `scratch` has been written. `run` leaves a permutation
    // of what it got, whatever happens, so that copying it back keeps each item exactly once.
    let sorted = Par::new().try_for_each(0..buckets, |bucket| unsafe {
        let range = if bucket == 0 { 0..ends[0] } else { ends[bucket - 1]..ends[bucket] };
        run(room.slice(range.clone()));
        whole.at(range.start).copy_from_nonoverlapping(room.at(range.start), range.len());
    });
    if sorted.is_err() {
        // SAFETY: no task runs any more; the items' bytes in `scratch` are all of them, and those that some
        // tasks have copied back already are the same ones.
        unsafe { whole.at(0).copy_from_nonoverlapping(room.at(0), len) };
    }
    // `scratch` has length 0: it drops no item.
    sorted
}

/// How items are divided into blocks, one task each.
struct Blocks {
    len: usize,
    buckets: usize,
    block: usize,
    blocks: usize,
}

impl Blocks {
    fn new(len: usize, buckets: usize) -> Self {
        // Some for each thread, so that they end together; not so many that the table of counts gets long.
        let block = (len / (8 * rt::threads())).clamp(SMALL, 1 << 20);
        Self { len, buckets, block, blocks: len.div_ceil(block) }
    }

    fn block(&self, index: usize) -> Range<usize> {
        index * self.block..((index + 1) * self.block).min(self.len)
    }

    /// Where a block's counts are.
    fn row(&self, index: usize) -> Range<usize> {
        index * self.buckets..(index + 1) * self.buckets
    }

    /// From counts to places: where each block's items of each bucket begin. Returns where buckets end.
    fn add_up(&self, counts: &mut [usize]) -> Vec<usize> {
        let mut place = 0;
        let end = |bucket| {
            for count in counts[bucket..].iter_mut().step_by(self.buckets) {
                place += std::mem::replace(count, place);
            }
            place
        };
        (0..self.buckets).map(end).collect()
    }
}

/// Splitters as a search tree: the children of node `i` are `2 i` and `2 i + 1`, from 1 on.
struct Tree<T> {
    depth: u32,
    /// Where splitters are among the items.
    places: Vec<*const T>,
    /// Their bytes side by side, if a copy can't do harm.
    copies: Vec<std::mem::MaybeUninit<T>>,
}
// SAFETY: it is a number of shared references to items, and copies of them that are never dropped; `T: Sync`
// lets threads have both.
unsafe impl<T: Sync> Sync for Tree<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Send for Tree<T> {}

impl<T> Tree<T> {
    fn new(items: &[T], buckets: usize, order: &impl Fn(&T, &T) -> Ordering) -> Self {
        let count = buckets * OVER;
        // Evenly spaced, each moved a little within its part, so that periods in the data do no harm.
        let part = items.len() / count;
        let place = |i: usize| i * part + (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 33) % part;
        let mut sample: Vec<&T> = (0..count).map(|i| &items[place(i)]).collect();
        sample.sort_unstable_by(|a, b| order(a, b));
        let depth = buckets.trailing_zeros();
        // In the tree's order: node `i` of a level stands for an odd multiple of that level's step.
        let splitter = |node: usize| {
            let level = node.ilog2();
            let step = buckets >> (level + 1);
            std::ptr::from_ref(sample[(2 * (node - (1 << level)) + 1) * step * OVER])
        };
        let places: Vec<*const T> = (1..buckets).map(splitter).collect();
        let copied = if needs_drop::<T>() { 0 } else { places.len() };
        // SAFETY: the places are items; of types without drop glue, bytes may be read twice.
        let copies = places[..copied].iter().map(|p| unsafe { p.cast::<std::mem::MaybeUninit<T>>().read() }).collect();
        Self { depth, places, copies }
    }

    #[inline(always)]
    fn splitter(&self, node: usize) -> &T {
        // SAFETY: nodes are from 1 to the number of splitters; copies were made of all, or places hold.
        unsafe {
            match const { needs_drop::<T>() } {
                true => &**self.places.get_unchecked(node - 1),
                false => self.copies.get_unchecked(node - 1).assume_init_ref(),
            }
        }
    }

    /// The bucket of each item, and how many items each bucket gets.
    fn classify(&self, items: &[T], ids: &mut [u16], counts: &mut [usize], order: &impl Fn(&T, &T) -> Ordering) {
        let buckets = 1usize << self.depth;
        // An item that equals a splitter goes to its right, so equal ones are in one bucket.
        let right = |node: usize, item: &T| usize::from(order(self.splitter(node), item) != Ordering::Greater);
        let (abreast, rest) = items.as_chunks::<ABREAST>();
        let (ids, last) = ids.split_at_mut(abreast.len() * ABREAST);
        for (items, ids) in abreast.iter().zip(ids.as_chunks_mut::<ABREAST>().0) {
            let mut nodes = [1; ABREAST];
            for _ in 0..self.depth {
                for (node, item) in nodes.iter_mut().zip(items) {
                    *node = 2 * *node + right(*node, item);
                }
            }
            for (id, node) in ids.iter_mut().zip(nodes) {
                *id = (node - buckets) as u16;
                counts[node - buckets] += 1;
            }
        }
        for (item, id) in rest.iter().zip(last) {
            let mut node = 1;
            for _ in 0..self.depth {
                node = 2 * node + right(node, item);
            }
            *id = (node - buckets) as u16;
            counts[node - buckets] += 1;
        }
    }
}
