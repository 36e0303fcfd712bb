//! Elements that are made or moved: of positions and indices, by users' closures, gathered from memory. Loops that
//! compute with elements are in `loops`.

use super::buffer::{Buffer, Memory};
use super::element::{DType, Scalar};
use super::node::{Made, MakeBlock, Node};
use super::shape::{Chunked, Region, row_major, told};
use crate::random::{POSITIONS, Positions};
use crate::simd::{F64s, Lanes};
use std::sync::Arc;

/// Repeats an element.
///
/// # Safety
/// There is room for `n` of its type at `out`.
pub(super) unsafe fn repeat(scalar: &Scalar, n: usize, out: *mut u8) {
    // SAFETY: the caller's promise; a step of 0 reads the one element that there is.
    unsafe { gather(scalar.dtype.size(), scalar.bytes(), 0, n, out) }
}

/// Copies `n` elements of `size` bytes, each `step` elements after the one before.
///
/// # Safety
/// They can be read, and there is room for them.
pub(crate) unsafe fn gather(size: usize, from: *const u8, step: isize, n: usize, out: *mut u8) {
    /// # Safety
    /// As above.
    unsafe fn of<T: Copy>(from: *const T, step: isize, n: usize, out: *mut T) {
        // SAFETY: the caller's promise. Elements of files may lie at any byte, others are aligned.
        unsafe {
            match step {
                0 => {
                    let element = from.read_unaligned();
                    (0..n).for_each(|i| out.add(i).write(element));
                }
                _ => (0..n).for_each(|i| out.add(i).write(from.wrapping_offset(i as isize * step).read_unaligned())),
            }
        }
    }
    // SAFETY: passed on; a step of one element is a plain copy.
    unsafe {
        match (step, size) {
            (1, _) => out.copy_from_nonoverlapping(from, n * size),
            (_, 8) => of::<u64>(from.cast(), step, n, out.cast()),
            (_, 4) => of::<u32>(from.cast(), step, n, out.cast()),
            _ => of::<u8>(from, step, n, out),
        }
    }
}

/// As [`gather`], the other way: elements that lie one after the other, to places `step` apart.
///
/// # Safety
/// They can be read, and written there.
pub(crate) unsafe fn scatter(size: usize, from: *const u8, step: isize, n: usize, out: *mut u8) {
    if step == 1 {
        // SAFETY: the caller's promise.
        return unsafe { out.copy_from_nonoverlapping(from, n * size) };
    }
    for i in 0..n {
        let to = out.wrapping_offset(i as isize * step * size as isize);
        // SAFETY: the caller's promise.
        unsafe { to.copy_from_nonoverlapping(from.add(i * size), size) };
    }
}

/// Makes `n` elements, from the numbers `at` in steps of `step`.
///
/// # Safety
/// There is room for them.
pub(super) unsafe fn made(made: &Made, at: &[isize], step: &[isize], n: usize, out: *mut u8) {
    let place = |i: usize| (at[0] + i as isize * step[0]) as u64;
    // SAFETY: room for `n` elements of the type by the caller's promise, in all arms.
    unsafe {
        match made {
            Made::Arange { start, step } if start.dtype == DType::F64 => {
                let (start, step) = (f64::from_bits(start.word), f64::from_bits(step.word));
                (0..n).for_each(|i| out.cast::<f64>().add(i).write(start + step * place(i) as f64));
            }
            Made::Arange { start, step } => {
                let (start, step) = (start.word as i64, step.word as i64);
                (0..n).for_each(|i| {
                    out.cast::<i64>().add(i).write(start.wrapping_add(step.wrapping_mul(place(i) as i64)))
                });
            }
            Made::Linspace { start, stop, n: all } => {
                let (last, width) = (*all as u64 - 1, (stop - start) / (all - 1).max(1) as f64);
                let number = |place: u64| if place == last && *all > 1 { *stop } else { start + width * place as f64 };
                (0..n).for_each(|i| out.cast::<f64>().add(i).write(number(place(i))));
            }
            Made::Normal { from, mean, std } => {
                let scaled = |[x, y]: [F64s; 2]| [x.mul_add(*std, *mean), y.mul_add(*std, *mean)];
                random(at[0], step[0], n, out.cast(), |block| scaled(from.normals(block)));
            }
            Made::Uniform { from, low, high } => {
                let below = high.next_down();
                // Rounding may reach the upper bound.
                let within = |u: F64s| {
                    let x = u.mul_add(high - low, *low);
                    x.lt(*high).select(x, below)
                };
                random(at[0], step[0], n, out.cast(), |block| from.uniforms(block).map(within));
            }
            Made::Integers { from, low, span } => integers(*from, *low, *span, n, place, out.cast()),
            Made::FromFn(fill) => fill(n, at.as_ptr(), step.as_ptr(), out),
        }
    }
}

/// # Safety
/// There is room for `n` numbers.
unsafe fn integers(from: Positions, low: i64, span: u64, n: usize, place: impl Fn(usize) -> u64, out: *mut i64) {
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe { out.add(i).write(low.wrapping_add(from.below(place(i), span) as i64)) };
    }
}

