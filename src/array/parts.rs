//! Arrays in parts: how one is cut that lies with several owners, which of its parts a region needs, and what was brought of
//! them. Who holds the parts is not known here.

use super::buffer::{Buffer, Memory};
use super::element::DType;
use super::generate::copy_common;
use super::shape::{Chunked, Region, row_major};
use std::any::Any;
use std::sync::Arc;

/// An array that was computed, in parts.
pub(crate) enum Parts {
    /// They lie elsewhere; who holds them knows what the handle is.
    Elsewhere { layout: Layout, handle: Arc<dyn Any + Send + Sync> },
    /// Those that are needed were brought here. The places of their elements are counted in row order, or along each axis.
    Here { row_order: bool, parts: Vec<(Region, Memory)> },
}

impl Parts {
    /// Are they stretches of row order, and no boxes?
    pub(crate) fn in_row_order(&self) -> bool {
        match self {
            Self::Elsewhere { layout, .. } => matches!(layout, Layout::Stretches(_)),
            Self::Here { row_order, .. } => *row_order,
        }
    }

    /// The elements of a region of which all parts are here: in place where one has them all, else copied together.
    ///
    /// # Panics
    /// When parts are missing: whoever brings them knows which are needed.
    pub(crate) fn brought(&self, region: &Region, dtype: DType) -> Memory {
        let Self::Here { parts, .. } = self else { unreachable!("parts are brought before they are read") };
        let inside = |part: &Region| (0..part.start.len()).all(|axis| within(part, region, axis));
        if let Some((part, memory)) = parts.iter().find(|(part, _)| inside(part)) {
            let mut memory = memory.clone();
            let shift = region.start.iter().zip(&part.start).zip(&memory.place.steps);
            memory.place.offset += shift.map(|((a, b), step)| (a - b) as isize * step).sum::<isize>();
            return memory;
        }
        let size = dtype.size();
        let mut words = vec![0u64; (region.count() * size).div_ceil(8)];
        let out: *mut u8 = words.as_mut_ptr().cast();
        let (steps, mut copied) = (row_major(&region.shape), 0);
        for (part, memory) in parts {
            if let Some(common) = common(part, region) {
                copied += common.count();
                copy_common(memory, part, region, &steps, size, out);
            }
        }
        assert!(copied >= region.count(), "a part of an array was not brought");
        Memory::whole(Arc::new(Buffer::of_words(words, region.count(), dtype)), &region.shape)
    }

    /// Copies what is here of a region and so many elements around it to memory that has room for all of that.
    pub(crate) fn copy_around(&self, region: &Region, reach: &[usize], size: usize, out: *mut u8) {
        let Self::Here { parts, .. } = self else { unreachable!("parts are brought before they are read") };
        // Counted from `reach` before the array, so that no index is negative.
        let shape: Vec<usize> = region.shape.iter().zip(reach).map(|(n, reach)| n + 2 * reach).collect();
        let window = Region { start: region.start.clone(), shape };
        let steps = row_major(&window.shape);
        for (part, memory) in parts {
            let start = part.start.iter().zip(reach).map(|(at, reach)| at + reach).collect();
            let part = Region { start, shape: part.shape.clone() };
            if common(&part, &window).is_some() {
                copy_common(memory, &part, &window, &steps, size, out);
            }
        }
    }

    /// Where an element is that is here.
    ///
    /// # Panics
    /// When it is not.
    pub(crate) fn element(&self, index: &[usize], size: usize) -> *const u8 {
        let Self::Here { parts, .. } = self else { unreachable!("parts are brought before they are read") };
        let has = |part: &Region| {
            index.iter().zip(&part.start).zip(&part.shape).all(|((at, start), n)| (*start..start + n).contains(at))
        };
        let Some((part, memory)) = parts.iter().find(|(part, _)| has(part)) else {
            panic!("the element {index:?} of an array was not brought")
        };
        let steps = index.iter().zip(&part.start).zip(&memory.place.steps);
        let place = memory.place.offset + steps.map(|((at, start), step)| (at - start) as isize * step).sum::<isize>();
        memory.buffer.at().wrapping_offset(place * size as isize)
    }
}

fn within(part: &Region, region: &Region, axis: usize) -> bool {
    let end = |r: &Region| r.start[axis] + r.shape[axis];
    part.start[axis] <= region.start[axis] && end(region) <= end(part)
}

/// What two regions have in common.
pub(crate) fn common(a: &Region, b: &Region) -> Option<Region> {
    let axes = a.start.len();
    let start: Vec<usize> = (0..axes).map(|axis| a.start[axis].max(b.start[axis])).collect();
    let end = |axis: usize| (a.start[axis] + a.shape[axis]).min(b.start[axis] + b.shape[axis]);
    let shape: Option<Vec<usize>> =
        (0..axes).map(|axis| end(axis).checked_sub(start[axis]).filter(|n| *n > 0)).collect();
    Some(Region { start, shape: shape? })
}

/// A box with two regions.
pub(crate) fn around(a: &Region, b: &Region) -> Region {
    let start: Vec<usize> = a.start.iter().zip(&b.start).map(|(a, b)| *a.min(b)).collect();
    let end = |region: &Region, axis: usize| region.start[axis] + region.shape[axis];
    let shape = (0..start.len()).map(|axis| end(a, axis).max(end(b, axis)) - start[axis]).collect();
    Region { start, shape }
}

/// How an array is cut into parts, which are numbered.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    /// Chunks of grids, each of which begins at an index: of one when it was computed, of several when it was put together.
    Grids(Vec<(Vec<usize>, Chunked)>),
    /// Stretches of row order: where each begins, and where the last one ends.
    Stretches(Vec<usize>),
}

