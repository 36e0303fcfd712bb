//! What a task is called on: one task's result, those of a list, those of several of different types. Lists are seen
//! without a copy. When tasks run is not known here.

use super::node::Node;
use super::task::Task;
use super::{Computed, Inner};
use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;
use std::sync::Arc;

/// Tasks that another one needs, in the order in which its closure sees their results.
#[derive(Default)]
pub struct Needed {
    pub(super) tasks: Vec<Arc<Node>>,
    /// How long the lists among them are, in their order.
    pub(super) lists: Vec<u32>,
}

impl Needed {
    fn add<T, P>(&mut self, task: &Task<T, P>, graph: &Arc<Inner>) {
        self.add_node(task.node(), task.graph(), graph);
    }

    #[inline(never)]
    #[track_caller]
    fn add_node(&mut self, node: &Arc<Node>, of: &Arc<Inner>, graph: &Arc<Inner>) {
        assert!(
            Arc::ptr_eq(of, graph),
            "{} belongs to another graph: make it with the graph that needs it, or give its result with `graph.value(task.compute()?)`",
            node.name()
        );
        self.tasks.push(Arc::clone(node));
    }

    fn add_list<T, P>(&mut self, list: &[Task<T, P>], graph: &Arc<Inner>) {
        self.lists.push(u32::try_from(list.len()).expect("fewer than 4 billion tasks"));
        self.tasks.reserve(list.len());
        list.iter().for_each(|task| self.add(task, graph));
    }
}

/// Where the results are that a task is called on.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'w> {
    pub(crate) at: &'w [*const ()],
    /// How long the lists among them are.
    pub(crate) lists: &'w [u32],
}

impl<'w> Inputs<'w> {
    #[inline]
    fn one(&mut self) -> *const () {
        let (first, rest) = self.at.split_first().expect("as many results as tasks that are needed");
        self.at = rest;
        *first
    }

    #[inline(never)]
    fn list(&mut self) -> &'w [*const ()] {
        let (length, lists) = self.lists.split_first().expect("as many lengths as lists");
        let (list, rest) = self.at.split_at(*length as usize);
        (self.at, self.lists) = (rest, lists);
        list
    }
}

/// What [`Graph::join`](super::Graph::join) joins: a task, a list of tasks of one type, or a tuple of up to six of these.
///
/// | joined | what the closure sees |
/// |---|---|
/// | `&Task<T>`, `Task<T>` | `&T` |
/// | `Vec<Task<T>>`, `&[Task<T>]`, arrays and references to them | [`Results<T>`](Results) |
/// | `(&a, &b, &list)` | a tuple of what each is |
///
/// ```
/// use ferrolab::prelude::*;
/// let g = threads().graph();
/// let squares: Vec<_> = (1..4u64).map(|i| g.task(i, |i| i * i)).collect();
/// let scale = g.value(0.5);
/// let sum = g.join((&squares, &scale), |(squares, scale)| squares.iter().sum::<u64>() as f64 * scale);
/// assert_eq!(sum.compute()?, 7.0);
/// # Ok::<(), ferrolab::executor::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not something that a task can depend on",
    label = "not tasks of this graph",
    note = "tasks, lists of tasks of one type, and tuples of up to six of these are; a plain value becomes one with `graph.value(value)`"
)]
pub trait Dependencies<P> {
    /// What the closure sees of their results.
    type Values<'w>;
    #[doc(hidden)]
    fn add(&self, graph: &Arc<Inner>, into: &mut Needed);
    /// # Safety
    /// The inputs are results of the tasks that `add` gave, alive for `'w`.
    #[doc(hidden)]
    unsafe fn see<'w>(from: &mut Inputs<'w>) -> Self::Values<'w>;
}

/// What can be computed at once: as [`Dependencies`], of types that can be cloned.
///
/// ```
/// use ferrolab::prelude::*;
/// let g = threads().graph();
/// let (a, b) = (g.task(6u64, |x| x * 7), g.task("six", str::len));
/// assert_eq!(g.compute((&a, &b))?, (42, 3));
/// assert_eq!(g.compute(vec![a.clone(), a])?, [42, 42]);
/// # Ok::<(), ferrolab::executor::Error>(())
/// ```
pub trait Wanted<P>: Dependencies<P> {
    /// Their results.
    type Results;
    #[doc(hidden)]
    fn copy(&self, from: &mut Computed<'_>) -> Self::Results;
}

/// Results of a list of tasks, seen where they are.
///
/// ```
/// use ferrolab::prelude::*;
/// let g = threads().graph();
/// let words = ["a", "bcd"].map(|word| g.value(word.to_owned()));
/// let all = g.join(&words, |words| (words.len(), words[1].clone(), words.iter().map(|w| w.len()).max()));
/// assert_eq!(all.compute()?, (2, "bcd".to_owned(), Some(3)));
/// # Ok::<(), ferrolab::executor::Error>(())
/// ```
pub struct Results<'w, T> {
    at: &'w [*const ()],
    types: PhantomData<&'w T>,
}

impl<T> Clone for Results<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Results<'_, T> {}

// SAFETY: it is a list of `&T`.
unsafe impl<T: Sync> Send for Results<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for Results<'_, T> {}

