//! What loops over tiles have in common, so that it is compiled once and not with each of them: operands that stand for
//! all, and what is left at the end of a tile. A loop itself, here called kernel, only runs on. The operations are in
//! `loops`, `pairs` and `functions`.

use super::generate::gather;
use super::ops::In;
use crate::simd::Lanes;
use std::mem::MaybeUninit;

/// Bytes of a vector: eight `f64` or sixteen `f32`.
const VECTOR: usize = 64;

/// Where a kernel reads an operand's vectors, and how many bytes it is to the next one.
#[derive(Clone, Copy)]
pub(super) struct Stream {
    at: *const u8,
    step: usize,
}

/// A loop over whole vectors.
///
/// # Safety (of every call)
/// So many vectors can be read from each stream and written to `out`, which lies apart from them.
pub(super) type Kernel<const K: usize> = unsafe fn(vectors: usize, from: [Stream; K], out: *mut u8);

impl Stream {
    /// # Safety
    /// There is a vector `i` of these lanes.
    #[inline(always)]
    unsafe fn load<L: Lanes>(self, i: usize) -> L {
        // SAFETY: the caller's promise.
        unsafe { L::load(self.at.add(i * self.step).cast()) }
    }
}

// What kernels are made of, written out for each count of operands: `map` of arrays is much more to compile.

/// # Safety
/// As [`Kernel`] says, for numbers of these lanes.
#[inline(always)]
pub(super) unsafe fn each<L: Lanes>(vectors: usize, from: [Stream; 1], out: *mut u8, f: impl Fn(L) -> L) {
    for i in 0..vectors {
        // SAFETY: the caller's promise.
        unsafe { f(from[0].load(i)).store(out.add(i * VECTOR).cast()) };
    }
}

/// # Safety
/// As [`Kernel`] says, for numbers of these lanes.
#[inline(always)]
pub(super) unsafe fn each2<L: Lanes>(vectors: usize, from: [Stream; 2], out: *mut u8, f: impl Fn(L, L) -> L) {
    for i in 0..vectors {
        // SAFETY: the caller's promise.
        unsafe { f(from[0].load(i), from[1].load(i)).store(out.add(i * VECTOR).cast()) };
    }
}

/// # Safety
/// As [`Kernel`] says, for numbers of these lanes.
#[inline(always)]
pub(super) unsafe fn each3<L: Lanes>(vectors: usize, from: [Stream; 3], out: *mut u8, f: impl Fn(L, L, L) -> L) {
    for i in 0..vectors {
        // SAFETY: the caller's promise.
        unsafe { f(from[0].load(i), from[1].load(i), from[2].load(i)).store(out.add(i * VECTOR).cast()) };
    }
}

#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Vector([u8; VECTOR]);

impl Vector {
    /// `n` elements of `size` bytes; the last one is repeated, so that lanes beyond never do what a real one would not.
    ///
    /// # Safety
    /// They can be read, and are at least one.
    unsafe fn of(from: *const u8, size: usize, n: usize) -> Self {
        let mut vector = Self([0; VECTOR]);
        for (i, element) in vector.0.chunks_exact_mut(size).enumerate() {
            // SAFETY: one of the `n` elements; a vector of its own is apart from them.
            unsafe { from.add(i.min(n - 1) * size).copy_to_nonoverlapping(element.as_mut_ptr(), size) };
        }
        vector
    }
}

/// Runs a kernel over `n` elements of `size` bytes.
///
/// # Safety
/// Each operand has `n` elements, or one that stands for all; there is room for `n` at `out`, apart from them. The kernel is
/// for lanes of this size.
pub(super) unsafe fn run<const K: usize>(kernel: Kernel<K>, size: usize, n: usize, inputs: [In; K], out: *mut u8) {
    let (whole, left) = (n * size / VECTOR, n % (VECTOR / size));
    let mut alike = [Vector([0; VECTOR]); K];
    let mut streams = [Stream { at: std::ptr::null(), step: VECTOR }; K];
    for k in 0..K {
        streams[k].at = inputs[k].at;
        if inputs[k].one {
            // SAFETY: the one element is there.
            alike[k] = unsafe { Vector::of(inputs[k].at, size, 1) };
            // A vector of its own, of which every step reads the same one.
            streams[k] = Stream { at: alike[k].0.as_ptr(), step: 0 };
        }
    }
    // SAFETY: whole vectors within the `n` elements, or the repeated one.
    unsafe { kernel(whole, streams, out) };
    if left == 0 {
        return;
    }
    let (mut last, mut result) = ([Vector([0; VECTOR]); K], Vector([0; VECTOR]));
    for k in 0..K {
        if !inputs[k].one {
            // SAFETY: the elements that are left, at least one.
            last[k] = unsafe { Vector::of(inputs[k].at.add(whole * VECTOR), size, left) };
            streams[k].at = last[k].0.as_ptr();
        }
    }
    // SAFETY: one vector of each, then as many of its elements as there is room left for.
    unsafe {
        kernel(1, streams, result.0.as_mut_ptr());
        out.add(whole * VECTOR).copy_from_nonoverlapping(result.0.as_ptr(), left * size);
    }
}

/// A loop over two operands that lie in memory.
///
/// # Safety (of every call)
/// As for [`Two`](super::ops::Two) with operands of which none stands for all.
pub(super) type Plain = unsafe fn(n: usize, a: *const u8, b: *const u8, out: *mut u8);

/// Bytes of an operand's elements and of the results.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    pub(super) takes: usize,
    pub(super) gives: usize,
    /// What the kernel counts, in each element: more than one for a kernel that works on bytes.
    pub(super) units: usize,
}

/// Words of a block of what stands for all.
const BLOCK: usize = 128;

/// Runs a plain loop. An operand that stands for all is repeated in a small block, which is read again and again.
///
/// # Safety
/// As for [`Two`](super::ops::Two); the kernel is for elements of these sizes.
pub(super) unsafe fn plain(kernel: Plain, sizes: Sizes, n: usize, a: In, b: In, out: *mut u8) {
    if !a.one && !b.one {
        // SAFETY: passed on.
        return unsafe { kernel(n * sizes.units, a.at, b.at, out) };
    }
    let mut alike = [[MaybeUninit::<u64>::uninit(); BLOCK]; 2];
    let block = size_of_val(&alike[0]) / sizes.takes;
    for (alike, x) in alike.iter_mut().zip([a, b]) {
        if x.one {
            // SAFETY: one element is there, and there is room for a block of them.
            unsafe { gather(sizes.takes, x.at, 0, block.min(n), alike.as_mut_ptr().cast()) };
        }
    }
    for start in (0..n).step_by(block) {
        let from = |k: usize, x: In| match x.one {
            true => alike[k].as_ptr().cast(),
            false => x.at.wrapping_add(start * sizes.takes),
        };
        let take = block.min(n - start);
        // SAFETY: `take` elements from there on, or of the block, which has as many.
        unsafe { kernel(take * sizes.units, from(0, a), from(1, b), out.add(start * sizes.gives)) };
    }
}
