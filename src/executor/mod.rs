//! What places have in common where closures run: one trait, one error, futures, the tasks that can be sent, and the
//! place that is always there, the threads of this process. A cluster stands above it, and is not known here.

pub(crate) mod future;
pub(crate) mod source;
pub mod threads;

pub use crate::error::{Error, ErrorKind};
pub use future::{All, Argument, AsCompleted, Future, Later, all, as_completed, gather};
pub use source::{Item, Received, Source};

pub(crate) use crate::closure::{captures_nothing, conjure};
pub(crate) use crate::error::sendable;

use crate::array::Arrays;
use crate::graph::Graph;
use crate::par::IntoTasks;
use crate::value::Numeric;
use serde::Serialize;
use serde::de::DeserializeOwned;
use threads::Threads;

/// The methods that all places share, with the demands of the strictest one, for a macro: `declare` makes a trait of
/// them, `forward` has a place do what its own methods of these names do. So a method is written here, and where a
/// place does it.
macro_rules! shared {
    ($then:ident $($place:ty)?) => {
        $crate::executor::$then! { $($place)?;
            /// Calls `f` on every item; results in order.
            ///
            /// # Errors
            /// When a task panics, and on a cluster as [`Cluster::map`](crate::cluster::Cluster::map) says.
            ///
            /// # Panics
            /// When the user interrupts.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn lengths(on: &impl Executor, words: &[String]) -> Result<Vec<usize>, cluster::Error> {
            ///     on.map(words, |word| word.len())
            /// }
            /// assert_eq!(lengths(&threads(), &["a".to_owned(), "bc".to_owned()]), Ok(vec![1, 2]));
            /// ```
            fn map['a, S, F, T](tasks: S, f: F) -> Result<Vec<T>, Error>
            where [
                S: Portable<'a>,
                F: for<'w> Fn(Item<'w, S>) -> T + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Send
            ] nothing captured by (f: F);

            /// Calls `f` on the parameters and every item; results in order. On a cluster the parameters
            /// are sent to each worker once.
            ///
            /// # Errors
            /// As for [`Executor::map`], and when the parameters cannot be written.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn look_up(on: &impl Executor, table: &Vec<f64>) -> Result<Vec<f64>, cluster::Error> {
            ///     on.map_with(table, 0..2usize, |table, i| table[i])
            /// }
            /// assert_eq!(look_up(&threads(), &vec![1.5, 2.5]), Ok(vec![1.5, 2.5]));
            /// ```
            fn map_with['a, P, S, F, T](params: &P, tasks: S, f: F) -> Result<Vec<T>, Error>
            where [
                P: Serialize + DeserializeOwned + Send + Sync + 'static,
                S: Portable<'a>,
                F: for<'w> Fn(&P, Item<'w, S>) -> T + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Send
            ] nothing captured by (f: F);

            /// Calls `f` on every item and keeps what is `Some`, in order.
            ///
            /// # Errors
            /// As for [`Executor::map`].
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn odd(on: &impl Executor) -> Result<Vec<u64>, cluster::Error> {
            ///     on.filter_map(0..5u64, |i| (i % 2 == 1).then_some(i))
            /// }
            /// assert_eq!(odd(&threads()), Ok(vec![1, 3]));
            /// ```
            fn filter_map['a, S, F, T](tasks: S, f: F) -> Result<Vec<T>, Error>
            where [
                S: Portable<'a>,
                F: for<'w> Fn(Item<'w, S>) -> Option<T> + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Send
            ] nothing captured by (f: F);

            /// Calls `f` on every item, for what it does where it runs.
            ///
            /// # Errors
            /// As for [`Executor::map`].
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn check(on: &impl Executor) -> Result<(), cluster::Error> {
            ///     on.for_each(0..3u8, |i| assert!(i < 2, "{i} is too large"))
            /// }
            /// assert_eq!(check(&threads()).unwrap_err().task, Some(2));
            /// ```
            fn for_each['a, S, F](tasks: S, f: F) -> Result<(), Error>
            where [
                S: Portable<'a>,
                F: for<'w> Fn(Item<'w, S>) + Copy + Send + Sync + 'static
            ] nothing captured by (f: F);

            /// Combines all items with an associative `op`, starting from `identity`.
            ///
            /// # Errors
            /// As for [`Executor::map`].
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn top(on: &impl Executor, values: Vec<i32>) -> Result<i32, cluster::Error> {
            ///     on.reduce(values, i32::MIN, |a, b| a.max(b))
            /// }
            /// assert_eq!(top(&threads(), vec![3, 9, 4]), Ok(9));
            /// ```
            fn reduce['a, S, O, T](tasks: S, identity: T, op: O) -> Result<T, Error>
            where [
                S: Portable<'a, Received: for<'w> Received<Item<'w> = T>>,
                O: Fn(T, T) -> T + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static
            ] nothing captured by (op: O);

            /// Maps every item with `f` and combines the results with an associative `op`, starting from
            /// `identity`.
            ///
            /// # Errors
            /// As for [`Executor::map`].
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn squares(on: &impl Executor) -> Result<u64, cluster::Error> {
            ///     on.map_reduce(0..1000u64, |i| i * i, 0, |a, b| a + b)
            /// }
            /// assert_eq!(squares(&threads()), Ok(332_833_500));
            /// ```
            fn map_reduce['a, S, F, O, T](tasks: S, f: F, identity: T, op: O) -> Result<T, Error>
            where [
                S: Portable<'a>,
                F: for<'w> Fn(Item<'w, S>) -> T + Copy + Send + Sync + 'static,
                O: Fn(T, T) -> T + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Clone + Send + Sync
            ] nothing captured by (f: F, op: O);

            /// Calls `f` once, on a value or on what a future will be; goes on at once.
            /// [`cluster::gather`](crate::cluster::gather) and
            /// [`cluster::as_completed`](crate::cluster::as_completed) wait for futures of either place.
            ///
            /// # Errors
            /// When the argument cannot be sent or the cluster is gone. A panic is the future's.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn chain(on: &impl Executor) -> Result<u64, cluster::Error> {
            ///     let nine = on.submit(3u64, |x| x * x)?;
            ///     on.submit(&nine, |x| x + 1)?.result()
            /// }
            /// assert_eq!(chain(&threads()), Ok(10));
            /// ```
            fn submit[A, F, T](argument: A, f: F) -> Result<Future<T>, Error>
            where [
                A: Argument,
                F: Fn(A::Value) -> T + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Send + 'static
            ] nothing captured by (f: F);

            /// Calls `f` once on the numbers that another task leaves, where they are; goes on at once.
            ///
            /// # Errors
            /// As for [`Executor::submit`].
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn sum(on: &impl Executor) -> Result<u64, cluster::Error> {
            ///     let part = on.submit(4u64, |n| (0..n).collect::<Vec<_>>())?;
            ///     on.submit_slice(&part, |v| v.iter().sum::<u64>())?.result()
            /// }
            /// assert_eq!(sum(&threads()), Ok(6));
            /// ```
            fn submit_slice[N, F, T](part: &Future<Vec<N>>, f: F) -> Result<Future<T>, Error>
            where [
                N: Numeric,
                F: for<'w> Fn(&'w [N]) -> T + Copy + Send + Sync + 'static,
                T: Serialize + DeserializeOwned + Send + 'static
            ] nothing captured by (f: F);
        }
    };
}
pub(crate) use shared;

macro_rules! declare {
    (; $($(#[$doc:meta])* fn $name:ident[$($generics:tt)*]($($argument:ident: $type:ty),*) -> $result:ty
        where [$($bounds:tt)*] nothing captured by ($($f:ident: $F:ty),*);)*) => {
        /// A place where closures run: [`Threads`] or [`Cluster`](crate::cluster::Cluster).
        ///
        /// ```
        /// use ferrolab::prelude::*;
        /// fn pi<E: Executor>(on: &E, samples: u64) -> Result<f64, cluster::Error> {
        ///     let inside = on.map_reduce(0..1000u64, |task| {
        ///         let mut rng = random::stream(task);
        ///         (0..100).filter(|_| rng.uniform().hypot(rng.uniform()) < 1.0).count() as u64
        ///     }, 0, |a, b| a + b)?;
        ///     Ok(4.0 * inside as f64 / samples as f64)
        /// }
        /// assert!((pi(&threads(), 100_000)? - 3.14).abs() < 0.1);      // or pi(&cluster, …)
        /// # Ok::<(), cluster::Error>(())
        /// ```
        ///
        /// The methods are those that both places have, with the demands of the stricter one, the cluster:
        ///
        /// - closures are functions, or capture nothing. What they need goes through
        ///   [`map_with`](Self::map_with); a closure that captures does not compile, on threads either;
        /// - tasks are a [`Source`]: integer ranges, slices, vectors, arrays, tuples of these,
        ///   [`par::chunks`](crate::par::chunks) and [`par::enumerate`](crate::par::enumerate);
        /// - tasks, parameters and results are types that serde can write and read.
        ///
        /// Where the place is known to be `threads()`, its own methods are called, which take more:
        /// closures that borrow, `par::grid`, mutable slices. Results are the same on both, reductions of
        /// floating-point numbers included: blocks depend on the number of tasks alone.
        ///
        /// A reference to an executor of either kind is a `&impl Executor`; the trait cannot be a `dyn`,
        /// since a closure's code is found through its type.
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is not a place where closures run",
            label = "not an executor",
            note = "`threads()` and a `Cluster` are; give a reference to one, as in `study(&threads())` or `study(&cluster)`"
        )]
        pub trait Executor: Clone + sealed::Sealed {
            $($(#[$doc])* fn $name<$($generics)*>(&self, $($argument: $type),*) -> $result where $($bounds)*;)*

            /// A graph of tasks that depend on tasks, at this place.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn longest(on: &impl Executor, words: &[String]) -> Result<usize, cluster::Error> {
            ///     let g = on.graph();
            ///     let lengths: Vec<_> = words.iter().map(|word| g.task(word.clone(), |word| word.len())).collect();
            ///     g.join(lengths, |lengths| lengths.iter().copied().max().unwrap_or(0)).compute()
            /// }
            /// assert_eq!(longest(&threads(), &["a".to_owned(), "bcd".to_owned()]), Ok(3));
            /// ```
            #[must_use]
            fn graph(&self) -> Graph;

            /// Arrays that are computed later, at this place.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn spread(on: &impl Executor, n: usize) -> Result<f64, cluster::Error> {
            ///     on.array().random().seed(7).normal([n]).std(0).compute()
            /// }
            /// assert!((spread(&threads(), 100_000)? - 1.0).abs() < 0.02);
            /// # Ok::<(), cluster::Error>(())
            /// ```
            #[must_use]
            fn array(&self) -> Arrays;

            /// Shows what this place does while cells run, here, in one element that changes.
            ///
            /// # Errors
            /// When it is a cluster that is gone.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// fn watch(on: &impl Executor) -> Result<(), cluster::Error> {
            ///     on.dashboard()
            /// }
            /// watch(&threads())?;
            /// # Ok::<(), cluster::Error>(())
            /// ```
            fn dashboard(&self) -> Result<(), Error>;

            /// The same place, showing no progress bar.
            #[must_use]
            fn quiet(&self) -> Self;

            /// The same place, with a name for the work in its progress bar.
            ///
            /// ```
            /// use ferrolab::prelude::*;
            /// let named = Executor::message(&threads(), "squares");
            /// assert_eq!(named.map(0..3u64, |x| x * x), Ok(vec![0, 1, 4]));
            /// ```
            #[must_use]
            fn message(&self, text: &str) -> Self;

            /// The same place, showing in its progress bar as well what each thread or worker has done.
            #[must_use]
            fn lanes(&self) -> Self;
        }
    };
}
pub(crate) use declare;
shared!(declare);

/// A place does what its own methods of the same name do. A method that is inlined vanishes from
/// what rustc says of a closure that captures, and with it the user's line.
macro_rules! forward {
    ($place:ty) => {
        $crate::executor::shared!(forward $place);
    };
    ($place:ty; $($(#[$doc:meta])* fn $name:ident[$($generics:tt)*]($($argument:ident: $type:ty),*) -> $result:ty
        where [$($bounds:tt)*] nothing captured by ($($f:ident: $F:ty),*);)*) => {
        impl $crate::executor::sealed::Sealed for $place {}
        impl Executor for $place {
            $(
                #[inline(never)]
                fn $name<$($generics)*>(&self, $($argument: $type),*) -> $result where $($bounds)* {
                    $(captures_nothing!($f: $F);)*
                    <$place>::$name(self, $($argument),*)
                }
            )*

            fn graph(&self) -> $crate::graph::Graph {
                <$place>::graph(self).anywhere()
            }

            fn array(&self) -> $crate::array::Arrays {
                <$place>::array(self)
            }

            fn dashboard(&self) -> Result<(), $crate::executor::Error> {
                <$place>::dashboard(self)
            }

            // A place's own method of the name comes before the trait's, whether it takes the place or borrows it.
            fn quiet(&self) -> Self {
                self.clone().quiet()
            }

            fn message(&self, text: &str) -> Self {
                self.clone().message(text)
            }

            fn lanes(&self) -> Self {
                self.clone().lanes()
            }
        }
    };
}
pub(crate) use forward;
forward!(Threads);

pub(crate) mod sealed {
    /// Places are this crate's, so that they can learn new methods.
    pub trait Sealed {}
}

/// Tasks that can run on threads and on a cluster, with the same items on both: a [`Source`] that
/// is also [`IntoTasks`]. Every `Source` of this crate is; there is nothing to implement.
///
/// ```
/// use ferrolab::prelude::*;
/// use ferrolab::executor::Portable;
/// fn count<'a>(tasks: &impl Portable<'a>) -> usize { tasks.tasks() }
/// assert_eq!(count(&par::chunks(&[1, 2, 3], 2)), 2);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that can run on threads and on a cluster",
    label = "not tasks that can be sent",
    note = "ranges of integers, slices, vectors, arrays, tuples of these, par::chunks and par::enumerate are, of types that serde can write (`#[derive(Serialize, Deserialize)]`)"
)]
pub trait Portable<'a>: Source + IntoTasks<Item = <<Self as Source>::Received as Received>::Item<'a>> {}
impl<'a, S> Portable<'a> for S where S: Source + IntoTasks<Item = <<S as Source>::Received as Received>::Item<'a>> {}

#[cfg(test)]
mod tests {
    use super::threads::threads;
    use super::*;
    use crate::par;

    /// Every method, with nothing known of the place.
    fn study<E: Executor>(on: &E) -> Result<(), Error> {
        let on = on.quiet().message("study");
        let words = vec!["a".to_owned(), "bcd".to_owned()];
        assert_eq!(on.map(&words, |word| word.len())?, [1, 3]);
        assert_eq!(on.map(&words[..1], |word| word.clone())?, ["a"]);
        assert_eq!(on.map((0..2u8, &[1.5, 2.5]), |(i, x)| f64::from(i) + x)?, [1.5, 3.5]);
        assert_eq!(on.map(par::chunks(&[1, 2, 3], 2), |c| c.len())?, [2, 1]);
        assert_eq!(on.map(par::enumerate(words), |(i, word)| format!("{i}{word}"))?, ["0a", "1bcd"]);
        assert_eq!(on.map_with(&vec![10, 20], 0..2usize, |table, i| table[i])?, [10, 20]);
        on.for_each(0..=3u8, |_| ())?;
        assert_eq!(on.lanes().filter_map(0..5u8, |i| (i % 2 == 1).then_some(i))?, [1, 3]);
        let part = on.submit(4u64, |n| (0..n).collect::<Vec<_>>())?;
        assert_eq!(on.submit_slice(&part, |v| v.iter().sum::<u64>())?.result()?, 6);
        assert_eq!(on.reduce([3, 9, 4], 0, |a, b| a.max(b))?, 9);
        assert_eq!(on.map_reduce(0..1000u64, |i| i * i, 0, |a, b| a + b)?, 332_833_500);
        let later = (0..3u64).map(|i| on.submit(i, |x| x + 1)).collect::<Result<Vec<_>, _>>()?;
        assert_eq!(on.submit(all(&later), |v| v.len())?.result()?, 3);
        assert_eq!(as_completed(later).filter(|(_, result)| result.is_ok()).count(), 3);
        assert_eq!(gather([on.submit(1u8, |x| x)?])?, [1]);
        Ok(())
    }

    #[test]
    fn a_function_for_any_place_runs_on_threads() {
        study(&threads()).unwrap();
    }
}
