//! The same closures on a cluster: `cluster.map(0..1000u64, |s| simulate(s))` runs on a Dask cluster
//! what `threads().map(…)` runs here.
//!
//! A [`Cluster`] is started here ([`Cluster::local`]), on Slurm ([`Cluster::slurm`]), or runs already
//! ([`Cluster::connect`], [`Cluster::scheduler_file`], [`Cluster::client`]). Dask schedules, retries,
//! replaces workers that die and shows its dashboard; what this room brings to it is native code:
//! a closure travels as the shared object it was compiled into and a place in it (`code`), calls
//! travel in batches (`schedule`), and a worker calls them without Python's lock (`shim`).
//!
//! Closures capture nothing, since captured bytes may be addresses; what they need goes through
//! [`Cluster::map_with`].
//!
//! # What travels
//!
//! Items, parameters and results are whatever serde can write and read: values in postcard's format, vectors of
//! numbers as they are in memory, and in CBOR what has to be told what it is: `serde_json::Value`, untagged and tagged
//! enums, flattened structs, fields that are left out. Nobody says which: a value is written, read again where it was
//! written, and the format follows (`value`). Types that serde writes but cannot read again (a field that is
//! `skip_serializing` without a default, 128-bit integers in untagged enums) are an error that names the task. On
//! threads nothing is written, and nothing refused.
//!
//! # Who can run code
//!
//! Whoever reaches a Dask scheduler can run code on its workers, as their user. Local clusters listen
//! on the loopback interface alone, which still lets in every user of the machine; others listen where
//! they were told to. TLS admits only who holds a key of the same authority: [`Security`] says how to
//! switch it on.
//!
//! # Machines that differ
//!
//! When a cluster is opened, and when workers join, they are asked for their processor, C library and
//! Rust toolchain. Where all have what the notebook's own code uses, they run that. Else closures, and
//! the items that they call, are compiled once more when they are first sent, for the best level that
//! all workers have; one that joins later with less gets code for its own. Workers of another
//! architecture, with an older C library or another toolchain, are refused by name.

mod array;
mod batch;
mod bridge;
mod bytes;
mod card;
mod code;
mod dashboard;
mod elf;
mod folder;
mod graph;
mod jupyter;
mod open;
mod protocol;
mod python;
mod remote;
mod run;
mod schedule;
mod security;
mod shim;
mod slurm;
mod target;

pub use crate::executor::future::{All, Argument, AsCompleted, Future, Later, all, as_completed, gather};
pub use crate::executor::source::{Borrowed, Integers, Item, Numbered, Owned, Pieces, Received, Source};
pub use crate::executor::{Error, ErrorKind};
pub use crate::value::{Fault, Numeric, Written};
pub use card::Status;
pub use security::Security;
pub use slurm::{Slurm, slurm};

pub(crate) use open::settle;

use crate::executor::{Executor, Portable, captures_nothing, forward, sendable};
use crate::value;
use open::Inner;
use protocol::Request;
use run::{Appearance, Read, Run, Write, countable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Reductions combine this many partial results at most: as on threads.
const BLOCKS: usize = 4096;

/// A Dask cluster that runs closures of this notebook.
///
/// Clones are the same cluster; it is closed when the last one is dropped and the cell that did so
/// has succeeded, by [`Cluster::close`], and with the kernel.
///
/// ```no_run
/// use ferrolab::prelude::*;
/// let cluster = Cluster::local(2)?;
/// let squares = cluster.map(0..1000u64, |x| x * x)?;
/// assert_eq!(squares[999], 998_001);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
    appearance: Appearance,
}

impl Cluster {
    /// As requests name it.
    fn id(&self) -> String {
        self.inner.id.clone()
    }

