//! Results that are not there yet: of one call on a cluster, or on this machine's threads.

use super::bridge::{self, Link, unexpected};
use super::bytes::Bytes;
use super::error::Error;
use super::numbers::{self, Number};
use super::open::{Inner, when_the_cell_succeeds};
use super::protocol::{Answer, Request};
use super::run::{Write, countable, sendable};
use super::shim::captures_nothing;
use super::source::Source;
use super::value::{self, Fault, Written, bytes_of};
use super::{Cluster, Item, code, shim};
use crate::rt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A result that comes later. It stays where it was computed until [`Future::result`] fetches it,
/// and is given up when the future is dropped and the cell that did so has succeeded.
///
/// ```
/// use ferrolab::prelude::*;
/// let later = threads().submit(6, |x: u64| x * 7)?;
/// assert_eq!(later.result()?, 42);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub struct Future<T> {
    place: Place<T>,
}

enum Place<T> {
    There(Arc<There>, PhantomData<fn() -> T>),
    Here(Arc<Slot<T>>),
}

/// A task of a cluster whose result is kept there.
pub(super) struct There {
    cluster: Arc<Inner>,
    key: String,
}

impl Drop for There {
    fn drop(&mut self) {
        when_the_cell_succeeds(self.release(false));
    }
}

/// Where a thread leaves a result.
pub(crate) struct Slot<T> {
    /// The process whose thread computes it: a copy of that process has no such thread.
    process: u32,
    value: Mutex<Option<Result<T, Error>>>,
}

/// While waiting: does something of what the pool has to do, or rests.
fn help() {
    rt::check_interrupt();
    if rayon::yield_now() != Some(rayon::Yield::Executed) {
        std::thread::sleep(Duration::from_micros(200));
    }
}

impl<T> Slot<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { process: std::process::id(), value: Mutex::new(None) })
    }

    pub(crate) fn fill(&self, value: Result<T, Error>) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn peek<R>(&self, look: impl FnOnce(&mut Option<Result<T, Error>>) -> R) -> R {
        look(&mut self.value.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits, working on what else the pool has to do.
    fn wait(&self) -> Result<(), Error> {
        while self.peek(|value| value.is_none()) {
            if self.process != std::process::id() {
                return Err(Error::new("this result was being computed by a cell that ended; submit it again"));
            }
            help();
        }
        Ok(())
    }

    /// The value, once no other task needs a copy of it.
    fn take(mut self: Arc<Self>) -> Result<T, Error> {
        self.wait()?;
        loop {
            match Arc::try_unwrap(self) {
                Ok(slot) => {
                    let value = slot.value.into_inner().unwrap_or_else(PoisonError::into_inner);
                    return value.unwrap_or_else(|| Err(Error::new("the task ended without a result")));
                }
                Err(shared) => self = shared,
            }
            help();
        }
    }
}

impl<T> Future<T> {
    pub(crate) fn here(slot: Arc<Slot<T>>) -> Self {
        Self { place: Place::Here(slot) }
    }

    pub(super) fn there(there: Arc<There>) -> Self {
        Self { place: Place::There(there, PhantomData) }
    }

    pub(crate) fn key(&self) -> Option<&str> {
        match &self.place {
            Place::There(there, _) => Some(&there.key),
            Place::Here(_) => None,
        }
    }

    /// Is the result there, or has the task failed?
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn is_done(&self) -> Result<bool, Error> {
        match &self.place {
            Place::Here(slot) => Ok(slot.peek(|value| value.is_some())),
            Place::There(there, _) => there.is_done(),
        }
    }

    /// Gives the task up; one that runs on a cluster is stopped where it looks at interrupts.
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn cancel(self) -> Result<(), Error> {
        let Place::There(there, _) = &self.place else { return Ok(()) };
        bridge::ask(&there.release(true)).map(drop)
    }
}

impl<T: DeserializeOwned> Future<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// When the task panicked or killed its worker, or the cluster is gone.
    ///
    /// # Panics
    /// When the user interrupts.
    pub fn result(self) -> Result<T, Error> {
        match self.place {
            Place::Here(slot) => slot.take(),
            Place::There(there, _) => there.fetch()?.read(),
        }
    }
}

impl There {
    fn release(&self, cancel: bool) -> Request {
        Request::Release { cluster: self.cluster.id.clone(), keys: vec![self.key.clone()], cancel }
    }

