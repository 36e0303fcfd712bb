//! A task as cells have it: a handle with the type of its result. What it does with tasks is its graph's business.

use super::arguments::Inputs;
use super::codec::Codec;
use super::node::{Kind, Needs, Node, Value};
use super::{Anywhere, Carries, Graph, Inner, captures_nothing};
use crate::closure::conjure;
use crate::display::Content;
use crate::error::Error;
use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// A task of a [`Graph`], whose result is a `T`. Making one runs nothing: [`compute`](Self::compute) does.
///
/// Clones are handles of the same task. A result is kept for as long as a handle is there, or a task that needs it and
/// did not run; tasks stay from cell to cell as other variables do.
///
/// ```
/// use ferrolab::prelude::*;
/// let g = threads().graph();
/// let words = g.task("to be or not to be".to_owned(), |text| text.split(' ').map(str::to_owned).collect::<Vec<_>>());
/// let longest = words.then(|words| words.iter().map(|word| word.len()).max());
/// assert_eq!(longest.compute()?, Some(3));
/// # Ok::<(), ferrolab::executor::Error>(())
/// ```
pub struct Task<T, P = Anywhere> {
    node: Arc<Node>,
    graph: Arc<Inner>,
    types: PhantomData<fn() -> (T, P)>,
}

impl<T, P> Clone for Task<T, P> {
    fn clone(&self) -> Self {
        self.node.add_user();
        Self { node: Arc::clone(&self.node), graph: Arc::clone(&self.graph), types: PhantomData }
    }
}

impl<T, P> Drop for Task<T, P> {
    fn drop(&mut self) {
        self.node.lose_user();
    }
}

impl<T, P> Task<T, P> {
    /// A handle of a task that was made for it.
    #[inline(never)]
    pub(super) fn new(
        graph: &Arc<Inner>,
        kind: &'static Kind,
        needs: Needs,
        place: &'static Location<'static>,
    ) -> Self {
        let node = Node::new(kind, needs, graph.number(), place);
        Self { node, graph: Arc::clone(graph), types: PhantomData }
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.node
    }

    pub(super) fn graph(&self) -> &Arc<Inner> {
        &self.graph
    }

    fn as_graph(&self) -> Graph<P> {
        Graph::of(Arc::clone(&self.graph))
    }

