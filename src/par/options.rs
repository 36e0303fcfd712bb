//! How a loop shows itself: the options of [`Par`], and how they reach the loops of functions that
//! take none. Everything here is compiled once; a cell compiles what it would without options.

use super::collect::Par;
use super::drive::Job;
use super::{Around, Around3, Edge, GroupIndex, IntoTasks, Number, Numeric, Shaped};
use crate::progress::State;
use ndarray::Array;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::sync::Arc;

thread_local! {
    /// The options in force for loops that this thread starts.
    static AROUND: RefCell<Job> = const { RefCell::new(Job { quiet: false, lanes: false, message: String::new() }) };
}

/// Puts the options back that were in force before.
struct Back(Job);
impl Drop for Back {
    fn drop(&mut self) {
        AROUND.replace(std::mem::take(&mut self.0));
    }
}

impl Job {
    /// These options, and where they say nothing, those of `other`.
    fn or(&self, other: &Self) -> Self {
        let message = if self.message.is_empty() { &other.message } else { &self.message };
        Self { quiet: self.quiet || other.quiet, lanes: self.lanes || other.lanes, message: message.clone() }
    }

    /// From here on, until the result is dropped.
    #[must_use]
    fn apply(&self) -> Back {
        let all = AROUND.with_borrow(|before| self.or(before));
        Back(AROUND.replace(all))
    }

    /// The bar of a loop over `len` tasks; none when it is to be quiet.
    pub(super) fn bar(&self, len: usize) -> Option<Arc<State>> {
        let job = AROUND.with_borrow(|around| self.or(around));
        if job.quiet {
            return None;
        }
        let bar = State::automatic(len as u64, &job.message);
        if job.lanes {
            bar.show_lanes();
        }
        Some(bar)
    }
}

impl Par {
    /// The name of work that runs now and shows itself; none when it is to be quiet, or is inside of a loop.
    pub(crate) fn shown(&self) -> Option<String> {
        let job = AROUND.with_borrow(|around| self.job.or(around));
        (!job.quiet && super::drive::is_outermost()).then_some(job.message)
    }

    /// Shows no progress bar.
    ///
    /// ```
    /// ferrolab::par::message("x").quiet().for_each(0..3, |_| ());
    /// ```
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.job.quiet = true;
        self
    }

    /// Names the work in its progress bar.
    ///
    /// ```
    /// ferrolab::par::quiet().message("nobody sees this").for_each(0..3, |_| ());
    /// ```
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.job.message = text.to_owned();
        self
    }

    /// Shows in its progress bar as well what each thread has done, as small bars.
    ///
    /// ```
    /// let n = ferrolab::par::message("prices").lanes().map(0..3, |i| i).len();
    /// assert_eq!(n, 3);
    /// ```
    #[must_use]
    pub fn lanes(mut self) -> Self {
        self.job.lanes = true;
        self
    }

    /// Runs `work`; all parallel functions of [`crate::par`] that it calls on this thread show
    /// themselves as these options say. Every function has a method of its own too: this is for
    /// several of them together, and for functions that call them.
    ///
    /// ```
    /// let mut v = vec![3.0, 1.0, 2.0];
    /// let middle = ferrolab::par::message("median").around(|| {
    ///     ferrolab::par::sort(&mut v);
    ///     v[1]
    /// });
    /// assert_eq!(middle, 2.0);
    /// ```
    pub fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        let _back = self.job.apply();
        work()
    }
}

/// A method for each free function, with the same parameters.
macro_rules! same {
    ($(fn $name:ident [$($generics:tt)*]($($arg:ident: $type:ty),*) $(-> $out:ty)? = $example:literal;)*) => {
        impl Par {
            $(
                #[doc = concat!("[`par::", stringify!($name), "`](super::", stringify!($name), "()) with these options.")]
                ///
                /// # Panics
                #[doc = concat!("As [`par::", stringify!($name), "`](super::", stringify!($name), "()).")]
                ///
                /// ```
                #[doc = concat!("# use ferrolab::par;\n", $example)]
                /// ```
                pub fn $name<$($generics)*>(&self, $($arg: $type),*) $(-> $out)? {
                    let _back = self.job.apply();
                    super::$name($($arg),*)
                }
            )*
        }
    };
}

