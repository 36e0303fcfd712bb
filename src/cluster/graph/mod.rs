//! Graphs on a cluster: chains and small tasks as programs, which go to Dask as tasks with dependencies. Results stay on the
//! workers; what is computed is fetched.

mod batches;
mod program;
mod run;
mod worker;

use super::Cluster;
use super::bridge::{Link, unexpected};
use super::open::{Inner, when_the_cell_succeeds};
use super::protocol::{Answer, Request};
use crate::executor::Error;
use crate::graph::node::{Node, Value, address};
use crate::graph::plan::Plan;
use crate::graph::{Graph, Left, Place, Watch};
use crate::progress::Outcome;
use crate::rt;
use crate::value::numbers::Number;
use run::Run;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// A cluster, as a place for graphs.
struct OnCluster {
    cluster: Cluster,
}

/// What a program left on the workers, until nobody needs it.
struct Kept {
    cluster: Arc<Inner>,
    key: String,
    number: u32,
    run: Arc<Freed>,
}

/// Programs of one computation whose results nobody needs any more; none once it has ended.
type Freed = Mutex<Option<Vec<u32>>>;

impl Drop for Kept {
    fn drop(&mut self) {
        let mut freed = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *freed {
            // What this cell made, no snapshot has: it can go at once.
            Some(freed) => freed.push(self.number),
            None => when_the_cell_succeeds(Request::Release {
                cluster: self.cluster.id.clone(),
                keys: vec![self.key.clone()],
                cancel: false,
            }),
        }
    }
}

/// A task's result on the workers, as its node has it.
struct Part {
    kept: Arc<Kept>,
    /// Which of the values that are there.
    slot: u32,
}

impl Part {
    fn value(kept: &Arc<Kept>, slot: u32) -> Value {
        Box::new(Self { kept: Arc::clone(kept), slot })
    }

    /// Where a done task's result is; none of a value that a graph was given.
    fn of(node: &Node) -> Option<&Self> {
        // SAFETY: callers have the graph's lock, and a handle of the task or of one that needs it.
        unsafe { node.value() }?.downcast_ref()
    }
}

impl Cluster {
    /// A graph of tasks that depend on tasks, on the cluster. Results stay on the workers; what is computed is
    /// fetched. Tasks without a result are sent as few tasks of Dask's: chains as one, and small ones together, as far
    /// as their cost is known from calls before.
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(2)?;
    /// let g = cluster.graph();
    /// let parts: Vec<_> = (0..8u64).map(|i| g.task(i, |i| (0..i * 1000).sum::<u64>())).collect();
    /// let total = g.join(parts, |parts| parts.iter().sum::<u64>());
    /// assert_eq!(total.compute()?, 69_986_000);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[must_use]
    pub fn graph(&self) -> Graph {
        Graph::new(OnCluster { cluster: self.clone() })
    }
}

impl Place for OnCluster {
    fn run(&self, plan: &Plan<'_>, wanted: &[Arc<Node>]) -> Result<(), Error> {
        let appearance = &self.cluster.appearance;
        let shown = (!appearance.quiet).then(|| appearance.message.clone());
        let watch = Watch::new(plan, wanted, shown);
        let mut run = Run::open(&self.cluster.inner, plan, wanted, &watch, &appearance.message)?;
        let ran = catch_unwind(AssertUnwindSafe(|| run.go()));
        run.leave();
        match ran {
            Ok(Ok(())) => watch.finish(Outcome::Done),
            Ok(Err(error)) => {
                watch.finish(Outcome::Failed);
                return Err(error);
            }
            Err(payload) => {
                watch.finish(if rt::interrupted() { Outcome::Interrupted } else { Outcome::Failed });
                resume_unwind(payload);
            }
        }
        Ok(())
    }

    fn fetch(&self, wanted: &[Arc<Node>]) -> Result<Vec<Left>, Error> {
        let parts = wanted.iter().filter_map(|task| Part::of(task));
        let parts: Vec<(String, u32)> = parts.map(|part| (part.kept.key.clone(), part.slot)).collect();
        let (told, bytes) = if parts.is_empty() { (Vec::new(), None) } else { self.gather(parts)? };
        let mut told = told.into_iter();
        let mut rest = bytes.as_deref().unwrap_or_default();
        let mut left = Vec::with_capacity(wanted.len());
        for task in wanted {
            if task.is_value() {
                // SAFETY: the caller has a handle of it.
                left.extend(unsafe { task.value() }.map(|value| Left::Here(address(value))));
                continue;
            }
            let next = told.next().and_then(|(size, array)| Some((rest.split_at_checked(size)?, array)));
            let Some(((mine, more), array)) = next else {
                return Err(Error::lost(format!("{} has no result: compute it again", task.name())));
            };
            rest = more;
            left.push(Left::Fetched(read(task, mine, array.as_deref())?));
        }
        Ok(left)
    }
}

impl OnCluster {
    #[expect(clippy::type_complexity, reason = "what the answer is made of, taken apart once")]
    fn gather(
        &self,
        parts: Vec<(String, u32)>,
    ) -> Result<(Vec<(usize, Option<String>)>, Option<super::bytes::Bytes>), Error> {
        let request = Request::Gather { cluster: self.cluster.id(), parts };
        match Link::open()?.request(&request, &[], &mut |_| ())? {
            (Answer::Values { values }, bytes) => Ok((values, Some(bytes))),
            (other, _) => Err(unexpected(&other)),
        }
    }
}

fn read(task: &Node, bytes: &[u8], array: Option<&str>) -> Result<Value, Error> {
    let Some(codec) = task.kind.result else { return Err(Error::unsendable("a task of threads was on a cluster")) };
    let unreadable = |why: &str| Error::unsendable(format!("the result of {} cannot be read: {why}", task.name()));
    match array.map(Number::from_numpy) {
        Some(Some(number)) => (codec.from_array)(number, bytes).ok_or_else(|| unreadable("an array of other numbers")),
        Some(None) => Err(unreadable("an array of other numbers")),
        None => (codec.read)(bytes).map_err(|e| unreadable(&e.to_string())),
    }
}
