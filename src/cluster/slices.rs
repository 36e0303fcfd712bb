//! Tasks on numbers that another task has left: seen where they are, as slices, on a cluster and on
//! threads. How numbers are kept is [`super::numbers`]' business.

use super::numbers::Numeric;
use super::shim::{self, captures_nothing};
use super::{Cluster, Error, Future};
use crate::threads::Threads;
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Cluster {
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
        Ok(Future::there(self.submit_written(shim::once_on::<N, F, T>, &[], &after)?))
    }
}

impl Threads {
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
}
