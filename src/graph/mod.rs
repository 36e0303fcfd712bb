//! Tasks that depend on tasks, of any shape: `on.graph()` makes a graph, where `on` is `threads()` or a cluster; its tasks
//! run when one of them is computed.
//!
//! - [`Graph`] makes tasks, [`Task`] is a handle of one, [`Dependencies`] is what a task can be called on;
//! - a task without its types is in `node`, how values travel in `codec`;
//! - what is to be run is in `plan`, who runs it is a `Place`: `pool`, the threads of this process, or a cluster, which is not known here;
//! - `draw` makes drawings, `live` keeps one up to date while tasks run.
//!
//! Loops over many equal calls are not here: [`crate::par`] and [`Executor::map`](crate::executor::Executor::map) run those at a fraction of the cost.

mod arguments;
pub(crate) mod codec;
mod draw;
mod kept;
mod live;
pub(crate) mod node;
pub(crate) mod plan;
mod pool;
mod task;
#[cfg(test)]
mod tests;

pub use arguments::{Dependencies, Iter, Results, Wanted};
pub(crate) use kept::kept_results;
pub(crate) use live::Watch;
pub(crate) use pool::{OnPool, failed};
pub use task::Task;

use crate::closure::conjure;
use crate::display::{Content, Display, text};
use crate::error::Error;
pub(crate) use arguments::Inputs;
use arguments::Needed;
use codec::{Codec, unbox};
use node::{Kind, Needs, Node, Value};
use plan::Plan;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

/// As for other closures, with advice of a graph's.
macro_rules! captures_nothing {
    ($f:ident: $F:ty) => {
        $crate::closure::captures_nothing!(
            $f: $F,
            "a closure for the cluster, or for a graph, cannot use variables of the notebook, nor of a function around it: give them to the graph with `graph.value(value)`, and join: `graph.join((&task, &value), |(task, value)| …)`"
        )
    };
}
use captures_nothing;

/// The threads of this process: values need not be written.
#[derive(Debug, Clone, Copy)]
pub struct Here;

/// Any place, also one that values are sent to: serde must write and read them.
#[derive(Debug, Clone, Copy)]
pub struct Anywhere;

/// Values of this type can be arguments and results of tasks at this place.
#[diagnostic::on_unimplemented(
    message = "tasks of this graph cannot have or leave a `{T}`",
    note = "on threads, values are `Send + Sync`; on a cluster serde must write and read them, too: `#[derive(Serialize, Deserialize)]`"
)]
pub trait Carries<T>: sealed::Sealed {
    #[doc(hidden)]
    const CODEC: Option<&'static Codec>;
    #[doc(hidden)]
    fn boxed(value: T) -> Value;
}
impl<T: Send + Sync + 'static> Carries<T> for Here {
    const CODEC: Option<&'static Codec> = None;
    fn boxed(value: T) -> Value {
        Box::new(value)
    }
}
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Carries<T> for Anywhere {
    const CODEC: Option<&'static Codec> = Some(&Codec::of::<T>());
    fn boxed(value: T) -> Value {
        Box::new(value)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Here {}
    impl Sealed for super::Anywhere {}
}

/// Who runs the tasks of a graph.
pub(crate) trait Place: Send + Sync {
    /// Runs all of a plan. What was finished is in the tasks afterwards, whatever comes of it. It unwinds when the user
    /// interrupts.
    fn run(&self, plan: &Plan<'_>, wanted: &[Arc<Node>]) -> Result<(), Error>;
    /// The results of tasks that are done, for a caller that has handles of them and the graph's lock.
    fn fetch(&self, wanted: &[Arc<Node>]) -> Result<Vec<Left>, Error>;
}

/// A result, for its reader.
pub(crate) enum Left {
    /// It stays where it is.
    Here(*const ()),
    Fetched(Value),
}

/// What a graph is, without its place's type.
pub struct Inner {
    place: Box<dyn Place>,
    made: AtomicU32,
    /// The cell that made it, by its number in this process.
    cell: u32,
    /// Held while tasks of it run, and while results are read.
    running: Mutex<()>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} tasks made)", self.made.load(Ordering::Relaxed))
    }
}

/// Results in the order in which they were wanted, while nobody else changes them.
pub struct Computed<'g> {
    left: std::vec::IntoIter<Left>,
    _running: MutexGuard<'g, ()>,
}

impl Computed<'_> {
    /// A copy of the next result.
    ///
    /// # Safety
    /// It is a `T`.
    unsafe fn next<T: Clone>(&mut self) -> T {
        match self.left.next().expect("as many results as tasks that were wanted") {
            // SAFETY: by the caller's promise it is a T; it stays, since the lock is held and the caller has a handle.
            Left::Here(at) => unsafe { &*at.cast::<T>() }.clone(),
            // SAFETY: by the caller's promise it is a T.
            Left::Fetched(value) => *unsafe { unbox::<T>(value) },
        }
    }
}

