//! Shapes and views of arrays: which element of what lies below is seen where. Pure arithmetic, with the
//! errors that can be told before anything runs.

use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// How the lengths of a shape are told: `[2, 3]`.
pub(crate) fn told(shape: &[usize]) -> String {
    format!("{shape:?}")
}

/// How many elements a shape has; `None` when they cannot be counted.
pub(crate) fn count(shape: &[usize]) -> Option<usize> {
    // A zero anywhere is an empty array, whatever the others are.
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |n, length| n.checked_mul(*length)).filter(|n| *n <= isize::MAX as usize)
}

/// The steps of each axis, in elements, of an array whose rows lie one after the other.
pub(crate) fn row_major(shape: &[usize]) -> Vec<isize> {
    let mut steps = vec![0; shape.len()];
    let mut step = 1isize;
    for (axis, length) in shape.iter().enumerate().rev() {
        steps[axis] = step;
        step = step.saturating_mul((*length).max(1) as isize);
    }
    steps
}

/// The shape that several broadcast to by NumPy's rule.
///
/// # Panics
/// When they do not: the caller tracks its caller, so this names the user's line.
#[track_caller]
pub(crate) fn broadcast(what: &str, shapes: &[&[usize]]) -> Vec<usize> {
    let axes = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut result = vec![1; axes];
    for shape in shapes {
        for (length, own) in result[axes - shape.len()..].iter_mut().zip(*shape) {
            if *length == 1 {
                *length = *own;
            } else if *length != *own && *own != 1 {
                panic!("{what}: {}", mismatch(shapes));
            }
        }
    }
    result
}

fn mismatch(shapes: &[&[usize]]) -> String {
    let mut text = String::from("shapes ");
    for (i, shape) in shapes.iter().enumerate() {
        let _ = write!(text, "{}{shape:?}", if i == 0 { "" } else { " and " });
    }
    text + " do not broadcast: counted from the last axis, lengths must be equal or 1"
}

/// A whole number that is a linear function of an index: `offset + Σ steps[axis] · index[axis]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Affine {
    pub(crate) offset: isize,
    pub(crate) steps: Vec<isize>,
}

impl Affine {
    /// The function that is nothing but this number, of indices with so many axes.
    pub(crate) fn constant(offset: isize, axes: usize) -> Self {
        Self { offset, steps: vec![0; axes] }
    }

    /// The index of one axis.
    pub(crate) fn axis(axis: usize, axes: usize) -> Self {
        let mut all = Self::constant(0, axes);
        all.steps[axis] = 1;
        all
    }

    /// This function of what `view` says of an index.
    pub(crate) fn after(&self, view: &View) -> Self {
        let mut all = Self::constant(self.offset, view.axes);
        for (step, inner) in self.steps.iter().zip(&view.to) {
            all.offset += step * inner.offset;
            for (sum, inner) in all.steps.iter_mut().zip(&inner.steps) {
                *sum += step * inner;
            }
        }
        all
    }

    pub(crate) fn at(&self, index: &[usize]) -> isize {
        self.offset + self.steps.iter().zip(index).map(|(step, i)| step * *i as isize).sum::<isize>()
    }
}

/// Where the element at an index is seen in what lies below: one function for each axis there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct View {
    /// Axes of the index that is asked for.
    pub(crate) axes: usize,
    pub(crate) to: Vec<Affine>,
}

impl View {
    /// Everything where it is.
    pub(crate) fn identity(axes: usize) -> Self {
        Self { axes, to: (0..axes).map(|axis| Affine::axis(axis, axes)).collect() }
    }

    /// What is below `self`, seen through `outer`.
    pub(crate) fn after(&self, outer: &Self) -> Self {
        Self { axes: outer.axes, to: self.to.iter().map(|one| one.after(outer)).collect() }
    }

    /// An array of `shape` as one of `wider`, to which it broadcasts.
    pub(crate) fn broadcast(shape: &[usize], wider: &[usize]) -> Self {
        let axes = wider.len();
        let new = axes - shape.len();
        let own = |axis: usize| match shape[axis] == 1 && wider[new + axis] != 1 {
            true => Affine::constant(0, axes),
            false => Affine::axis(new + axis, axes),
        };
        Self { axes, to: (0..shape.len()).map(own).collect() }
    }

