//! How partial results of a reduction become one: a tree whose form depends on how many there are, and on nothing else. So it can be
//! begun anywhere with those that are neighbours, and ended elsewhere, with the same bits.

use super::plan::Pass;
use super::reduce::{Part, Reduction};
use super::run::Left;
use std::collections::BTreeMap;

/// A node of the tree: of which place of the result, at which height, and which one of that height. It is made of the leaves from
/// `index << height` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) place: usize,
    pub(crate) height: u32,
    pub(crate) index: usize,
}

/// Partial results of a reduction.
#[derive(Default)]
pub(crate) struct Merging {
    parts: BTreeMap<At, Part>,
}

impl Merging {
    /// Takes in what a task of a pass has left.
    pub(super) fn keep(&mut self, pass: &Pass, task: usize, left: Left) {
        match left {
            Left::Group(part) => {
                let groups = pass.counts().0;
                self.parts.insert(At { place: task / groups, height: 0, index: task % groups }, part);
            }
            Left::Chunks(parts) => {
                let leaf = |(index, part)| (At { place: 0, height: 0, index }, part);
                self.parts.extend(parts.into_iter().map(leaf));
            }
            Left::Nothing | Left::Elements(_) => {}
        }
    }

    pub(crate) fn insert(&mut self, at: At, part: Part) {
        self.parts.insert(at, part);
    }

    /// Merges neighbours of which both are there.
    pub(crate) fn merge_neighbours(&mut self, reduction: &dyn Reduction) {
        let mut next: Vec<At> = self.parts.keys().copied().collect();
        while let Some(at) = next.pop() {
            let pair = |index: usize| At { index, ..at };
            let (even, odd) = (pair(at.index & !1), pair(at.index | 1));
            if !self.parts.contains_key(&even) || !self.parts.contains_key(&odd) {
                continue;
            }
            let (Some(mut first), Some(mut second)) = (self.parts.remove(&even), self.parts.remove(&odd)) else {
                continue;
            };
            merge(reduction, &mut first, &mut second);
            let above = At { height: at.height + 1, index: at.index / 2, ..at };
            self.parts.insert(above, first);
            next.push(above);
        }
    }

    pub(crate) fn into_parts(self) -> impl Iterator<Item = (At, Part)> {
        self.parts.into_iter()
    }

    /// Those of each place by themselves.
    pub(super) fn into_places(self, places: usize) -> Vec<(usize, Self)> {
        let mut all: Vec<(usize, Self)> = (0..places).map(|place| (place, Self::default())).collect();
        for (at, part) in self.parts {
            if let Some((_, merging)) = all.get_mut(at.place) {
                merging.insert(at, part);
            }
        }
        all
    }

    /// The one of all leaves of a place.
    pub(super) fn into_tree(mut self, reduction: &dyn Reduction, place: usize, leaves: usize) -> Option<Part> {
        let height = leaves.max(1).next_power_of_two().trailing_zeros();
        self.at(reduction, At { place, height, index: 0 }, leaves)
    }

    fn at(&mut self, reduction: &dyn Reduction, at: At, leaves: usize) -> Option<Part> {
        if let Some(part) = self.parts.remove(&at) {
            return Some(part);
        }
        let height = at.height.checked_sub(1)?;
        let below = |index: usize| At { height, index, ..at };
        let mut first = self.at(reduction, below(2 * at.index), leaves)?;
        // What is odd goes up as it is.
        if (2 * at.index + 1) << height >= leaves {
            return Some(first);
        }
        let mut second = self.at(reduction, below(2 * at.index + 1), leaves)?;
        merge(reduction, &mut first, &mut second);
        Some(first)
    }
}

fn merge(reduction: &dyn Reduction, first: &mut Part, second: &mut Part) {
    debug_assert_eq!(first.n, second.n, "parts of one result");
    // SAFETY: both are of this reduction and as long as each other.
    unsafe { reduction.merge(first.n, first.sums(), second.sums()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::reductions::{Simple, Sum};

    fn leaf(x: f64) -> Part {
        Part { words: vec![x.to_bits()], n: 1 }
    }

    /// However the leaves are put together before, the bits are those of neighbours, then neighbours of these.
    #[test]
    fn a_tree_has_the_same_bits_wherever_it_was_begun() {
        let reduction = Simple::<Sum, f64>::new();
        for n in [1usize, 2, 3, 5, 8, 13, 100, 257] {
            let number = |i: usize| 1.0 / (1.0 + i as f64).powi(3) + 1e10 * (i as f64).sin();
            let mut level: Vec<f64> = (0..n).map(number).collect();
            while level.len() > 1 {
                level = level.chunks(2).map(|pair| pair.iter().copied().reduce(|a, b| a + b).unwrap_or(0.0)).collect();
            }
            for step in [1usize, 3, 7, 64, 300] {
                let mut all = Merging::default();
                for start in (0..n).step_by(step) {
                    let mut some = Merging::default();
                    (start..(start + step).min(n))
                        .for_each(|index| some.insert(At { place: 0, height: 0, index }, leaf(number(index))));
                    some.merge_neighbours(&reduction);
                    some.into_parts().for_each(|(at, part)| all.insert(at, part));
                }
                let total = all.into_tree(&reduction, 0, n).unwrap();
                assert_eq!(total.words[0], level[0].to_bits(), "{n} leaves by {step}");
            }
        }
    }
}