impl Inner {
    fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> Result<MutexGuard<'_, ()>, Error> {
        match self.running.try_lock() {
            Ok(lock) => Ok(lock),
            // An interrupt unwound: what is done is whole, and the rest is to be run.
            Err(TryLockError::Poisoned(lock)) => Ok(lock.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Error::refused(
                "this graph is being computed already: wait for that, or compute its tasks together, as in `graph.compute((&a, &b))`",
            )),
        }
    }

    #[inline(never)]
    fn compute(&self, wanted: &[Arc<Node>], fetch: bool) -> Result<Computed<'_>, Error> {
        let running = self.lock()?;
        let plan = Plan::new(wanted, false);
        if plan.len() > 0 {
            let kept = kept::Kept::watch(&plan, self.cell);
            self.place.run(&plan, wanted)?;
            kept.all_is_well();
        }
        let left = if fetch { self.place.fetch(wanted)? } else { Vec::new() };
        Ok(Computed { left: left.into_iter(), _running: running })
    }

    fn forget(&self, task: &Node) -> Result<(), Error> {
        let _running = self.lock()?;
        drop(task.take(node::State::Waiting));
        Ok(())
    }
}

/// A graph of tasks at one place: `threads().graph()`, `cluster.graph()`.
///
/// Tasks are made first, which runs nothing, and computed then; those that do not depend on each other run at the same
/// time. Closures are functions, or capture nothing: what they need comes from other tasks and from values that the graph was
/// given, so that the same text runs on threads and on a cluster.
///
/// ```
/// use ferrolab::prelude::*;
/// let texts = ["a rose", "is a rose"].map(str::to_owned);
/// let g = threads().graph();
/// let counts: Vec<_> = texts.iter().map(|text| g.task(text.clone(), |text| text.split(' ').count())).collect();
/// let total = g.join(counts, |counts| counts.iter().sum::<usize>());
/// assert_eq!(total.compute()?, 5);
/// # Ok::<(), ferrolab::executor::Error>(())
/// ```
///
/// `Graph<Here>` is one of threads, `Graph` one of a cluster, or of a place that is not known (`&impl Executor`): there,
/// serde must write and read what tasks get and leave.
pub struct Graph<P = Anywhere> {
    inner: Arc<Inner>,
    place: PhantomData<fn() -> P>,
}

impl<P> Clone for Graph<P> {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.inner))
    }
}

impl<P> Graph<P> {
    fn of(inner: Arc<Inner>) -> Self {
        Self { inner, place: PhantomData }
    }

    /// A graph without tasks.
    pub(crate) fn new(place: impl Place + 'static) -> Self {
        let cell = crate::rt::cell::count();
        let (place, made, running) = (Box::new(place), AtomicU32::new(0), Mutex::new(()));
        Self::of(Arc::new(Inner { place, made, cell, running }))
    }

    /// The same graph, with the demands of any place.
    pub(crate) fn anywhere(self) -> Graph {
        Graph::of(self.inner)
    }