impl Layout {
    /// One grid.
    pub(crate) fn of(grid: Chunked) -> Self {
        Self::Grids(vec![(vec![0; grid.shape.len()], grid)])
    }

    /// The chunks of a grid as stretches of row order, which they are when only one axis is cut within rows.
    pub(crate) fn stretches(grid: &Chunked) -> Self {
        let mut ends = vec![0];
        let mut end = 0;
        for number in 0..grid.len() {
            end += grid.region(number).count();
            ends.push(end);
        }
        Self::Stretches(ends)
    }

    /// How many parts there are.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Grids(grids) => grids.iter().map(|(_, grid)| grid.len()).sum(),
            Self::Stretches(ends) => ends.len() - 1,
        }
    }

    /// Where a part is.
    pub(crate) fn region(&self, mut number: usize) -> Region {
        match self {
            Self::Stretches(ends) => Region { start: vec![ends[number]], shape: vec![ends[number + 1] - ends[number]] },
            Self::Grids(grids) => {
                for (start, grid) in grids {
                    if number < grid.len() {
                        let mut region = grid.region(number);
                        region.start.iter_mut().zip(start).for_each(|(at, start)| *at += start);
                        return region;
                    }
                    number -= grid.len();
                }
                unreachable!("there are so many parts")
            }
        }
    }

    /// The parts that have something of a region, by their numbers.
    pub(crate) fn overlapping(&self, region: &Region) -> Vec<usize> {
        if region.shape.contains(&0) {
            return Vec::new();
        }
        match self {
            Self::Stretches(ends) => {
                let (start, end) = (region.start[0], region.start[0] + region.shape[0]);
                let first = ends.partition_point(|at| *at <= start).saturating_sub(1);
                (first..ends.len() - 1)
                    .take_while(|part| ends[*part] < end)
                    .filter(|part| ends[part + 1] > start)
                    .collect()
            }
            Self::Grids(grids) => {
                let (mut found, mut before) = (Vec::new(), 0);
                for (start, grid) in grids {
                    let own = Region { start: start.clone(), shape: grid.shape.clone() };
                    if let Some(mut common) = common(&own, region) {
                        common.start.iter_mut().zip(start).for_each(|(at, start)| *at -= start);
                        add_chunks(grid, &common, before, &mut found);
                    }
                    before += grid.len();
                }
                found
            }
        }
    }
}

/// Adds the numbers of the chunks that a region of a grid touches.
fn add_chunks(grid: &Chunked, region: &Region, before: usize, found: &mut Vec<usize>) {
    let first: Vec<usize> = region.start.iter().zip(&grid.chunk).map(|(at, chunk)| at / chunk).collect();
    let ends = region.start.iter().zip(&region.shape).zip(&grid.chunk);
    let counts: Vec<usize> =
        ends.zip(&first).map(|(((at, n), chunk), first)| (at + n).div_ceil(*chunk) - first).collect();
    let chosen = Chunked::new(&counts, &vec![1; counts.len()]);
    let steps = row_major(&grid.counts);
    for i in 0..chosen.len() {
        let at = chosen.region(i).start;
        let number: usize =
            at.iter().zip(&first).zip(&steps).map(|((at, first), step)| (at + first) * *step as usize).sum();
        found.push(before + number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(start: &[usize], shape: &[usize]) -> Region {
        Region { start: start.to_vec(), shape: shape.to_vec() }
    }

    /// What overlaps is what a look at each part finds.
    fn check(layout: &Layout, part: &Region) {
        let slow: Vec<usize> = (0..layout.len()).filter(|i| common(&layout.region(*i), part).is_some()).collect();
        assert_eq!(layout.overlapping(part), slow, "{layout:?} {part:?}");
    }

    #[test]
    fn parts_of_a_region_are_found() {
        let grid = Layout::of(Chunked::new(&[7, 5], &[3, 2]));
        let joined = Layout::Grids(vec![
            (vec![0, 0], Chunked::new(&[4, 5], &[3, 5])),
            (vec![4, 0], Chunked::new(&[3, 5], &[1, 2])),
        ]);
        for layout in [&grid, &joined] {
            for part in
                [region(&[0, 0], &[7, 5]), region(&[2, 1], &[1, 4]), region(&[6, 4], &[1, 1]), region(&[1, 1], &[0, 2])]
            {
                check(layout, &part);
            }
        }
        let stretches = Layout::stretches(&Chunked::new(&[2, 7], &[1, 5]));
        assert!(matches!(&stretches, Layout::Stretches(ends) if ends == &[0, 5, 7, 12, 14]));
        for (start, n) in [(0, 14), (5, 2), (6, 3), (13, 1), (4, 1)] {
            check(&stretches, &region(&[start], &[n]));
        }
    }

    #[test]
    fn what_was_brought_is_used_in_place_or_copied_together() {
        let part = |start: usize, numbers: &[i64]| {
            (
                region(&[start], &[numbers.len()]),
                Memory::whole(Arc::new(Buffer::of(numbers.to_vec())), &[numbers.len()]),
            )
        };
        let parts = Parts::Here { row_order: true, parts: vec![part(10, &[1, 2, 3]), part(13, &[4, 5])] };
        let inside = parts.brought(&region(&[11], &[2]), DType::I64);
        assert_eq!((inside.place.offset, inside.buffer.len), (1, 3));
        let across = parts.brought(&region(&[12], &[3]), DType::I64);
        assert_eq!(across.slice::<i64>(&[3]), [3, 4, 5]);
    }
}
