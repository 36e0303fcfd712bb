//! The built-in reductions, of `f64` and `i64`: other types become one of these first, without loss. NaN counts as in
//! NumPy: what has seen one is NaN, and an index is the first one's.

use super::element::DType;
use super::reduce::{Piece, Reduction, Sums};
use super::which::{Folding, Which};
use std::marker::PhantomData;
use std::slice::from_raw_parts;

/// Partial results side by side: enough for two vector registers, and sums of a tile are like pairwise ones.
const LANES: usize = 16;

/// A number that reductions compute with.
pub(crate) trait Word: Copy + PartialOrd + Send + Sync + 'static {
    const DTYPE: DType;
    const ZERO: Self;
    const ONE: Self;
    const LOWEST: Self;
    const HIGHEST: Self;
    fn plus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn is_nan(self) -> bool;
    fn bits(self) -> u64;
}
impl Word for f64 {
    const DTYPE: DType = DType::F64;
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
    const LOWEST: Self = Self::NEG_INFINITY;
    const HIGHEST: Self = Self::INFINITY;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self + other
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self * other
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        self.is_nan()
    }
    fn bits(self) -> u64 {
        self.to_bits()
    }
}
impl Word for i64 {
    const DTYPE: DType = DType::I64;
    const ZERO: Self = 0;
    const ONE: Self = 1;
    const LOWEST: Self = Self::MIN;
    const HIGHEST: Self = Self::MAX;
    #[inline(always)]
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }
    #[inline(always)]
    fn times(self, other: Self) -> Self {
        self.wrapping_mul(other)
    }
    #[inline(always)]
    fn is_nan(self) -> bool {
        false
    }
    fn bits(self) -> u64 {
        self as u64
    }
}

/// How two numbers become one.
pub(crate) trait Fold: Send + Sync + 'static {
    const NAME: &'static str;
    const WHICH: Folding;
    fn start<W: Word>() -> W;
    fn of<W: Word>(a: W, b: W) -> W;
}

macro_rules! folds {
    ($($name:ident $text:literal $start:ident |$a:ident, $b:ident| $of:expr;)*) => {$(
        #[doc = concat!("The ", $text, ".")]
        pub(crate) struct $name;
        impl Fold for $name {
            const NAME: &'static str = $text;
            const WHICH: Folding = Folding::$name;
            fn start<W: Word>() -> W {
                W::$start
            }
            #[inline(always)]
            fn of<W: Word>($a: W, $b: W) -> W {
                $of
            }
        }
    )*};
}
folds! {
    Sum "sum" ZERO |a, b| a.plus(b);
    Prod "prod" ONE |a, b| a.times(b);
    Min "min" HIGHEST |a, b| if b < a || b.is_nan() { b } else { a };
    Max "max" LOWEST |a, b| if b > a || b.is_nan() { b } else { a };
}

/// A reduction whose accumulator is one number.
pub(crate) struct Simple<F, W>(PhantomData<fn() -> (F, W)>);
impl<F, W> Simple<F, W> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

