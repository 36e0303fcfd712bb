//! The threads of this machine as a place where closures run.
//!
//! [`threads`] returns an executor with the functions of [`crate::par`], whose results come back
//! in a `Result`, as those of a cluster do: the same closure runs on either with one word changed.

pub use super::Error;
use super::future::{Argument, Future, Slot};
use crate::array::{Arrays, OnThreads};
use crate::dashboard::{self, About, OfThreads};
use crate::graph::{Graph, Here, OnPool};
use crate::par::{IntoTasks, Par, Stop};
use crate::rt;
use crate::value::Numeric;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Runs closures on the threads granted to this session.
///
/// ```
/// # fn main() -> Result<(), ferrolab::threads::Error> {
/// let here = ferrolab::threads::threads();
/// let squares = here.map(0..4u64, |x| x * x)?;
/// assert_eq!(squares, [0, 1, 4, 9]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Threads {
    par: Par,
}

/// The threads granted to this session, as a place where closures run.
///
/// ```
/// assert!(ferrolab::threads::threads().count() >= 1);
/// ```
#[must_use]
pub fn threads() -> Threads {
    Threads::default()
}

impl Threads {
    /// How many threads there are.
    #[must_use]
    pub fn count(&self) -> usize {
        rt::threads()
    }

    /// Shows no progress bar.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.par = self.par.quiet();
        self
    }

    /// Names the work in its progress bar.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.par = self.par.message(text);
        self
    }

    /// Shows in its progress bar as well what each thread has done, as small bars.
    ///
    /// ```
    /// let r = ferrolab::threads::threads().lanes().map(0..3, |i| i + 1)?;
    /// assert_eq!(r, [1, 2, 3]);
    /// # Ok::<(), ferrolab::threads::Error>(())
    /// ```
    #[must_use]
    pub fn lanes(mut self) -> Self {
        self.par = self.par.lanes();
        self
    }

    /// Calls `f` on every item in parallel; results in order.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let lengths = ferrolab::threads::threads().map(&["a", "bc"], |s| s.len());
    /// assert_eq!(lengths, Ok(vec![1, 2]));
    /// ```
    pub fn map<S: IntoTasks, T: Send>(&self, tasks: S, f: impl Fn(S::Item) -> T + Sync) -> Result<Vec<T>, Error> {
        self.par.try_map(tasks, f).map_err(error)
    }

    /// Calls `f` on every item in parallel and keeps what is `Some`, in order.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let odd = ferrolab::threads::threads().filter_map(0..5, |i| (i % 2 == 1).then_some(i));
    /// assert_eq!(odd, Ok(vec![1, 3]));
    /// ```
    pub fn filter_map<S: IntoTasks, T: Send>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> Option<T> + Sync,
    ) -> Result<Vec<T>, Error> {
        self.par.try_filter_map(tasks, f).map_err(error)
    }

    /// Calls `f` on every item in parallel, for its effect.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let mut a = [1, 2];
    /// assert_eq!(ferrolab::threads::threads().for_each(&mut a, |x| *x += 1), Ok(()));
    /// assert_eq!(a, [2, 3]);
    /// ```
    pub fn for_each<S: IntoTasks>(&self, tasks: S, f: impl Fn(S::Item) + Sync) -> Result<(), Error> {
        self.par.try_for_each(tasks, f).map_err(error)
    }

    /// Combines all items with an associative `op`, starting from `identity`.
    ///
    /// # Errors
    /// When `op` panics.
    ///
    /// ```
    /// let top = ferrolab::threads::threads().reduce(vec![3, 9, 4], 0, |a, b| a.max(b));
    /// assert_eq!(top, Ok(9));
    /// ```
    pub fn reduce<S, T>(&self, tasks: S, identity: T, op: impl Fn(T, T) -> T + Sync) -> Result<T, Error>
    where
        S: IntoTasks<Item = T>,
        T: Clone + Send + Sync,
    {
        self.map_reduce(tasks, |item| item, identity, op)
    }

    /// Maps every item with `f` and combines the results with an associative `op`.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let n = ferrolab::threads::threads().map_reduce(&["a", "bc"], |s| s.len(), 0, |a, b| a + b);
    /// assert_eq!(n, Ok(3));
    /// ```
    pub fn map_reduce<S, T>(
        &self,
        tasks: S,
        f: impl Fn(S::Item) -> T + Sync,
        identity: T,
        op: impl Fn(T, T) -> T + Sync,
    ) -> Result<T, Error>
    where
        S: IntoTasks,
        T: Clone + Send + Sync,
    {
        self.par.try_map_reduce(tasks, f, identity, op).map_err(error)
    }
}

impl Threads {
    /// Calls `f` on the parameters and every item in parallel; results in order. Here the closure
    /// could borrow them; on a cluster it cannot, and this is the form that runs on both.
    ///
    /// # Errors
    /// When a task panics.
    ///
    /// ```
    /// let table = vec![10, 20];
    /// let found = ferrolab::threads::threads().map_with(&table, 0..2usize, |table, i| table[i]);
    /// assert_eq!(found, Ok(vec![10, 20]));
    /// ```
    pub fn map_with<P: Sync, S: IntoTasks, T: Send>(
        &self,
        params: &P,
        tasks: S,
        f: impl Fn(&P, S::Item) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        self.map(tasks, |item| f(params, item))
    }

