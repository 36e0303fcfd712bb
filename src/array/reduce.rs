//! What reductions have in common: accumulators, how pieces of tiles are folded into them and how they are
//! merged. The built-in ones are in `reductions`, users' own in `closures`.

use super::element::DType;
use super::which::Which;

/// A stretch of elements that meet accumulators.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) n: usize,
    /// The elements, one after the other.
    pub(crate) at: *const u8,
    /// The index of the first one: along the axis that is reduced, or in row order when all are.
    pub(crate) index: isize,
    /// From one element's index to the next one's.
    pub(crate) index_step: isize,
}

/// Accumulators: each has some words, and the first words of all lie one after the other, then the second ones.
#[derive(Clone, Copy)]
pub(crate) struct Sums {
    /// The first word of the first accumulator that is meant.
    pub(crate) at: *mut u64,
    /// How many accumulators there are in all: from a word of one to its next.
    pub(crate) stride: usize,
    /// From the accumulator of an element to that of the next one: 0 when all have the same.
    pub(crate) step: isize,
}

impl Sums {
    /// Word `word` of the accumulator of element `i`.
    ///
    /// # Safety
    /// There are so many.
    #[inline(always)]
    pub(crate) unsafe fn word<W>(self, i: usize, word: usize) -> *mut W {
        const { assert!(size_of::<W>() == 8) };
        // SAFETY: the caller's promise.
        unsafe { self.at.add(word * self.stride).offset(i as isize * self.step).cast() }
    }
}

/// A way to make few elements of many, in parts that are merged.
pub(crate) trait Reduction: Send + Sync {
    fn name(&self) -> String;
    /// The type of the elements it takes.
    fn takes(&self) -> DType;
    /// The type of its results.
    fn gives(&self) -> DType;
    /// Words of an accumulator.
    fn words(&self) -> usize;
    /// An accumulator that has seen nothing.
    fn start(&self) -> Vec<u64>;
    /// Takes elements in.
    ///
    /// # Safety
    /// The piece's elements can be read, and its accumulators written.
    unsafe fn fold(&self, piece: Piece, sums: Sums);
    /// Takes in what `n` other accumulators have seen, which come later in order; both one after the other.
    ///
    /// # Safety
    /// Both are there.
    unsafe fn merge(&self, n: usize, into: Sums, other: Sums);
    /// Writes the results of `n` accumulators.
    ///
    /// # Safety
    /// They are there, and room for as many results.
    unsafe fn finish(&self, n: usize, sums: Sums, out: *mut u8);
    /// Its name, which travels.
    fn which(&self) -> Which;
    /// Results of one accumulator: more than one for a histogram.
    fn results(&self) -> usize {
        1
    }
}

/// Accumulators of a part of the result, in memory.
pub(crate) struct Part {
    pub(crate) words: Vec<u64>,
    pub(crate) n: usize,
}

impl Part {
    pub(crate) fn new(reduction: &dyn Reduction, n: usize) -> Self {
        let mut words = Vec::with_capacity(n * reduction.words());
        for word in reduction.start() {
            words.resize(words.len() + n, word);
        }
        Self { words, n }
    }

    pub(crate) fn sums(&mut self) -> Sums {
        Sums { at: self.words.as_mut_ptr(), stride: self.n, step: 1 }
    }
}