/// All of a slice, in lanes that are put together by halves.
#[inline(always)]
fn together<F: Fold, W: Word>(numbers: &[W]) -> W {
    let mut lanes = [F::start::<W>(); LANES];
    let groups = numbers.chunks_exact(LANES);
    let rest = groups.remainder();
    for group in groups {
        for (lane, x) in lanes.iter_mut().zip(group) {
            *lane = F::of(*lane, *x);
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = F::of(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    rest.iter().fold(lanes[0], |a, b| F::of(a, *b))
}

impl<F: Fold, W: Word> Reduction for Simple<F, W> {
    fn name(&self) -> String {
        F::NAME.to_owned()
    }
    fn takes(&self) -> DType {
        W::DTYPE
    }
    fn gives(&self) -> DType {
        W::DTYPE
    }
    fn words(&self) -> usize {
        1
    }
    fn start(&self) -> Vec<u64> {
        vec![F::start::<W>().bits()]
    }
    unsafe fn fold(&self, piece: Piece, sums: Sums) {
        // SAFETY: the caller's promise: the elements are there and of this type, and so are accumulators, apart
        // from them.
        unsafe {
            let numbers = from_raw_parts(piece.at.cast::<W>(), piece.n);
            match sums.step {
                0 => {
                    let sum = sums.word::<W>(0, 0);
                    sum.write(F::of(sum.read(), together::<F, W>(numbers)));
                }
                1 => {
                    let sums = std::slice::from_raw_parts_mut(sums.word::<W>(0, 0), piece.n);
                    sums.iter_mut().zip(numbers).for_each(|(sum, x)| *sum = F::of(*sum, *x));
                }
                _ => {
                    for (i, x) in numbers.iter().enumerate() {
                        let sum = sums.word::<W>(i, 0);
                        sum.write(F::of(sum.read(), *x));
                    }
                }
            }
        }
    }
    unsafe fn merge(&self, n: usize, into: Sums, other: Sums) {
        for i in 0..n {
            // SAFETY: both have `n`.
            unsafe { into.word::<W>(i, 0).write(F::of(into.word::<W>(i, 0).read(), other.word::<W>(i, 0).read())) };
        }
    }
    unsafe fn finish(&self, n: usize, sums: Sums, out: *mut u8) {
        // SAFETY: `n` words there, and room for `n` here.
        unsafe { out.cast::<u64>().copy_from_nonoverlapping(sums.at, n) };
    }
    fn which(&self) -> Which {
        Which::Simple { fold: F::WHICH, of: W::DTYPE }
    }
}

/// Where the least or greatest is: `GREATEST` says which.
pub(crate) struct Arg<W, const GREATEST: bool>(pub(crate) PhantomData<fn() -> W>);

impl<W: Word, const GREATEST: bool> Arg<W, GREATEST> {
    /// Does `b` come before `a`?
    #[inline(always)]
    fn better(a: (W, i64), b: (W, i64)) -> bool {
        let less = if GREATEST { b.0 > a.0 } else { b.0 < a.0 };
        let alike = a.0 == b.0 || a.0.is_nan() && b.0.is_nan();
        a.1 < 0 || b.1 >= 0 && (less || b.0.is_nan() && !a.0.is_nan() || alike && b.1 < a.1)
    }

    /// # Safety
    /// The accumulator is there.
    #[inline(always)]
    unsafe fn take(sums: Sums, i: usize, found: (W, i64)) {
        // SAFETY: the caller's promise.
        unsafe {
            let (value, index) = (sums.word::<W>(i, 0), sums.word::<i64>(i, 1));
            if Self::better((value.read(), index.read()), found) {
                value.write(found.0);
                index.write(found.1);
            }
        }
    }
}

impl<W: Word, const GREATEST: bool> Reduction for Arg<W, GREATEST> {
    fn name(&self) -> String {
        if GREATEST { "argmax" } else { "argmin" }.to_owned()
    }
    fn takes(&self) -> DType {
        W::DTYPE
    }
    fn gives(&self) -> DType {
        DType::I64
    }
    fn words(&self) -> usize {
        2
    }
    fn start(&self) -> Vec<u64> {
        vec![0, (-1i64) as u64]
    }
    unsafe fn fold(&self, piece: Piece, sums: Sums) {
        // SAFETY: the caller's promise.
        let numbers = unsafe { from_raw_parts(piece.at.cast::<W>(), piece.n) };
        let index = |i: usize| (piece.index + i as isize * piece.index_step) as i64;
        if sums.step == 0 && piece.n > 0 {
            // The value first, which is done in lanes; its place is looked for only when it matters.
            let best = if GREATEST { together::<Max, W>(numbers) } else { together::<Min, W>(numbers) };
            // SAFETY: there is one accumulator.
            let known = unsafe { (sums.word::<W>(0, 0).read(), sums.word::<i64>(0, 1).read()) };
            let worse = if GREATEST { best < known.0 } else { best > known.0 };
            if known.1 >= 0 && worse {
                return;
            }
            let at = numbers.iter().position(|x| *x == best || best.is_nan() && x.is_nan()).unwrap_or(0);
            // SAFETY: as above.
            return unsafe { Self::take(sums, 0, (best, index(at))) };
        }
        for (i, x) in numbers.iter().enumerate() {
            // SAFETY: there is an accumulator for each element.
            unsafe { Self::take(sums, i, (*x, index(i))) };
        }
    }
    unsafe fn merge(&self, n: usize, into: Sums, other: Sums) {
        for i in 0..n {
            // SAFETY: both have `n`.
            unsafe { Self::take(into, i, (other.word::<W>(i, 0).read(), other.word::<i64>(i, 1).read())) };
        }
    }
    unsafe fn finish(&self, n: usize, sums: Sums, out: *mut u8) {
        // SAFETY: `n` second words, and room for `n`.
        unsafe { out.cast::<u64>().copy_from_nonoverlapping(sums.at.add(sums.stride), n) };
    }
    fn which(&self) -> Which {
        Which::Arg { greatest: GREATEST, of: W::DTYPE }
    }
}

/// The variance: squares of differences from the mean, merged as Chan, Golub and LeVeque do (1983), so that nothing
/// cancels.
pub(crate) struct Variance {
    /// The sum of squares is divided by the number of elements less this.
    pub(crate) ddof: usize,
}

impl Variance {
    /// # Safety
    /// The accumulator is there.
    #[inline(always)]
    unsafe fn take(sums: Sums, i: usize, (n, mean, squares): (f64, f64, f64)) {
        // SAFETY: the caller's promise.
        unsafe {
            let [a, b, c] = [0, 1, 2].map(|word| sums.word::<f64>(i, word));
            let (before, all) = (a.read(), a.read() + n);
            let delta = mean - b.read();
            let share = if all > 0.0 { n / all } else { 0.0 };
            a.write(all);
            b.write(if before == 0.0 { mean } else { b.read() + delta * share });
            c.write(c.read() + squares + if before == 0.0 { 0.0 } else { delta * delta * before * share });
        }
    }
}

impl Reduction for Variance {
    fn name(&self) -> String {
        "var".to_owned()
    }
    fn takes(&self) -> DType {
        DType::F64
    }
    fn gives(&self) -> DType {
        DType::F64
    }
    fn words(&self) -> usize {
        3
    }
    fn start(&self) -> Vec<u64> {
        vec![0; 3]
    }
    unsafe fn fold(&self, piece: Piece, sums: Sums) {
        // SAFETY: the caller's promise.
        let numbers = unsafe { from_raw_parts(piece.at.cast::<f64>(), piece.n) };
        match sums.step {
            0 => {
                // Twice over what is in the nearest cache.
                let n = numbers.len() as f64;
                let mean = together::<Sum, f64>(numbers) / n;
                // SAFETY: there is one accumulator.
                unsafe { Self::take(sums, 0, (n, mean, squares(numbers, mean))) };
            }
            1 => {
                // SAFETY: there are accumulators for `n` elements, each with three words that lie apart.
                let [counts, means, squares] =
                    [0, 1, 2].map(|w| unsafe { std::slice::from_raw_parts_mut(sums.word::<f64>(0, w), piece.n) });
                let words = counts.iter_mut().zip(means).zip(squares);
                for (((count, mean), squares), x) in words.zip(numbers) {
                    // Welford's step.
                    *count += 1.0;
                    let delta = x - *mean;
                    *mean += delta / *count;
                    *squares += delta * (x - *mean);
                }
            }
            _ => {
                for (i, x) in numbers.iter().enumerate() {
                    // SAFETY: there is an accumulator for each element.
                    unsafe { Self::take(sums, i, (1.0, *x, 0.0)) };
                }
            }
        }
    }
    unsafe fn merge(&self, n: usize, into: Sums, other: Sums) {
        for i in 0..n {
            // SAFETY: both have `n`.
            unsafe { Self::take(into, i, std::array::from_fn(|w| other.word::<f64>(i, w).read()).into()) };
        }
    }
    unsafe fn finish(&self, n: usize, sums: Sums, out: *mut u8) {
        for i in 0..n {
            // SAFETY: `n` accumulators, and room for `n` results.
            unsafe {
                let (count, squares) = (sums.word::<f64>(i, 0).read(), sums.word::<f64>(i, 2).read());
                out.cast::<f64>().add(i).write(squares / (count - self.ddof as f64).max(0.0));
            }
        }
    }
    fn which(&self) -> Which {
        Which::Variance { ddof: self.ddof }
    }
}

fn squares(numbers: &[f64], mean: f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let groups = numbers.chunks_exact(LANES);
    let rest: f64 = groups.remainder().iter().map(|x| (x - mean) * (x - mean)).sum();
    for group in groups {
        for (lane, x) in lanes.iter_mut().zip(group) {
            *lane += (x - mean) * (x - mean);
        }
    }
    together::<Sum, f64>(&lanes) + rest
}

/// Counts in equal bins, of everything.
pub(crate) struct Histogram {
    pub(crate) bins: crate::par::Bins,
}

impl Reduction for Histogram {
    fn name(&self) -> String {
        "histogram".to_owned()
    }
    fn takes(&self) -> DType {
        DType::F64
    }
    fn gives(&self) -> DType {
        DType::I64
    }
    fn words(&self) -> usize {
        // One place more, for what is not counted.
        self.bins.len() + 1
    }
    fn start(&self) -> Vec<u64> {
        vec![0; self.words()]
    }
    unsafe fn fold(&self, piece: Piece, sums: Sums) {
        // SAFETY: the caller's promise; all elements have one accumulator, whose words lie one after the other.
        let (numbers, counts) = unsafe {
            (from_raw_parts(piece.at.cast::<f64>(), piece.n), std::slice::from_raw_parts_mut(sums.at, self.words()))
        };
        let mut group = [0u32; 256];
        for numbers in numbers.chunks(group.len()) {
            // Bins first, in lanes; counting has to go one by one.
            group.iter_mut().zip(numbers).for_each(|(bin, x)| *bin = self.bins.of(*x));
            group[..numbers.len()].iter().for_each(|bin| counts[*bin as usize] += 1);
        }
    }
    unsafe fn merge(&self, _: usize, into: Sums, other: Sums) {
        for word in 0..self.words() {
            // SAFETY: both are one accumulator of so many words.
            unsafe { *into.word::<u64>(0, word) += *other.word::<u64>(0, word) };
        }
    }
    unsafe fn finish(&self, _: usize, sums: Sums, out: *mut u8) {
        // SAFETY: so many words there, and room for as many results.
        unsafe { out.cast::<u64>().copy_from_nonoverlapping(sums.at, self.bins.len()) };
    }
    fn which(&self) -> Which {
        Which::Histogram { bins: self.bins }
    }
    fn results(&self) -> usize {
        self.bins.len()
    }
}