    /// Calls `f` once on another thread of the session, on a value or on what a future will be; goes
    /// on at once.
    ///
    /// # Errors
    /// Never here; a cluster may be gone. A panic is the future's.
    ///
    /// ```
    /// let later = ferrolab::threads::threads().submit(6, |x: u64| x * 7)?;
    /// assert_eq!(later.result()?, 42);
    /// # Ok::<(), ferrolab::threads::Error>(())
    /// ```
    pub fn submit<A, F, T>(&self, argument: A, f: F) -> Result<Future<T>, Error>
    where
        A: Argument,
        F: Fn(A::Value) -> T + Send + 'static,
        T: Send + 'static,
    {
        let (slot, argument) = (Slot::new(), argument.later());
        let filled = Arc::clone(&slot);
        rayon::spawn(move || {
            let called = catch_unwind(AssertUnwindSafe(|| argument().map(f)));
            filled.fill(called.unwrap_or_else(|payload| Err(panicked(&*payload))));
        });
        Ok(Future::of_slot(slot))
    }

    /// Calls `f` once on the numbers that another task leaves, on another thread of the session.
    ///
    /// # Errors
    /// Never here; a cluster may be gone. A panic is the future's.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// let part = threads().submit(4u64, |n| (0..n).collect::<Vec<_>>())?;
    /// assert_eq!(threads().submit_slice(&part, |v| v.iter().sum::<u64>())?.result()?, 6);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn submit_slice<N, F, T>(&self, part: &Future<Vec<N>>, f: F) -> Result<Future<T>, Error>
    where
        N: Numeric,
        F: for<'w> Fn(&'w [N]) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.submit(part, move |numbers: Vec<N>| f(&numbers))
    }

    /// A graph of tasks that depend on tasks, on the threads of the session. What tasks get and leave need not be
    /// what serde can write.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let (a, b) = (g.task(2, |x| x * x), g.task(3, |x| x * x));
    /// assert_eq!(g.join((&a, &b), |(a, b)| a + b).compute(), Ok(13));
    /// ```
    #[must_use]
    pub fn graph(&self) -> Graph<Here> {
        Graph::new(OnPool { par: self.par.clone() })
    }

    /// Shows what these threads do while cells run, here, in one element that changes at most four times a second: how much of the
    /// time each had a processor, memory, bytes read and written, operations. Its last frame stays in the notebook. Shown
    /// again, it goes on there.
    ///
    /// # Errors
    /// Never here; a cluster may be gone.
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// threads().dashboard()?;
    /// # Ok::<(), ferrolab::threads::Error>(())
    /// ```
    pub fn dashboard(&self) -> Result<(), Error> {
        let about = About {
            key: "threads".to_owned(),
            title: "Threads".to_owned(),
            link: None,
            memory: ["its own", "mapped files"],
        };
        dashboard::open(about, Box::new(OfThreads::new())).map_err(Error::lost)
    }

    /// Arrays that are computed on these threads; see [`mod@crate::array`].
    ///
    /// ```
    /// use ferrolab::prelude::*;
    /// assert_eq!(threads().array().arange(5.0).sum().compute()?, 10.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn array(&self) -> Arrays {
        Arrays::on(Arc::new(OnThreads { par: self.par.clone() }))
    }

    /// Does not compile: results of threads are here already, so none has to be kept where it was computed.
    ///
    /// ```compile_fail,E0277
    /// ferrolab::threads::threads().persist(0..4u64, |i| i);
    /// ```
    #[doc(hidden)]
    pub fn persist<S: OnlyOnClusters, F>(&self, _: S, _: F) {}

    /// Does not compile: there is no Python here that could read a result.
    ///
    /// ```compile_fail,E0277
    /// # let one = ferrolab::threads::threads().submit(1, |x: u8| x).unwrap();
    /// ferrolab::threads::threads().publish("one", &one);
    /// ```
    #[doc(hidden)]
    pub fn publish<T: OnlyOnClusters>(&self, _: &str, _: &Future<T>) {}
}

/// What nothing is: methods that a cluster has and threads have not are bound to it, so that rustc says why.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "threads() keeps no results for others: `persist` and `publish` are a cluster's",
    label = "on threads(), `map` returns the results, and `submit` a future for each"
)]
pub trait OnlyOnClusters {}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let message = text.or_else(|| payload.downcast_ref::<String>().cloned());
    Error::panicked(0, message.unwrap_or_else(|| "a value that is not text".to_owned()))
}

/// An interrupt is not an error to handle: it ends the cell.
fn error(stop: Stop) -> Error {
    match stop {
        Stop::Panicked { task, message } => Error::panicked(task, message),
        Stop::Interrupted => stop.resume(),
    }
}
