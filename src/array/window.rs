//! A part of an array with its surroundings: which regions these are, and the part with them around it in memory, what is
//! beyond the array's edges being there by its rule.

use super::buffer::{Buffer, Memory};
use super::element::DType;
use super::neighbours::Border;
use super::parts::Parts;
use super::shape::Region;
use crate::par::mirrored;
use std::ops::Range;
use std::sync::Arc;

/// The stretches of an axis, one or two, that `n` elements from `start` on and `reach` around them are.
fn stretches(start: usize, n: usize, reach: usize, length: usize, border: Border) -> Vec<(usize, usize)> {
    let (low, high) = (start as isize - reach as isize, start + n + reach);
    let (first, last) = (low.max(0) as usize, high.min(length));
    if border != Border::Wrap || low >= 0 && high <= length {
        // Beyond an edge that is clamped, its last element is seen; in a mirror, no more than what is on this side of it.
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
pub(crate) fn needs(region: &Region, reach: &[usize], shape: &[usize], border: Border) -> Vec<Region> {
    let mut found = vec![Region { start: Vec::new(), shape: Vec::new() }];
    for (((start, n), reach), length) in region.start.iter().zip(&region.shape).zip(reach).zip(shape) {
        let own = stretches(*start, *n, *reach, *length, border);
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
    reach: &[usize],
    shape: &[usize],
    border: Border,
    dtype: DType,
) -> (Memory, Region, Vec<isize>) {
    let (axes, size) = (shape.len(), dtype.size());
    let window: Vec<usize> = region.shape.iter().zip(reach).map(|(n, reach)| n + 2 * reach).collect();
    let first: Vec<isize> = region.start.iter().zip(reach).map(|(at, reach)| *at as isize - *reach as isize).collect();
    let count: usize = window.iter().product();
    let mut out = vec![0u64; (count * size).div_ceil(8)];
    let to: *mut u8 = out.as_mut_ptr().cast();
    // What is within the array, as it lies there.
    parts.copy_around(region, reach, size, to);
    // Along each axis what is seen at each index, and the indices that are within the array.
    let seen: Vec<Vec<Option<usize>>> = (0..axes)
        .map(|axis| (0..window[axis]).map(|i| resolved(first[axis] + i as isize, shape[axis], border)).collect())
        .collect();
    let within: Vec<Range<usize>> = (0..axes)
        .map(|axis| {
            let start = (-first[axis]).clamp(0, window[axis] as isize) as usize;
            start..(shape[axis] as isize - first[axis]).clamp(start as isize, window[axis] as isize) as usize
        })
        .collect();
    let fill = match border {
        Border::Fill(x) => x.word,
        Border::Clamp | Border::Wrap | Border::Reflect => 0,
    };
    let row = window[axes - 1];
    let mut index = vec![0; axes];
    for line in 0..count / row.max(1) {
        let mut left = line;
        let mut inside = true;
        let mut filled = false;
        for axis in (0..axes - 1).rev() {
            let at = left % window[axis];
            left /= window[axis];
            inside &= within[axis].contains(&at);
            match seen[axis][at] {
                Some(at) => index[axis] = at,
                None => filled = true,
            }
        }
        let known = if inside { within[axes - 1].clone() } else { 0..0 };
        for i in (0..known.start).chain(known.end..row) {
            let from = match seen[axes - 1][i] {
                Some(at) if !filled => {
                    index[axes - 1] = at;
                    parts.element(&index, size)
                }
                _ => (&raw const fill).cast(),
            };
            // SAFETY: an element of a part, or the first bytes of a word; and one of the window.
            unsafe { to.add((line * row + i) * size).copy_from_nonoverlapping(from, size) };
        }
    }
    let inside = Region { start: reach.to_vec(), shape: region.shape.clone() };
    (Memory::whole(Arc::new(Buffer::of_words(out, count, dtype)), &window), inside, first)
}

/// The element that is seen at an index; none where it is filled.
fn resolved(at: isize, length: usize, border: Border) -> Option<usize> {
    match (usize::try_from(at), border) {
        (Ok(at), _) if at < length => Some(at),
        (_, Border::Clamp) => Some(at.clamp(0, length as isize - 1) as usize),
        (_, Border::Wrap) => Some(at.rem_euclid(length as isize) as usize),
        (_, Border::Reflect) => Some(mirrored(at, length)),
        (_, Border::Fill(_)) => None,
    }
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
        for border in [Border::Clamp, Border::Wrap, Border::Reflect, Border::Fill(Scalar::of(-1i64))] {
            for (start, shape, reach) in [
                ([0, 0], [5, 7], [1, 1]),
                ([1, 2], [2, 2], [1, 0]),
                ([0, 5], [1, 2], [2, 3]),
                ([4, 0], [1, 7], [9, 16]),
            ] {
                let region = Region { start: start.to_vec(), shape: shape.to_vec() };
                let (made, inside, first) = padded(&parts, &region, &reach, &[height, width], border, DType::I64);
                let seen = [shape[0] + 2 * reach[0], shape[1] + 2 * reach[1]];
                let elements = made.slice::<i64>(&seen);
                for y in 0..seen[0] {
                    for x in 0..seen[1] {
                        let (at, across) = (first[0] + y as isize, first[1] + x as isize);
                        let want = match (resolved(at, height, border), resolved(across, width, border)) {
                            (Some(at), Some(across)) => (at * width + across) as i64,
                            _ => -1,
                        };
                        assert_eq!(
                            elements[y * seen[1] + x],
                            want,
                            "{border:?} {region:?} {reach:?} at {at}, {across}"
                        );
                    }
                }
                assert_eq!(inside.start, reach);
            }
        }
    }
}
