//! A part of an array with its surroundings: which regions these are, and the part with them around it in memory, what is
//! beyond the array's edges being there by its rule.

use super::buffer::{Buffer, Memory};
use super::element::DType;
use super::generate::copy_common;
use super::neighbours::Border;
use super::parts::Parts;
use super::shape::{Region, row_major};
use std::sync::Arc;

/// The stretches of an axis, one or two, that `n` elements from `start` on and `reach` around them are.
fn stretches(start: usize, n: usize, reach: usize, length: usize, border: Border) -> Vec<(usize, usize)> {
    let (low, high) = (start as isize - reach as isize, start + n + reach);
    let (first, last) = (low.max(0) as usize, high.min(length));
    if border != Border::Wrap || low >= 0 && high <= length {
        // Beyond an edge that is clamped, its last element is seen.
        return vec![(first.min(length - 1), last.max(first + 1))];
    }
    if n + 2 * reach >= length || low < 0 && high > length {
        return vec![(0, length)];
    }
    match low < 0 {
        true => vec![(0, last), ((length as isize + low) as usize, length)],
        false => vec![(0, high - length), (first, length)],
    }
}

/// The regions that a part and its surroundings are.
pub(crate) fn needs(region: &Region, reach: usize, shape: &[usize], border: Border) -> Vec<Region> {
    let mut found = vec![Region { start: Vec::new(), shape: Vec::new() }];
    for axis in 0..shape.len() {
        let own = stretches(region.start[axis], region.shape[axis], reach, shape[axis], border);
        found = found
            .into_iter()
            .flat_map(|before| {
                own.iter().map(move |(start, end)| {
                    let mut region = before.clone();
                    region.start.push(*start);
                    region.shape.push(end - start);
                    region
                })
            })
            .collect();
    }
    found
}

/// A part and its surroundings, rows one after the other; the part's place in it, and the index of the first element there.
pub(crate) fn padded(
    parts: &Parts,
    region: &Region,
    reach: usize,
    shape: &[usize],
    border: Border,
    dtype: DType,
) -> (Memory, Region, Vec<isize>) {
    let axes = shape.len();
    let size = dtype.size();
    // What is needed of each axis, put together without gaps.
    let own: Vec<Vec<(usize, usize)>> =
        (0..axes).map(|axis| stretches(region.start[axis], region.shape[axis], reach, shape[axis], border)).collect();
    let lengths: Vec<usize> = own.iter().map(|stretches| stretches.iter().map(|(a, b)| b - a).sum()).collect();
    let there = Region { start: vec![0; axes], shape: lengths.clone() };
    let mut words = vec![0u64; (there.count() * size).div_ceil(8)];
    let steps = row_major(&lengths);
    for part in needs(region, reach, shape, border) {
        let memory = parts.brought(&part, dtype);
        let start = (0..axes).map(|axis| packed_place(&own[axis], part.start[axis])).collect();
        let block = Region { start, shape: part.shape };
        copy_common(&memory, &block, &there, &steps, size, words.as_mut_ptr().cast());
    }
    let tables: Vec<Vec<Option<usize>>> = (0..axes)
        .map(|axis| {
            let first = region.start[axis] as isize - reach as isize;
            let seen = (0..region.shape[axis] + 2 * reach).map(|i| resolved(first + i as isize, shape[axis], border));
            seen.map(|at| at.map(|at| packed_place(&own[axis], at))).collect()
        })
        .collect();
    let window: Vec<usize> = tables.iter().map(Vec::len).collect();
    let fill = match border {
        Border::Fill(x) => x.word,
        Border::Clamp | Border::Wrap => 0,
    };
    let count: usize = window.iter().product();
    let mut out = vec![0u64; (count * size).div_ceil(8)];
    let (from, to): (*const u8, *mut u8) = (words.as_ptr().cast(), out.as_mut_ptr().cast());
    let (row, steps) = (window[axes - 1], row_major(&lengths));
    for line in 0..count / row.max(1) {
        let start = outer_place(line, &tables[..axes - 1], &steps);
        for (i, at) in tables[axes - 1].iter().enumerate() {
            let to = to.wrapping_add((line * row + i) * size);
            let from = match (start, at) {
                (Some(start), Some(at)) => from.wrapping_add((start + at) * size),
                _ => (&raw const fill).cast(),
            };
            // SAFETY: an element of what was put together, or the first bytes of a word; and one of the window.
            unsafe { to.copy_from_nonoverlapping(from, size) };
        }
    }
    let inside = Region { start: vec![reach; axes], shape: region.shape.clone() };
    let first = region.start.iter().map(|at| *at as isize - reach as isize).collect();
    (Memory::whole(Arc::new(Buffer::of_words(out, count, dtype)), &window), inside, first)
}

/// Where an index is when stretches lie one after the other.
fn packed_place(stretches: &[(usize, usize)], at: usize) -> usize {
    let mut before = 0;
    for (start, end) in stretches {
        if (*start..*end).contains(&at) {
            return before + at - start;
        }
        before += end - start;
    }
    unreachable!("it was asked for")
}

/// The element that is seen at an index; none where it is filled.
fn resolved(at: isize, length: usize, border: Border) -> Option<usize> {
    match (usize::try_from(at), border) {
        (Ok(at), _) if at < length => Some(at),
        (_, Border::Clamp) => Some(at.clamp(0, length as isize - 1) as usize),
        (_, Border::Wrap) => Some(at.rem_euclid(length as isize) as usize),
        (_, Border::Fill(_)) => None,
    }
}

/// Where a row of the window begins in what was put together; none when all of it is filled.
fn outer_place(line: usize, tables: &[Vec<Option<usize>>], steps: &[isize]) -> Option<usize> {
    let (mut left, mut place) = (line, 0);
    for (table, step) in tables.iter().zip(steps).rev() {
        place += table[left % table.len()]? * *step as usize;
        left /= table.len();
    }
    Some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::element::Scalar;

    /// A window of a matrix is what each rule says of each index.
    #[test]
    fn surroundings_are_what_the_rule_says() {
        let (height, width) = (5, 7);
        let numbers: Vec<i64> = (0..35).collect();
        let whole = Region { start: vec![0, 0], shape: vec![height, width] };
        let memory = Memory::whole(Arc::new(Buffer::of(numbers)), &[height, width]);
        let parts = Parts::Here { row_order: false, parts: vec![(whole, memory)] };
        for border in [Border::Clamp, Border::Wrap, Border::Fill(Scalar::of(-1i64))] {
            for (start, shape, reach) in
                [([0, 0], [5, 7], 1), ([1, 2], [2, 2], 1), ([0, 5], [1, 2], 2), ([4, 0], [1, 7], 9)]
            {
                let region = Region { start: start.to_vec(), shape: shape.to_vec() };
                let (made, inside, first) = padded(&parts, &region, reach, &[height, width], border, DType::I64);
                let seen = [shape[0] + 2 * reach, shape[1] + 2 * reach];
                let elements = made.slice::<i64>(&seen);
                for y in 0..seen[0] {
                    for x in 0..seen[1] {
                        let (at, across) = (first[0] + y as isize, first[1] + x as isize);
                        let want = match (resolved(at, height, border), resolved(across, width, border)) {
                            (Some(at), Some(across)) => (at * width + across) as i64,
                            _ => -1,
                        };
                        assert_eq!(elements[y * seen[1] + x], want, "{border:?} {region:?} {reach} at {at}, {across}");
                    }
                }
                assert_eq!(inside.start, [reach, reach]);
            }
        }
    }
}