    fn is_done(&self) -> Result<bool, Error> {
        let request = Request::States { cluster: self.cluster.id.clone(), keys: vec![self.key.clone()] };
        match bridge::ask(&request)? {
            Answer::States { states } => Ok(states.get(&self.key).is_some_and(|state| state != "pending")),
            other => Err(unexpected(&other)),
        }
    }

    fn fetch(&self) -> Result<Fetched, Error> {
        let request = Request::Result { cluster: self.cluster.id.clone(), key: self.key.clone() };
        match Link::open()?.request(&request, &[], &mut |_| ())? {
            (Answer::Value { array }, bytes) => {
                Ok(Fetched { number: array.as_deref().and_then(Number::from_numpy), bytes })
            }
            (other, _) => Err(unexpected(&other)),
        }
    }
}

/// A result as it came.
struct Fetched {
    /// What its bytes are, when they are an array's and not a value that was written.
    number: Option<Number>,
    bytes: Bytes,
}

impl Fetched {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Error> {
        if const { numbers::may_be_vector::<T>() }
            && let Some(number) = self.number
        {
            return numbers::vector_from(number, &self.bytes).ok_or_else(other_type);
        }
        value::read(&mut &self.bytes[..]).map_err(|e| unreadable(&e))
    }
}

#[inline(never)]
fn other_type() -> Error {
    Error::new("the result is an array of other numbers than this future's")
}

#[inline(never)]
fn unreadable(error: &Fault) -> Error {
    Error::new(format!("the result cannot be read: {error}"))
}

impl<T> fmt::Debug for Future<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.is_done() {
            Ok(true) => "done",
            Ok(false) => "pending",
            Err(_) => "lost",
        };
        write!(f, "Future({}, {state})", self.key().unwrap_or("threads"))
    }
}

/// Waits for all; results in the order of the futures.
///
/// # Errors
/// The first failure in that order.
///
/// ```
/// use ferrolab::prelude::*;
/// let later = (0..4u64).map(|i| threads().submit(i, |x| x * x)).collect::<Result<Vec<_>, _>>()?;
/// assert_eq!(cluster::gather(later)?, [0, 1, 4, 9]);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub fn gather<T: DeserializeOwned>(futures: impl IntoIterator<Item = Future<T>>) -> Result<Vec<T>, Error> {
    futures.into_iter().map(Future::result).collect()
}

/// The futures' results as they come: (index of the future, result).
///
/// ```
/// use ferrolab::prelude::*;
/// let later = (0..4u64).map(|i| threads().submit(i, |x| x + 1)).collect::<Result<Vec<_>, _>>()?;
/// let sum: u64 = cluster::as_completed(later).map(|(_, result)| result.unwrap()).sum();
/// assert_eq!(sum, 10);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub fn as_completed<T: DeserializeOwned>(futures: impl IntoIterator<Item = Future<T>>) -> AsCompleted<T> {
    AsCompleted { waiting: futures.into_iter().enumerate().collect(), ready: Vec::new() }
}

/// The iterator of [`as_completed`].
#[derive(Debug)]
pub struct AsCompleted<T> {
    waiting: Vec<(usize, Future<T>)>,
    ready: Vec<(usize, Future<T>)>,
}