    /// Shows no progress bar.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), appearance: Appearance { quiet: true, ..self.appearance.clone() } }
    }

    /// Names the work in its progress bar and on Dask's dashboard.
    #[must_use]
    pub fn message(&self, text: &str) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            appearance: Appearance { message: text.to_owned(), ..self.appearance.clone() },
        }
    }

    /// Shows what each worker has done in its progress bar, which a cluster's does anyway: as
    /// [`Threads::lanes`](crate::threads::Threads::lanes).
    #[must_use]
    pub fn lanes(&self) -> Self {
        self.clone()
    }

    /// How many threads all workers have together, now.
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn count(&self) -> Result<usize, Error> {
        Ok(self.status()?.threads())
    }

    /// Calls `f` on every item; results in order.
    ///
    /// # Errors
    /// When a task panics or kills its worker, when the cluster is gone, or when something cannot be
    /// written by serde.
    ///
    /// # Panics
    /// When the user interrupts, as the helpers of [`crate::par`] do.
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let roots = cluster.map(&[1.0f64, 4.0], |x| x.sqrt())?;
    /// assert_eq!(roots, [1.0, 2.0]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn map<S, F, T>(&self, tasks: S, f: F) -> Result<Vec<T>, Error>
    where
        S: Source,
        F: for<'w> Fn(Item<'w, S>) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned,
    {
        captures_nothing!(f: F);
        self.collect(&tasks, shim::map::<S::Received, F, T>, Vec::new())
    }

    /// Calls `f` on the parameters and every item; results in order. The parameters are sent to
    /// each worker once.
    ///
    /// # Errors
    /// As for [`Cluster::map`].
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let table = vec![10.0, 20.0];
    /// let found = cluster.map_with(&table, 0..2usize, |table, i| table[i])?;
    /// assert_eq!(found, table);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn map_with<P, S, F, T>(&self, params: &P, tasks: S, f: F) -> Result<Vec<T>, Error>
    where
        P: Serialize + DeserializeOwned + Send + Sync + 'static,
        S: Source,
        F: for<'w> Fn(&P, Item<'w, S>) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned,
    {
        captures_nothing!(f: F);
        let params = sendable("the parameters", value::bytes_of(params))?;
        self.collect(&tasks, shim::map_with::<P, S::Received, F, T>, params)
    }

    /// Calls `f` on every item and keeps what is `Some`, in order.
    ///
    /// # Errors
    /// As for [`Cluster::map`].
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let odd = cluster.filter_map(0..5u64, |i| (i % 2 == 1).then_some(i))?;
    /// assert_eq!(odd, [1, 3]);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn filter_map<S, F, T>(&self, tasks: S, f: F) -> Result<Vec<T>, Error>
    where
        S: Source,
        F: for<'w> Fn(Item<'w, S>) -> Option<T> + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned,
    {
        captures_nothing!(f: F);
        let len = countable(tasks.tasks())?;
        let mut kept = Vec::new();
        let shim = shim::map::<S::Received, F, Option<T>>;
        self.run(len, 1, shim, Vec::new(), &|part, out| tasks.write(part, out), &mut |bytes| {
            kept.extend(value::read::<Option<T>>(bytes)?);
            Ok(())
        })?;
        Ok(kept)
    }

    /// Calls `f` on every item, for what it does where it runs.
    ///
    /// # Errors
    /// As for [`Cluster::map`].
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// cluster.for_each(0..3, |i| println!("task {i}"))?;
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn for_each<S, F>(&self, tasks: S, f: F) -> Result<(), Error>
    where
        S: Source,
        F: for<'w> Fn(Item<'w, S>) + Copy + Send + Sync + 'static,
    {
        captures_nothing!(f: F);
        self.each(&tasks, shim::map::<S::Received, F, ()>)
    }

    /// Maps every item with `f` and combines the results with an associative `op`, starting from
    /// `identity`. The result does not depend on how many workers there are.
    ///
    /// # Errors
    /// As for [`Cluster::map`].
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let sum = cluster.map_reduce(0..1000u64, |i| i * i, 0, |a, b| a + b)?;
    /// assert_eq!(sum, 332_833_500);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn map_reduce<S, F, O, T>(&self, tasks: S, f: F, identity: T, op: O) -> Result<T, Error>
    where
        S: Source,
        F: for<'w> Fn(Item<'w, S>) -> T + Copy + Send + Sync + 'static,
        O: Fn(T, T) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Clone,
    {
        captures_nothing!(f: F);
        captures_nothing!(op: O);
        let len = tasks.tasks();
        // As on threads: blocks depend on the number of tasks alone, and so does the order of sums.
        let block = len.div_ceil(BLOCKS).max(16);
        let shim = shim::map_reduce::<S::Received, F, O, T>;
        let mut total = Some(identity.clone());
        let write: Write<'_> = &|part, out| {
            out.write(&identity)?;
            out.write(&block)?;
            tasks.write(part, out)
        };
        let read: Read<'_> = &mut |bytes| {
            let next = value::read(bytes)?;
            total = total.take().map(|total| op(total, next));
            Ok(())
        };
        self.run(len, block, shim, Vec::new(), write, read)?;
        Ok(total.unwrap_or(identity))
    }

    /// Combines all items with an associative `op`, starting from `identity`.
    ///
    /// # Errors
    /// As for [`Cluster::map`].
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// assert_eq!(cluster.reduce(vec![3, 9, 4], 0, |a, b| a.max(b))?, 9);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn reduce<S, O, T>(&self, tasks: S, identity: T, op: O) -> Result<T, Error>
    where
        S: Source<Received: for<'w> Received<Item<'w> = T>>,
        O: Fn(T, T) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + Clone + 'static,
    {
        self.map_reduce(tasks, |item| item, identity, op)
    }

    /// Runs, and hands over what was written, in order. Not generic, so that it is not compiled
    /// with each cell.
    #[inline(never)]
    fn run(
        &self,
        tasks: usize,
        grain: usize,
        shim: shim::Shim,
        params: Vec<u8>,
        write: Write<'_>,
        read: Read<'_>,
    ) -> Result<(), Error> {
        let code = code::of(shim)?;
        Run { cluster: &self.inner.id, appearance: &self.appearance, tasks, grain, code, params }.go(write, read)
    }

    fn collect<S: Source, T: DeserializeOwned>(
        &self,
        tasks: &S,
        shim: shim::Shim,
        params: Vec<u8>,
    ) -> Result<Vec<T>, Error> {
        let len = countable(tasks.tasks())?;
        let mut results = value::room(len);
        self.run(len, 1, shim, params, &|part, out| tasks.write(part, out), &mut |bytes| {
            value::add(&mut results, value::read(bytes)?);
            Ok(())
        })?;
        Ok(results)
    }

    fn each<S: Source>(&self, tasks: &S, shim: shim::Shim) -> Result<(), Error> {
        let len = countable(tasks.tasks())?;
        self.run(len, 1, shim, Vec::new(), &|part, out| tasks.write(part, out), &mut |_| Ok(()))
    }

    /// Publishes a future's result or an array under a name, for Python on the same cluster. `client.get_dataset(name)`
    /// is a `dask.array` for an array, a numpy array when a future is of numbers that [`Cluster::persist`] keeps as one, else
    /// bytes: one that says the format, then a value in that: 0 is postcard's, 1 is CBOR.
    ///
    /// # Errors
    /// When it is not of this cluster, or the cluster is gone; for an array as [`Array::persist`](crate::array::Array::persist),
    /// when it has to be computed first.
    pub fn publish(&self, name: &str, what: &impl Publish) -> Result<(), Error> {
        what.publish_on(self, name)
    }
}

/// What [`Cluster::publish`] takes: futures of a cluster, and arrays.
///
/// ```no_run
/// use ferrolab::prelude::*;
/// # let cluster = Cluster::local(1)?;
/// fn show(cluster: &Cluster, what: &impl cluster::Publish) -> Result<(), cluster::Error> { cluster.publish("shown", what) }
/// show(&cluster, &cluster.array().arange(10.0))?;
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Publish {
    #[doc(hidden)]
    fn publish_on(&self, cluster: &Cluster, name: &str) -> Result<(), Error>;
}

impl<T> Publish for Future<T> {
    fn publish_on(&self, cluster: &Cluster, name: &str) -> Result<(), Error> {
        let key = self.key().ok_or_else(|| Error::refused("only futures of a cluster can be published"))?;
        bridge::ask(&Request::Publish { cluster: cluster.id(), key: key.to_owned(), name: name.to_owned() }).map(drop)
    }
}

forward!(Cluster);
