//! Results that are not there yet: of a thread of this process, or of somebody else who keeps them. How those are
//! reached is their keeper's business.

use crate::error::{Error, sendable};
use crate::rt;
use crate::value::numbers::{self, Number};
use crate::value::{self, Fault, Written, bytes_of};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
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
    holder: Holder<T>,
}

/// Who has the result, or will have it.
enum Holder<T> {
    Slot(Arc<Slot<T>>),
    Keeper(Arc<dyn Keeper>, PhantomData<fn() -> T>),
}

/// Who keeps the result of a task elsewhere.
pub(crate) trait Keeper: Send + Sync {
    /// What the task is called where it is.
    fn key(&self) -> &str;
    /// Is the result there, or has the task failed?
    fn is_done(&self) -> Result<bool, Error>;
    /// Gives the task up.
    fn cancel(&self) -> Result<(), Error>;
    /// Waits for the result, and copies it.
    fn fetch(&self) -> Result<Fetched, Error>;
}

/// A result as it came.
pub(crate) struct Fetched {
    /// What its bytes are, when they are an array's and not a value that was written.
    pub(crate) number: Option<Number>,
    pub(crate) bytes: Box<dyn Deref<Target = [u8]>>,
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
                return Err(Error::lost("this result was being computed by a cell that ended; submit it again"));
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
                    return value.unwrap_or_else(|| Err(Error::lost("the task ended without a result")));
                }
                Err(shared) => self = shared,
            }
            help();
        }
    }
}

impl<T> Future<T> {
    pub(crate) fn of_slot(slot: Arc<Slot<T>>) -> Self {
        Self { holder: Holder::Slot(slot) }
    }

    pub(crate) fn of_keeper(keeper: Arc<dyn Keeper>) -> Self {
        Self { holder: Holder::Keeper(keeper, PhantomData) }
    }

    pub(crate) fn key(&self) -> Option<&str> {
        match &self.holder {
            Holder::Keeper(keeper, _) => Some(keeper.key()),
            Holder::Slot(_) => None,
        }
    }

    /// Is the result there, or has the task failed?
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn is_done(&self) -> Result<bool, Error> {
        match &self.holder {
            Holder::Slot(slot) => Ok(slot.peek(|value| value.is_some())),
            Holder::Keeper(keeper, _) => keeper.is_done(),
        }
    }

    /// Gives the task up; one that runs on a cluster is stopped where it looks at interrupts.
    ///
    /// # Errors
    /// When the cluster is gone.
    pub fn cancel(self) -> Result<(), Error> {
        match &self.holder {
            Holder::Slot(_) => Ok(()),
            Holder::Keeper(keeper, _) => keeper.cancel(),
        }
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
        match self.holder {
            Holder::Slot(slot) => slot.take(),
            Holder::Keeper(keeper, _) => keeper.fetch()?.read(),
        }
    }
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
    Error::unsendable("the result is an array of other numbers than this future's")
}

#[inline(never)]
fn unreadable(error: &Fault) -> Error {
    Error::unsendable(format!("the result cannot be read: {error}"))
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
            holder: match &self.holder {
                Holder::Keeper(keeper, _) => Holder::Keeper(Arc::clone(keeper), PhantomData),
                Holder::Slot(slot) => Holder::Slot(Arc::clone(slot)),
            },
        }
    }

    pub(crate) fn sent_key(&self) -> Result<String, Error> {
        let none = || Error::refused("a future of threads() is no argument for a cluster: take its result first");
        self.key().map(str::to_owned).ok_or_else(none)
    }
}

impl<T: DeserializeOwned + Clone> Future<T> {
    /// A copy of the result, which stays where it is.
    fn copy(&self) -> Result<T, Error> {
        match &self.holder {
            Holder::Keeper(keeper, _) => keeper.fetch()?.read(),
            Holder::Slot(slot) => {
                slot.wait()?;
                slot.peek(|value| value.clone()).unwrap_or_else(|| Err(Error::lost("the task ended without a result")))
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