same! {
    fn sum[S: IntoTasks<Item: Numeric<Number = N>>, N: Number](tasks: S) -> N = "assert_eq!(par::quiet().sum(1..=100), 5050);";
    fn sum_by[S: IntoTasks, N: Number](tasks: S, f: impl Fn(S::Item) -> N + Sync) -> N = "assert_eq!(par::quiet().sum_by(0..4, |i| i * i), 14);";
    fn sum_compensated[S: IntoTasks<Item: Numeric>](tasks: S) -> f64 = "assert_eq!(par::quiet().sum_compensated(&[1e100, 1.0, -1e100]), 1.0);";
    fn mean[S: IntoTasks<Item: Numeric>](tasks: S) -> f64 = "assert_eq!(par::quiet().mean(&[1.0, 3.0]), 2.0);";
    fn variance[S: IntoTasks<Item: Numeric>](tasks: S, ddof: usize) -> f64 = "assert_eq!(par::quiet().variance(&[1.0, 3.0], 0), 1.0);";
    fn min[S: IntoTasks<Item: Numeric<Number = N>>, N: Number](tasks: S) -> Option<N> = "assert_eq!(par::quiet().min(&[2.0, 1.0]), Some(1.0));";
    fn max[S: IntoTasks<Item: Numeric<Number = N>>, N: Number](tasks: S) -> Option<N> = "assert_eq!(par::quiet().max(&[2.0, 1.0]), Some(2.0));";
    fn argmin[S: IntoTasks<Item: Numeric<Number = N>>, N: Number](tasks: S) -> Option<usize> = "assert_eq!(par::quiet().argmin(&[2.0, 1.0]), Some(1));";
    fn argmax[S: IntoTasks<Item: Numeric<Number = N>>, N: Number](tasks: S) -> Option<usize> = "assert_eq!(par::quiet().argmax(&[2.0, 1.0]), Some(0));";
    fn scan[S: IntoTasks<Item = T>, T: Clone + Send + Sync](tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> Vec<T> = "assert_eq!(par::quiet().scan(1..4, 0, |a, b| a + b), [1, 3, 6]);";
    fn scan_exclusive[S: IntoTasks<Item = T>, T: Clone + Send + Sync](tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> Vec<T> = "assert_eq!(par::quiet().scan_exclusive(1..4, 0, |a, b| a + b), [0, 1, 3]);";
    fn cumsum[S: IntoTasks<Item: Numeric<Number = N>>, N: Number](tasks: S) -> Vec<N> = "assert_eq!(par::quiet().cumsum(1..4), [1, 3, 6]);";
    fn sort[T: PartialOrd + Send + Sync](items: &mut [T]) = "let mut v = [2.0, 1.0];\npar::quiet().sort(&mut v);\nassert_eq!(v, [1.0, 2.0]);";
    fn sort_by[T: Send + Sync](items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Sync) = "let mut v = [1, 2];\npar::quiet().sort_by(&mut v, |a, b| b.cmp(a));\nassert_eq!(v, [2, 1]);";
    fn sort_by_key[T: Send + Sync, K: PartialOrd](items: &mut [T], key: impl Fn(&T) -> K + Sync) = "let mut v = [1, 2];\npar::quiet().sort_by_key(&mut v, |x| -x);\nassert_eq!(v, [2, 1]);";
    fn sort_unstable[T: PartialOrd + Send + Sync](items: &mut [T]) = "let mut v = [2, 1];\npar::quiet().sort_unstable(&mut v);\nassert_eq!(v, [1, 2]);";
    fn sort_unstable_by[T: Send + Sync](items: &mut [T], order: impl Fn(&T, &T) -> Ordering + Sync) = "let mut v = [1, 2];\npar::quiet().sort_unstable_by(&mut v, |a, b| b.cmp(a));\nassert_eq!(v, [2, 1]);";
    fn sort_unstable_by_key[T: Send + Sync, K: PartialOrd](items: &mut [T], key: impl Fn(&T) -> K + Sync) = "let mut v = [1, 2];\npar::quiet().sort_unstable_by_key(&mut v, |x| -x);\nassert_eq!(v, [2, 1]);";
    fn argsort[T: PartialOrd + Sync](items: &[T]) -> Vec<usize> = "assert_eq!(par::quiet().argsort(&[2.0, 1.0]), [1, 0]);";
    fn stencil[T: Copy + Send + Sync, U: Send](input: &[T], radius: usize, edge: Edge<T>, f: impl Fn(&[T]) -> U + Sync) -> Vec<U> = "assert_eq!(par::quiet().stencil(&[1, 2, 3], 1, par::Edge::Clamp, |w| w[2]), [2, 3, 3]);";
    fn stencil2[T: Copy + Send + Sync, U: Send](input: &[T], shape: [usize; 2], edge: Edge<T>, f: impl Fn(Around<'_, T>) -> U + Sync) -> Vec<U> = "assert_eq!(par::quiet().stencil2(&[1, 2], [1, 2], par::Edge::Clamp, |a| a.at(0, 1)), [2, 2]);";
    fn stencil3[T: Copy + Send + Sync, U: Send](input: &[T], shape: [usize; 3], edge: Edge<T>, f: impl Fn(Around3<'_, T>) -> U + Sync) -> Vec<U> = "assert_eq!(par::quiet().stencil3(&[1, 2], [1, 1, 2], par::Edge::Clamp, |a| a.at(0, 0, 1)), [2, 2]);";
    fn histogram[](values: &[f64], low: f64, high: f64, bins: usize) -> Vec<u64> = "assert_eq!(par::quiet().histogram(&[0.5, 1.5], 0.0, 2.0, 2), [1, 1]);";
    fn histogram2[](x: &[f64], y: &[f64], low: [f64; 2], high: [f64; 2], bins: [usize; 2]) -> Vec<u64> = "assert_eq!(par::quiet().histogram2(&[0.5], &[0.5], [0.0; 2], [1.0; 2], [1, 1]), [1]);";
    fn group_sum[I: GroupIndex](index: &[I], values: &[f64], groups: usize) -> Vec<f64> = "assert_eq!(par::quiet().group_sum(&[1u32, 1], &[2.0, 3.0], 2), [0.0, 5.0]);";
    fn group_count[I: GroupIndex](index: &[I], groups: usize) -> Vec<u64> = "assert_eq!(par::quiet().group_count(&[1u32, 1], 2), [0, 2]);";
    fn group_mean[I: GroupIndex](index: &[I], values: &[f64], groups: usize) -> Vec<f64> = "assert_eq!(par::quiet().group_mean(&[0u32, 0], &[2.0, 4.0], 1), [3.0]);";
    fn map_array[S: Shaped, T: Send](tasks: S, f: impl Fn(S::Item) -> T + Sync) -> Array<T, S::Dim> = "let a = ferrolab::ndarray::arr1(&[1.0, 2.0]);\nassert_eq!(par::quiet().map_array(&a, |x| x * 2.0), ferrolab::ndarray::arr1(&[2.0, 4.0]));";
}