/// Numbers of places, which are made by the block.
///
/// # Safety
/// There is room for `n` of them.
#[inline(always)]
unsafe fn random(first: isize, step: isize, n: usize, out: *mut f64, block: impl Fn(u64) -> [F64s; 2]) {
    let size = POSITIONS;
    let numbers = |number: u64| -> [f64; POSITIONS] {
        let [a, b] = block(number).map(F64s::to_array);
        std::array::from_fn(|i| if i < 8 { a[i] } else { b[i - 8] })
    };
    let mut i = 0;
    let mut kept = (u64::MAX, [0.0; POSITIONS]);
    while i < n {
        let place = (first + i as isize * step) as u64;
        let (number, within) = (place / size as u64, (place % size as u64) as usize);
        if step == 1 && within == 0 && n - i >= size {
            let [a, b] = block(number);
            // SAFETY: a block's numbers are left to write.
            unsafe {
                a.store(out.add(i));
                b.store(out.add(i + size / 2));
            }
            i += size;
            continue;
        }
        if kept.0 != number {
            kept = (number, numbers(number));
        }
        // SAFETY: within the room for `n`.
        unsafe { out.add(i).write(kept.1[within]) };
        i += 1;
    }
}

/// A part of an array whose blocks are made by a closure.
///
/// # Panics
/// When the closure does, or gives another block than it was asked for.
pub(super) fn blocks(node: &Node, made_by: MakeBlock, part: &Region) -> Memory {
    let chunk = node.chunks.clone().unwrap_or_else(|| node.shape.clone());
    let grid = Chunked::new(&node.shape, &chunk);
    let ask = |region: &Region| {
        made_by(&region.start, &region.shape).unwrap_or_else(|wrong| {
            panic!("from_blocks ({}): the block at {} {wrong}", node.line(), told(&region.start))
        })
    };
    let first: Vec<usize> = part.start.iter().zip(&grid.chunk).map(|(start, chunk)| start / chunk).collect();
    let ends = part.start.iter().zip(&part.shape).zip(&grid.chunk);
    let counts: Vec<usize> =
        ends.zip(&first).map(|(((start, len), chunk), first)| (start + len).div_ceil(*chunk) - first).collect();
    // A box of chunks, which is mostly one.
    let chosen = Chunked::new(&counts, &vec![1; counts.len()]);
    let numbers = row_major(&grid.counts);
    let region_of = |i: usize| {
        let at = chosen.region(i).start;
        let index = at.iter().zip(&first).zip(&numbers).map(|((at, first), step)| (at + first) * *step as usize);
        grid.region(index.sum())
    };
    if chosen.len() == 1 {
        let region = region_of(0);
        let mut memory = ask(&region);
        let shift = part.start.iter().zip(&region.start).zip(&memory.place.steps);
        memory.place.offset += shift.map(|((a, b), step)| (a - b) as isize * step).sum::<isize>();
        return memory;
    }
    let size = node.dtype.size();
    let mut bytes = vec![0u64; (part.count() * size).div_ceil(8)];
    let out: *mut u8 = bytes.as_mut_ptr().cast();
    let steps = row_major(&part.shape);
    for i in 0..chosen.len() {
        let region = region_of(i);
        let memory = ask(&region);
        copy_common(&memory, &region, part, &steps, size, out);
    }
    Memory::whole(Arc::new(Buffer::of_words(bytes, part.count(), node.dtype)), &part.shape)
}

/// Copies what a block has of a part to the part's memory.
pub(super) fn copy_common(memory: &Memory, block: &Region, part: &Region, steps: &[isize], size: usize, out: *mut u8) {
    let axes = part.shape.len();
    let low: Vec<usize> = (0..axes).map(|a| block.start[a].max(part.start[a])).collect();
    let end = |region: &Region, a: usize| region.start[a] + region.shape[a];
    let shape: Vec<usize> = (0..axes).map(|a| end(block, a).min(end(part, a)) - low[a]).collect();
    let common = Region { start: vec![0; axes], shape };
    let from = super::shape::Affine {
        offset: memory.place.offset
            + (0..axes).map(|a| (low[a] - block.start[a]) as isize * memory.place.steps[a]).sum::<isize>(),
        steps: memory.place.steps.clone(),
    };
    let to = super::shape::Affine {
        offset: (0..axes).map(|a| (low[a] - part.start[a]) as isize * steps[a]).sum(),
        steps: steps.to_vec(),
    };
    let walk = super::walk::Walk::new(&common, &[from, to]);
    let (mut numbers, inner) = ([0, 0], walk.inner().to_vec());
    walk.pieces(0, common.count(), &mut numbers, |_, n, at| {
        let (mut from, mut to) =
            (memory.buffer.at().wrapping_offset(at[0] * size as isize), out.wrapping_offset(at[1] * size as isize));
        if inner == [1, 1] {
            // SAFETY: as below, for a row of either.
            return unsafe { to.copy_from_nonoverlapping(from, n * size) };
        }
        for _ in 0..n {
            // SAFETY: an index of the block, whose memory was looked at, and one of the part, which has room.
            unsafe { to.copy_from_nonoverlapping(from, size) };
            (from, to) = (from.wrapping_offset(inner[0] * size as isize), to.wrapping_offset(inner[1] * size as isize));
        }
    });
}