    /// Names the task, in errors and drawings. Without a name it has that of its function, or of its line.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let failed = g.task(3, |n: i32| assert!(n < 3, "{n} is too much")).named("check").compute();
    /// assert!(failed.unwrap_err().to_string().starts_with("task `check` of "));
    /// ```
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.node.say(|said| said.name = Some(name.into()));
        self
    }

    /// Tries again up to `n` times when the task panics. On a cluster, Dask runs what a lost worker had again
    /// anyway; this is for work that fails now and then.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU32, Ordering};
    /// static TRIES: AtomicU32 = AtomicU32::new(0);
    /// let g = ferrolab::threads::threads().graph();
    /// let third = g.task((), |()| match TRIES.fetch_add(1, Ordering::Relaxed) {
    ///     n @ 0..2 => panic!("try {n}"),
    ///     n => n,
    /// });
    /// assert_eq!(third.retries(2).compute()?, 2);
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    #[must_use]
    pub fn retries(self, n: u32) -> Self {
        self.node.say(|said| said.retries = n);
        self
    }

    /// A task that is called on this one's result, where that is.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let (six, twice) = (g.task(6, |x| x), |x: &i32| x * 2);
    /// assert_eq!(six.then(twice).then(|x| x + 1).compute()?, 13);
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    ///
    /// What the closure needs beside that comes by [`Graph::join`]; one that captures does not compile:
    ///
    /// ```compile_fail,E0080
    /// let (g, offset) = (ferrolab::threads::threads().graph(), 10);
    /// g.task(6, |x| x).then(move |x: &i32| x + offset);
    /// ```
    #[track_caller]
    pub fn then<F, U>(&self, f: F) -> Task<U, P>
    where
        F: for<'w> Fn(&'w T) -> U + Copy + Send + Sync + 'static,
        P: Carries<U>,
    {
        captures_nothing!(f: F);
        /// # Safety
        /// The input is a `T`.
        unsafe fn call<P: Carries<U>, T, F: Fn(&T) -> U + Copy + 'static, U>(inputs: Inputs<'_>) -> Value {
            // SAFETY: the caller's promise.
            P::boxed(conjure::<F>()(unsafe { &*inputs.at[0].cast::<T>() }))
        }
        fn kind<P: Carries<U>, T, F: Fn(&T) -> U + Copy + 'static, U>() -> &'static Kind {
            const {
                &Kind {
                    call: Some(call::<P, T, F, U>),
                    name: type_name::<F>,
                    result: <P as Carries<U>>::CODEC,
                    argument: None,
                    here: kind::<P, T, F, U>,
                }
            }
        }
        let kind = kind::<P, T, F, U>();
        Task::new(&self.graph, kind, Needs::One(Arc::clone(&self.node)), Location::caller())
    }

    /// Runs the task, and before it all that it needs and that has no result yet; a copy of its result.
    ///
    /// What has run is not run again: results are kept for as long as something needs them, also when another task
    /// fails or the user interrupts.
    ///
    /// # Errors
    /// When a task panics, which the error names; those that run then are finished and kept, and no other is begun. When
    /// the graph is being computed already, by another thread. On a cluster as [`Cluster::map`](crate::cluster::Cluster::map) says.
    ///
    /// # Panics
    /// When the user interrupts.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let n = g.task(20u64, |n| (1..=n).product::<u64>());
    /// assert_eq!(n.compute()?, 2_432_902_008_176_640_000);
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    pub fn compute(&self) -> Result<T, Error>
    where
        T: Clone + 'static,
    {
        self.as_graph().compute(self)
    }

    /// Runs the task as [`compute`](Self::compute) does, and leaves the result where it is: for what cannot be cloned, and on a
    /// cluster for what is large.
    ///
    /// # Errors
    /// As for [`compute`](Self::compute).
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let table = g.task(1000u64, |n| (0..n).map(|i| i * i).collect::<Vec<_>>());
    /// table.persist()?;
    /// assert!(table.is_done());
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    pub fn persist(&self) -> Result<(), Error>
    where
        T: 'static,
    {
        self.as_graph().persist(self)
    }

    /// Has it a result that is kept?
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.node.is_done()
    }

    /// Forgets the result: memory is freed, and the next [`compute`](Self::compute) runs the task again.
    ///
    /// # Errors
    /// When the graph is being computed now.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let one = g.task(1, |x| x);
    /// one.persist()?;
    /// one.forget()?;
    /// assert!(!one.is_done());
    /// # Ok::<(), ferrolab::executor::Error>(())
    /// ```
    pub fn forget(&self) -> Result<(), Error> {
        self.graph.forget(&self.node)
    }

    /// Shows the task and all that it needs: as they were written, and, where chains of them are run as one, how they
    /// run. Of more than 200 tasks it shows how many there are of each kind.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// g.task(1, |x| x).named("load").then(|x| x + 1).named("clean").visualize();
    /// ```
    pub fn visualize(&self)
    where
        T: 'static,
    {
        self.as_graph().visualize(self);
    }

    /// What [`visualize`](Self::visualize) shows.
    ///
    /// ```
    /// let g = ferrolab::threads::threads().graph();
    /// let drawing = g.task(1, |x| x).named("load").then(|x| x + 1).named("clean").drawing();
    /// assert!(drawing.get("text/html").is_some_and(|html| String::from_utf8_lossy(html).contains("load")));
    /// ```
    #[must_use]
    pub fn drawing(&self) -> Content
    where
        T: 'static,
    {
        self.as_graph().drawing(self)
    }
}

impl<T, P> fmt::Debug for Task<T, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({}, {})", self.node.label(), format!("{:?}", self.node.state()).to_lowercase())
    }
}

/// Codecs of one place's types, as the kind of a value has them.
pub(super) const fn value_kind(
    name: fn() -> &'static str,
    codec: Option<&'static Codec>,
    here: fn() -> &'static Kind,
) -> Kind {
    Kind { call: None, name, result: codec, argument: codec, here }
}
