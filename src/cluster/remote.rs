//! Results that stay on a cluster's workers: submitting what computes them, asking how far they are, fetching them.
//! What a future is for whoever has it is `executor/future.rs`.

use super::bridge::{self, Link, unexpected};
use super::open::{Inner, when_the_cell_succeeds};
use super::protocol::{Answer, Request};
use super::run::{Write, countable};
use super::{Cluster, Item, code, shim};
use crate::executor::future::{Argument, Fetched, Future, Keeper};
use crate::executor::{Error, Source, captures_nothing, sendable};
use crate::value::numbers::Number;
use crate::value::{self, Numeric, Written};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A task of a cluster whose result is kept there.
pub(super) struct Remote {
    cluster: Arc<Inner>,
    key: String,
}

impl Remote {
    fn release(&self, cancel: bool) -> Request {
        Request::Release { cluster: self.cluster.id.clone(), keys: vec![self.key.clone()], cancel }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        when_the_cell_succeeds(self.release(false));
    }
}

impl Keeper for Remote {
    fn key(&self) -> &str {
        &self.key
    }

    fn is_done(&self) -> Result<bool, Error> {
        let request = Request::States { cluster: self.cluster.id.clone(), keys: vec![self.key.clone()] };
        match bridge::ask(&request)? {
            Answer::States { states } => Ok(states.get(&self.key).is_some_and(|state| state != "pending")),
            other => Err(unexpected(&other)),
        }
    }

    fn cancel(&self) -> Result<(), Error> {
        bridge::ask(&self.release(true)).map(drop)
    }

    fn fetch(&self) -> Result<Fetched, Error> {
        let request = Request::Result { cluster: self.cluster.id.clone(), key: self.key.clone() };
        match Link::open()?.request(&request, &[], &mut |_| ())? {
            (Answer::Value { array }, bytes) => {
                Ok(Fetched { number: array.as_deref().and_then(Number::from_numpy), bytes: Box::new(bytes) })
            }
            (other, _) => Err(unexpected(&other)),
        }
    }
}

impl Cluster {
    /// Calls `f` once on a worker, on a value or on what a future will be; goes on at once.
    ///
    /// # Errors
    /// When the argument cannot be sent or the cluster is gone. A panic is the future's.
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let nine = cluster.submit(3u64, |x| x * x)?;
    /// let ten = cluster.submit(&nine, |x| x + 1)?;
    /// assert_eq!(ten.result()?, 10);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn submit<A, F, T>(&self, argument: A, f: F) -> Result<Future<T>, Error>
    where
        A: Argument,
        F: Fn(A::Value) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + 'static,
    {
        captures_nothing!(f: F);
        let (bytes, after) = argument.sent()?;
        Ok(Future::of_keeper(self.submit_written(shim::once::<A::Value, F, T>, &bytes, &after)?))
    }

    /// Calls `f` once on the numbers that another task leaves, where they are: the closure sees the
    /// worker's numpy array as a slice, without a copy.
    ///
    /// # Errors
    /// When the cluster is gone, or the future is one of threads. A panic is the future's.
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let part = cluster.submit(1_000_000u64, |n| (0..n).map(|i| i as f64).collect::<Vec<_>>())?;
    /// let largest = cluster.submit_slice(&part, |v| v.iter().copied().fold(f64::MIN, f64::max))?;
    /// assert_eq!(largest.result()?, 999_999.0);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn submit_slice<N, F, T>(&self, part: &Future<Vec<N>>, f: F) -> Result<Future<T>, Error>
    where
        N: Numeric,
        F: for<'w> Fn(&'w [N]) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + 'static,
    {
        captures_nothing!(f: F);
        let after = [part.sent_key()?];
        Ok(Future::of_keeper(self.submit_written(shim::once_on::<N, F, T>, &[], &after)?))
    }

    /// Calls `f` on every item and leaves the results on the workers: a future for each. Vectors of
    /// numbers, integers up to 64 bits and floats, are kept as numpy arrays, which Python reads
    /// ([`Cluster::publish`]) and [`Cluster::submit_slice`] shows to closures as they are.
    ///
    /// # Errors
    /// As for [`Cluster::submit`].
    ///
    /// ```no_run
    /// # let cluster = ferrolab::cluster::Cluster::local(1)?;
    /// let parts = cluster.persist(0..4u64, |i| vec![i as f64; 1_000_000])?;
    /// let sums = parts.iter().map(|part| cluster.submit_slice(part, |v| v.iter().sum::<f64>()));
    /// let sums = sums.collect::<Result<Vec<_>, _>>()?;
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn persist<S, F, T>(&self, tasks: S, f: F) -> Result<Vec<Future<T>>, Error>
    where
        S: Source,
        F: for<'w> Fn(Item<'w, S>) -> T + Copy + Send + Sync + 'static,
        T: Serialize + DeserializeOwned + 'static,
    {
        captures_nothing!(f: F);
        let mut futures = value::room(countable(tasks.tasks())?);
        let write: Write<'_> = &|part, out| tasks.write(part, out);
        self.keep_each(tasks.tasks(), shim::keep::<S::Received, F, T>, write, &mut |kept| {
            value::add(&mut futures, Future::of_keeper(kept));
        })?;
        Ok(futures)
    }

    #[inline(never)]
    fn keep_each(
        &self,
        tasks: usize,
        shim: shim::Shim,
        write: Write<'_>,
        kept: &mut dyn FnMut(Arc<Remote>),
    ) -> Result<(), Error> {
        for index in 0..tasks {
            let mut out = Written::default();
            let written = write(index..index + 1, &mut out);
            let bytes = sendable("a task", written.map(|()| out.into_bytes()))?;
            kept(self.submit_written(shim, &bytes, &[])?);
        }
        Ok(())
    }

    #[inline(never)]
    pub(super) fn submit_written(
        &self,
        shim: shim::Shim,
        bytes: &[u8],
        after: &[String],
    ) -> Result<Arc<Remote>, Error> {
        let request = Request::Submit { cluster: self.id(), code: code::of(shim)?, after: after.to_vec() };
        match Link::open()?.request(&request, bytes, &mut |_| ())?.0 {
            Answer::Submitted { key } => Ok(Arc::new(Remote { cluster: Arc::clone(&self.inner), key })),
            other => Err(unexpected(&other)),
        }
    }
}