impl<'w, T> Results<'w, T> {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Was the list empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// The result of the n-th task.
    #[must_use]
    pub fn get(&self, n: usize) -> Option<&'w T> {
        // SAFETY: by the promise of `Dependencies::see`, these are addresses of `T`s that live for 'w.
        self.at.get(n).map(|at| unsafe { &*at.cast::<T>() })
    }

    /// Goes through them in the order of the tasks.
    pub fn iter(&self) -> Iter<'w, T> {
        Iter { at: self.at.iter(), types: PhantomData }
    }

    /// Copies of them.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T>
    where
        T: Clone,
    {
        self.iter().cloned().collect()
    }
}

impl<T> Index<usize> for Results<'_, T> {
    type Output = T;

    #[track_caller]
    fn index(&self, n: usize) -> &T {
        self.get(n).unwrap_or_else(|| panic!("result {n} of a list of {} tasks", self.len()))
    }
}

impl<T: fmt::Debug> fmt::Debug for Results<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The iterator of [`Results`].
#[derive(Debug)]
pub struct Iter<'w, T> {
    at: std::slice::Iter<'w, *const ()>,
    types: PhantomData<&'w T>,
}

// SAFETY: it is an iterator of `&T`.
unsafe impl<T: Sync> Send for Iter<'_, T> {}

impl<'w, T> Iterator for Iter<'w, T> {
    type Item = &'w T;

    #[inline]
    fn next(&mut self) -> Option<&'w T> {
        // SAFETY: as for `Results::get`.
        self.at.next().map(|at| unsafe { &*at.cast::<T>() })
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.at.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        // SAFETY: as for `Results::get`.
        self.at.next_back().map(|at| unsafe { &*at.cast::<T>() })
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<'w, T> IntoIterator for Results<'w, T> {
    type Item = &'w T;
    type IntoIter = Iter<'w, T>;
    fn into_iter(self) -> Iter<'w, T> {
        self.iter()
    }
}

impl<'w, T> IntoIterator for &Results<'w, T> {
    type Item = &'w T;
    type IntoIter = Iter<'w, T>;
    fn into_iter(self) -> Iter<'w, T> {
        self.iter()
    }
}

macro_rules! single {
    ($($task:ty),*) => {$(
        impl<T: 'static, P> Dependencies<P> for $task {
            type Values<'w> = &'w T;
            fn add(&self, graph: &Arc<Inner>, into: &mut Needed) {
                into.add(self, graph);
            }
            unsafe fn see<'w>(from: &mut Inputs<'w>) -> &'w T {
                // SAFETY: the caller's promise.
                unsafe { &*from.one().cast::<T>() }
            }
        }
        impl<T: Clone + 'static, P> Wanted<P> for $task {
            type Results = T;
            fn copy(&self, from: &mut Computed<'_>) -> T {
                // SAFETY: results come in the order of the tasks.
                unsafe { from.next::<T>() }
            }
        }
    )*};
}
single!(Task<T, P>, &Task<T, P>);

macro_rules! lists {
    ($([$($g:tt)*] $list:ty;)*) => {$(
        impl<T: 'static, P, $($g)*> Dependencies<P> for $list {
            type Values<'w> = Results<'w, T>;
            fn add(&self, graph: &Arc<Inner>, into: &mut Needed) {
                into.add_list(&self[..], graph);
            }
            unsafe fn see<'w>(from: &mut Inputs<'w>) -> Results<'w, T> {
                Results { at: from.list(), types: PhantomData }
            }
        }
        impl<T: Clone + 'static, P, $($g)*> Wanted<P> for $list {
            type Results = Vec<T>;
            fn copy(&self, from: &mut Computed<'_>) -> Vec<T> {
                // SAFETY: results come in the order of the tasks.
                (0..self.len()).map(|_| unsafe { from.next::<T>() }).collect()
            }
        }
    )*};
}
lists! {
    [] Vec<Task<T, P>>;
    [] &Vec<Task<T, P>>;
    [] &[Task<T, P>];
    [const N: usize] [Task<T, P>; N];
    [const N: usize] &[Task<T, P>; N];
}

macro_rules! tuples {
    ($(($($name:ident $at:tt)+))*) => {$(
        impl<P, $($name: Dependencies<P>),+> Dependencies<P> for ($($name,)+) {
            type Values<'w> = ($($name::Values<'w>,)+);
            fn add(&self, graph: &Arc<Inner>, into: &mut Needed) {
                $(self.$at.add(graph, into);)+
            }
            unsafe fn see<'w>(from: &mut Inputs<'w>) -> Self::Values<'w> {
                // SAFETY: the caller's promise, for each in its turn.
                unsafe { ($($name::see(from),)+) }
            }
        }
        impl<P, $($name: Wanted<P>),+> Wanted<P> for ($($name,)+) {
            type Results = ($($name::Results,)+);
            fn copy(&self, from: &mut Computed<'_>) -> Self::Results {
                ($(self.$at.copy(from),)+)
            }
        }
    )*};
}
tuples! {
    (A 0 B 1)
    (A 0 B 1 C 2)
    (A 0 B 1 C 2 D 3)
    (A 0 B 1 C 2 D 3 E 4)
    (A 0 B 1 C 2 D 3 E 4 G 5)
}