    /// A task that is called on a value.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let line = g.task("1,2,3".to_owned(), |line| line.split(',').count());
    /// assert_eq!(line.compute()?, 3);
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    #[track_caller]
    pub fn task<A, F, T>(&self, argument: A, f: F) -> Task<T, P>
    where
        F: Fn(A) -> T + Copy + Send + Sync + 'static,
        A: Clone,
        P: Carries<A> + Carries<T>,
    {
        captures_nothing!(f: F);
        /// # Safety
        /// The input is an `A`.
        unsafe fn call<P: Carries<T>, A: Clone, F: Fn(A) -> T + Copy + 'static, T>(inputs: Inputs<'_>) -> Value {
            // A clone, because the task may run again: it may fail, or its result be forgotten.
            // SAFETY: the caller's promise.
            P::boxed(conjure::<F>()(unsafe { &*inputs.at[0].cast::<A>() }.clone()))
        }
        fn kind<P: Carries<A> + Carries<T>, A: Clone, F: Fn(A) -> T + Copy + 'static, T>() -> &'static Kind {
            const {
                &Kind {
                    call: Some(call::<P, A, F, T>),
                    name: type_name::<F>,
                    result: <P as Carries<T>>::CODEC,
                    argument: <P as Carries<A>>::CODEC,
                    here: kind::<P, A, F, T>,
                }
            }
        }
        let kind = kind::<P, A, F, T>();
        Task::new(&self.inner, kind, Needs::Value(<P as Carries<A>>::boxed(argument)), Location::caller())
    }

    /// A task that is called on what others leave: lists of tasks, and tuples of tasks and lists (see [`Dependencies`]).
    ///
    /// # Panics
    /// When a task belongs to another graph.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let (name, age) = (g.task((), |()| "Ada".to_owned()), g.value(36));
    /// let both = g.join((&name, &age), |(name, age)| format!("{name}, {age}"));
    /// assert_eq!(both.compute()?, "Ada, 36");
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    #[track_caller]
    pub fn join<D, F, T>(&self, tasks: D, f: F) -> Task<T, P>
    where
        D: Dependencies<P>,
        F: for<'w> Fn(D::Values<'w>) -> T + Copy + Send + Sync + 'static,
        P: Carries<T>,
    {
        captures_nothing!(f: F);
        /// # Safety
        /// The inputs are those of `D`.
        unsafe fn call<P: Carries<T>, D: Dependencies<P>, F, T>(mut inputs: Inputs<'_>) -> Value
        where
            F: for<'w> Fn(D::Values<'w>) -> T + Copy + 'static,
        {
            // SAFETY: the caller's promise.
            P::boxed(conjure::<F>()(unsafe { D::see(&mut inputs) }))
        }
        fn kind<P: Carries<T>, D: Dependencies<P>, F, T>() -> &'static Kind
        where
            F: for<'w> Fn(D::Values<'w>) -> T + Copy + 'static,
        {
            const {
                &Kind {
                    call: Some(call::<P, D, F, T>),
                    name: type_name::<F>,
                    result: <P as Carries<T>>::CODEC,
                    argument: None,
                    here: kind::<P, D, F, T>,
                }
            }
        }
        let kind = kind::<P, D, F, T>();
        let mut needed = Needed::default();
        tasks.add(&self.inner, &mut needed);
        Task::new(&self.inner, kind, Needs::Many(Box::new(needed)), Location::caller())
    }

    /// A value for tasks, as if one had left it: it is sent to a cluster once, however many tasks need it.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let table = g.value(vec![1.5, 2.5]);
    /// let looked = g.join((&g.task(1, |i| i), &table), |(i, table)| table[*i as usize]);
    /// assert_eq!(looked.compute()?, 2.5);
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    #[track_caller]
    pub fn value<T>(&self, value: T) -> Task<T, P>
    where
        P: Carries<T>,
    {
        fn kind<P: Carries<T>, T>() -> &'static Kind {
            const { &task::value_kind(type_name::<T>, <P as Carries<T>>::CODEC, kind::<P, T>) }
        }
        Task::new(&self.inner, kind::<P, T>(), Needs::Value(P::boxed(value)), Location::caller())
    }

    fn nodes(&self, wanted: &impl Dependencies<P>) -> Vec<Arc<Node>> {
        let mut needed = Needed::default();
        wanted.add(&self.inner, &mut needed);
        needed.tasks
    }

    /// Runs several tasks at once, and what they need, each once: copies of their results.
    ///
    /// # Errors
    /// As for [`Task::compute`].
    ///
    /// # Panics
    /// When the user interrupts, or a task belongs to another graph.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let data = g.task(10u64, |n| (0..n).collect::<Vec<_>>());
    /// let (least, most) = (data.then(|v| v.iter().min().copied()), data.then(|v| v.iter().max().copied()));
    /// assert_eq!(g.compute((&least, &most))?, (Some(0), Some(9)));
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    pub fn compute<W: Wanted<P>>(&self, wanted: W) -> Result<W::Results, Error> {
        let nodes = self.nodes(&wanted);
        let mut computed = self.inner.compute(&nodes, true)?;
        Ok(wanted.copy(&mut computed))
    }

    /// Runs several tasks at once and leaves the results where they are, as [`Task::persist`] does.
    ///
    /// # Errors
    /// As for [`Task::compute`].
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let parts: Vec<_> = (0..3u64).map(|i| g.task(i, |i| vec![i; 1000])).collect();
    /// g.persist(&parts)?;
    /// assert!(parts.iter().all(|part| part.is_done()));
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    pub fn persist(&self, wanted: impl Dependencies<P>) -> Result<(), Error> {
        self.inner.compute(&self.nodes(&wanted), false).map(drop)
    }

    /// Shows several tasks and all that they need, as [`Task::visualize`] does.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let (a, b) = (g.task(1, |x| x), g.task(2, |x| x));
    /// g.visualize((&a, &b));
    /// ```
    pub fn visualize(&self, wanted: impl Dependencies<P>) {
        self.drawing(wanted).show();
    }

    /// What [`visualize`](Self::visualize) shows.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// assert!(g.drawing(&g.task(1, |x| x).named("one")).get("text/plain").is_some());
    /// ```
    #[must_use]
    pub fn drawing(&self, wanted: impl Dependencies<P>) -> Content {
        let nodes = self.nodes(&wanted);
        // A plan that runs has marked its tasks.
        let Ok(_running) = self.inner.lock() else { return text("a graph that is being computed now") };
        draw::drawing(&nodes)
    }
}

impl<P> fmt::Debug for Graph<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.inner, f)
    }
}
