//! A tile is a stretch of a region in row order; this says where its elements lie for each operand: in pieces
//! along the innermost axis, axes that run on being joined. It moves no elements.

use super::shape::{Affine, Region};

/// One operand's way through a region.
pub(crate) struct Walk {
    /// Lengths of the axes that are left when those that run on are joined; at least one.
    lengths: Vec<usize>,
    /// The numbers at the first element.
    origin: Vec<isize>,
    /// Steps of the numbers along each of `lengths`.
    steps: Vec<Vec<isize>>,
}

impl Walk {
    /// The way of numbers that depend on the index like this.
    pub(crate) fn new(region: &Region, numbers: &[Affine]) -> Self {
        let origin: Vec<isize> = numbers.iter().map(|number| number.at(&region.start)).collect();
        let (mut lengths, mut steps): (Vec<usize>, Vec<Vec<isize>>) = (Vec::new(), Vec::new());
        for (axis, length) in region.shape.iter().enumerate().filter(|(_, length)| **length != 1) {
            let own: Vec<isize> = numbers.iter().map(|number| number.steps[axis]).collect();
            match (lengths.last_mut(), steps.last_mut()) {
                // The axis before runs on in this one when a step of it is this whole one.
                (Some(last), Some(before)) if before.iter().zip(&own).all(|(b, o)| *b == o * *length as isize) => {
                    *last *= length;
                    *before = own;
                }
                _ => {
                    lengths.push(*length);
                    steps.push(own);
                }
            }
        }
        if lengths.is_empty() {
            lengths.push(1);
            steps.push(vec![0; numbers.len()]);
        }
        Self { lengths, origin, steps }
    }

    /// The steps along the innermost axis.
    pub(crate) fn inner(&self) -> &[isize] {
        self.steps.last().map_or(&[], Vec::as_slice)
    }

    /// The length of the innermost axis.
    fn row(&self) -> usize {
        self.lengths.last().copied().unwrap_or(1)
    }

    /// Does a stretch lie in one piece?
    pub(crate) fn is_one_piece(&self, start: usize, n: usize) -> bool {
        let row = self.row();
        start % row + n <= row
    }

    /// The numbers at a place of the region, counted in row order.
    pub(crate) fn at(&self, place: usize, numbers: &mut [isize]) {
        numbers.copy_from_slice(&self.origin);
        let mut left = place;
        for (length, steps) in self.lengths.iter().zip(&self.steps).rev() {
            let index = (left % length) as isize;
            left /= length;
            for (number, step) in numbers.iter_mut().zip(steps) {
                *number += index * step;
            }
        }
    }

    /// Calls `piece` for each piece of `start..start + n`: how many elements were before it, how many it has, and
    /// the numbers at its first one.
    pub(crate) fn pieces(
        &self,
        start: usize,
        n: usize,
        numbers: &mut [isize],
        mut piece: impl FnMut(usize, usize, &[isize]),
    ) {
        let row = self.row();
        let mut done = 0;
        while done < n {
            let place = start + done;
            let take = (row - place % row).min(n - done);
            self.at(place, numbers);
            piece(done, take, numbers);
            done += take;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_run_on_are_joined() {
        let region = Region { start: vec![1, 0], shape: vec![2, 3] };
        let rows = Walk::new(&region, &[Affine { offset: 0, steps: vec![3, 1] }]);
        assert!(rows.is_one_piece(0, 6));
        let wide = Walk::new(&region, &[Affine { offset: 0, steps: vec![10, 1] }]);
        let (mut seen, mut numbers) = (Vec::new(), [0]);
        wide.pieces(1, 4, &mut numbers, |done, take, at| seen.push((done, take, at[0])));
        assert_eq!(seen, [(0, 2, 11), (2, 2, 20)]);
        assert!(!wide.is_one_piece(1, 4));
        let one = Walk::new(&Region { start: vec![], shape: vec![] }, &[Affine { offset: 7, steps: vec![] }]);
        one.at(0, &mut numbers);
        assert_eq!(numbers, [7]);
    }
}