impl<T: DeserializeOwned> Iterator for AsCompleted<T> {
    type Item = (usize, Result<T, Error>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((index, future)) = self.ready.pop() {
                return Some((index, future.result()));
            }
            if self.waiting.is_empty() {
                return None;
            }
            rt::check_interrupt();
            let waiting = std::mem::take(&mut self.waiting);
            // A cluster that is gone is an error of the future, not a reason to wait for ever.
            let (ready, waiting) = waiting.into_iter().partition(|(_, future)| future.is_done().unwrap_or(true));
            (self.ready, self.waiting) = (ready, waiting);
            if self.ready.is_empty() && rayon::yield_now() != Some(rayon::Yield::Executed) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// What a submitted closure gets: a value, what a future will be, or what [`all`] of some will be.
///
/// ```
/// use ferrolab::prelude::*;
/// let nine = threads().submit(3, |x: u64| x * x)?;
/// let ten = threads().submit(&nine, |x| x + 1)?;
/// let sum = threads().submit(cluster::all(&[nine, ten]), |v| v.iter().sum::<u64>())?;
/// assert_eq!(sum.result()?, 19);
/// # Ok::<(), ferrolab::cluster::Error>(())
/// ```
pub trait Argument {
    /// What the closure gets.
    type Value: DeserializeOwned + 'static;
    /// What is sent: bytes, then the results of these tasks.
    ///
    /// # Errors
    /// When serde cannot write the value, or a future is not of a cluster.
    fn sent(&self) -> Result<(Vec<u8>, Vec<String>), Error>;
    /// The way to the value on another thread of this process.
    fn later(self) -> Later<Self::Value>;
}

/// A value that another thread will ask for.
pub type Later<T> = Box<dyn FnOnce() -> Result<T, Error> + Send>;

impl<T: Serialize + DeserializeOwned + Send + 'static> Argument for T {
    type Value = T;
    fn sent(&self) -> Result<(Vec<u8>, Vec<String>), Error> {
        Ok((sendable("the argument", bytes_of(self))?, Vec::new()))
    }
    fn later(self) -> Later<T> {
        Box::new(|| Ok(self))
    }
}

impl<T> Future<T> {
    fn handle(&self) -> Self {
        Self {
            place: match &self.place {
                Place::There(there, _) => Place::There(Arc::clone(there), PhantomData),
                Place::Here(slot) => Place::Here(Arc::clone(slot)),
            },
        }
    }

    pub(super) fn sent_key(&self) -> Result<String, Error> {
        let none = || Error::new("a future of threads() is no argument for a cluster: take its result first");
        self.key().map(str::to_owned).ok_or_else(none)
    }
}

impl<T: DeserializeOwned + Clone> Future<T> {
    /// A copy of the result, which stays where it is.
    fn copy(&self) -> Result<T, Error> {
        match &self.place {
            Place::There(there, _) => there.fetch()?.read(),
            Place::Here(slot) => {
                slot.wait()?;
                slot.peek(|value| value.clone()).unwrap_or_else(|| Err(Error::new("the task ended without a result")))
            }
        }
    }
}

impl<T: DeserializeOwned + Clone + Send + 'static> Argument for &Future<T> {
    type Value = T;
    fn sent(&self) -> Result<(Vec<u8>, Vec<String>), Error> {
        Ok((Vec::new(), vec![self.sent_key()?]))
    }
    fn later(self) -> Later<T> {
        let future = self.handle();
        Box::new(move || future.copy())
    }
}

/// Several futures as one argument; [`all`] makes it.
#[derive(Debug)]
pub struct All<'a, T>(&'a [Future<T>]);

/// Several futures as one argument: the closure gets a `Vec` of what they will be.
pub fn all<T>(futures: &[Future<T>]) -> All<'_, T> {
    All(futures)
}

impl<T: DeserializeOwned + Clone + Send + 'static> Argument for All<'_, T> {
    type Value = Vec<T>;
    fn sent(&self) -> Result<(Vec<u8>, Vec<String>), Error> {
        // The items follow, as their tasks leave them.
        let mut out = Written::default();
        out.begin_joined(self.0.len());
        Ok((out.into_bytes(), self.0.iter().map(Future::sent_key).collect::<Result<_, _>>()?))
    }
    fn later(self) -> Later<Vec<T>> {
        let futures: Vec<Future<T>> = self.0.iter().map(Future::handle).collect();
        Box::new(move || futures.iter().map(Future::copy).collect())
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
        Ok(Future::there(self.submit_written(shim::once::<A::Value, F, T>, &bytes, &after)?))
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
        self.keep_each(tasks.tasks(), shim::keep::<S::Kind, F, T>, write, &mut |there| {
            value::add(&mut futures, Future::there(there));
        })?;
        Ok(futures)
    }

    #[inline(never)]
    fn keep_each(
        &self,
        tasks: usize,
        shim: shim::Shim,
        write: Write<'_>,
        kept: &mut dyn FnMut(Arc<There>),
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
    pub(super) fn submit_written(&self, shim: shim::Shim, bytes: &[u8], after: &[String]) -> Result<Arc<There>, Error> {
        let request = Request::Submit { cluster: self.id(), code: code::of(shim)?, after: after.to_vec() };
        match Link::open()?.request(&request, bytes, &mut |_| ())?.0 {
            Answer::Submitted { key } => Ok(Arc::new(There { cluster: Arc::clone(&self.inner), key })),
            other => Err(unexpected(&other)),
        }
    }
}