    /// The axes in another order: `order[k]` is the axis that comes to place `k`.
    pub(crate) fn permute(order: &[usize]) -> Self {
        let axes = order.len();
        let mut to = vec![Affine::constant(0, axes); axes];
        for (place, axis) in order.iter().enumerate() {
            to[*axis] = Affine::axis(place, axes);
        }
        Self { axes, to }
    }
}

/// The chunk that a grid has at an index: where it begins, and how long it is along each axis.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Region {
    pub(crate) start: Vec<usize>,
    pub(crate) shape: Vec<usize>,
}

impl Region {
    pub(crate) fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A shape cut into chunks, the last of an axis being what is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunked {
    pub(crate) shape: Vec<usize>,
    pub(crate) chunk: Vec<usize>,
    /// Chunks along each axis.
    pub(crate) counts: Vec<usize>,
}

impl Chunked {
    pub(crate) fn new(shape: &[usize], chunk: &[usize]) -> Self {
        let chunk: Vec<usize> = shape.iter().zip(chunk).map(|(n, c)| (*c).clamp(1, (*n).max(1))).collect();
        let counts = shape.iter().zip(&chunk).map(|(n, c)| n.div_ceil(*c)).collect();
        Self { shape: shape.to_vec(), chunk, counts }
    }

    /// Chunks of about so many elements, whole rows where that is possible.
    pub(crate) fn rows(shape: &[usize], elements: usize) -> Self {
        let mut chunk = vec![1; shape.len()];
        let mut left = elements.max(1);
        for (axis, length) in shape.iter().enumerate().rev() {
            chunk[axis] = left.clamp(1, (*length).max(1));
            left = if chunk[axis] == *length { (left / (*length).max(1)).max(1) } else { 1 };
        }
        Self::new(shape, &chunk)
    }

    pub(crate) fn len(&self) -> usize {
        self.counts.iter().product()
    }

    /// A chunk by its number, counted in row order.
    pub(crate) fn region(&self, number: usize) -> Region {
        let mut left = number;
        let mut start = vec![0; self.shape.len()];
        for axis in (0..self.shape.len()).rev() {
            start[axis] = left % self.counts[axis] * self.chunk[axis];
            left /= self.counts[axis];
        }
        let ends = start.iter().zip(&self.chunk).zip(&self.shape);
        let shape = ends.map(|((at, chunk), length)| (*chunk).min(length - at)).collect();
        Region { start, shape }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_cover_a_shape_once() {
        for (shape, chunk) in [(vec![7, 5], vec![3, 2]), (vec![4], vec![9]), (vec![0, 3], vec![1, 1]), (vec![], vec![])]
        {
            let grid = Chunked::new(&shape, &chunk);
            let all: usize = (0..grid.len()).map(|i| grid.region(i).count()).sum();
            assert_eq!(Some(all), count(&shape), "{shape:?}");
        }
        let grid = Chunked::rows(&[10, 8], 24);
        assert_eq!((grid.chunk.as_slice(), grid.len()), (&[3, 8][..], 4));
        assert_eq!(Chunked::rows(&[10, 8], 5).chunk, [1, 5]);
        assert_eq!(grid.region(3), Region { start: vec![9, 0], shape: vec![1, 8] });
    }

    #[test]
    fn views_compose() {
        let transposed = View::permute(&[1, 0]);
        let element = Affine { offset: 2, steps: vec![10, 1] };
        assert_eq!(element.after(&transposed).at(&[3, 4]), 2 + 40 + 3);
        assert_eq!(transposed.after(&transposed), View::identity(2));
        let row = Affine { offset: 0, steps: vec![1] }.after(&View::broadcast(&[4], &[3, 4]));
        assert_eq!(row.at(&[2, 3]), 3);
    }

    #[test]
    fn sizes_that_cannot_be_counted_are_known() {
        assert_eq!(count(&[usize::MAX, 2]), None);
        assert_eq!(count(&[usize::MAX, 0]), Some(0));
        assert_eq!(row_major(&[2, 3, 4]), [12, 4, 1]);
    }
}
