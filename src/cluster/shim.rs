//! The worker's side of a task: what a closure of a notebook is called through, in another
//! process. It reads items, calls the closure, writes results, and lets no panic out. Who calls it,
//! and when, is Python's business (`python/worker.py`).
//!
//! A closure that captures nothing has no bytes, so its code is all there is to it: the shim is
//! monomorphised for its type, and what travels is where the shim is. A worker that maps the same
//! shared object calls the same place.

use super::source::Kind;
use crate::rt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Once, PoisonError};

/// One batch: the worker's Python fills in the first fields, the shim the last ones. The layout is
/// `Call` in `python/worker.py`.
#[derive(Debug)]
#[repr(C)]
pub struct Call {
    input: *const u8,
    input_len: usize,
    params: *const u8,
    params_len: usize,
    /// Identity of the parameters, so that a worker reads them once.
    params_id: u64,
    /// Tasks done, for whoever looks while the batch runs.
    done: *const AtomicU64,
    /// Not 0 when the batch should stop.
    cancel: *const AtomicU8,
    output: *mut u8,
    output_len: usize,
    output_capacity: usize,
}

/// How a batch ended: what a shim returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Ended {
    Done = 0,
    Panicked = 1,
    Cancelled = 2,
    /// The bytes were not what the shim reads: the two sides disagree.
    Garbled = 3,
}

/// What a worker calls.
pub type Shim = unsafe extern "C" fn(*mut Call) -> i32;

/// A panic on a worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub(crate) struct Panic {
    /// Which task of the batch.
    pub(crate) task: u64,
    pub(crate) message: String,
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The running batch, as generic code sees it.
pub(crate) struct Batch<'a> {
    input: &'a [u8],
    params: &'a [u8],
    params_id: u64,
    done: &'a AtomicU64,
    cancel: &'a AtomicU8,
    finished: u64,
    output: Vec<u8>,
}

/// Why generic code stops early.
pub(crate) enum Halt {
    Cancelled,
    Garbled(postcard::Error),
}
impl From<postcard::Error> for Halt {
    fn from(error: postcard::Error) -> Self {
        Self::Garbled(error)
    }
}

impl Batch<'_> {
    fn part<T: DeserializeOwned>(&self) -> Result<T, Halt> {
        Ok(postcard::from_bytes(self.input)?)
    }

    fn result<T: Serialize>(&mut self, value: &T) -> Result<(), Halt> {
        let output = std::mem::take(&mut self.output);
        self.output = postcard::to_extend(value, output)?;
        Ok(())
    }

    /// A task is done; should the next one run?
    #[inline]
    fn next(&mut self) -> Result<(), Halt> {
        self.finished += 1;
        // Only this thread writes; others look.
        self.done.store(self.finished, Ordering::Relaxed);
        if self.cancel.load(Ordering::Relaxed) != 0 { Err(Halt::Cancelled) } else { Ok(()) }
    }
}

/// Does not compile when a closure captures something. It stands in each public function, because
/// rustc names the call that it was compiled for, and that has to be the user's.
macro_rules! captures_nothing {
    ($f:ident: $F:ty) => {{
        let _ = $f;
        const {
            assert!(
                size_of::<$F>() == 0,
                "a closure for the cluster cannot use variables of the notebook, nor of a function around it: pass them with `map_with(&value, tasks, |value, task| …)`"
            );
        }
    }};
}
pub(crate) use captures_nothing;

/// A value of a type that has one value without bytes: a function, or a closure that captures
/// nothing.
fn conjure<F: Copy + 'static>() -> F {
    const { assert!(size_of::<F>() == 0) };
    // SAFETY: reading a type without bytes reads nothing, from any aligned pointer that is not null;
    // F is Copy, so another value of it may be made from one, and the notebook had one when it asked
    // for this shim.
    unsafe { NonNull::<F>::dangling().read() }
}

/// Calls `F` on each item.
///
/// # Safety
/// `call` points to a [`Call`] whose pointers are valid for its lengths until this returns.
pub(crate) unsafe extern "C" fn map<K: Kind, F, T>(call: *mut Call) -> i32
where
    F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
    T: Serialize,
{
    let mut body = |batch: &mut Batch<'_>| {
        let mut part: K::Part = batch.part()?;
        let f: F = conjure();
        for item in K::items(&mut part) {
            batch.result(&f(item))?;
            batch.next()?;
        }
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// Calls `F` on parameters and each item.
///
/// # Safety
/// As for [`map`].
pub(crate) unsafe extern "C" fn map_with<P, K: Kind, F, T>(call: *mut Call) -> i32
where
    P: DeserializeOwned + Send + Sync + 'static,
    F: for<'w> Fn(&P, K::Item<'w>) -> T + Copy + 'static,
    T: Serialize,
{
    let mut body = |batch: &mut Batch<'_>| {
        let params: Arc<P> = parameters(batch.params, batch.params_id)?;
        let mut part: K::Part = batch.part()?;
        let f: F = conjure();
        for item in K::items(&mut part) {
            batch.result(&f(&params, item))?;
            batch.next()?;
        }
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// Combines the results of `F` by blocks, each starting from an identity that travels in front of
/// the part, with the size of a block.
///
/// # Safety
/// As for [`map`].
pub(crate) unsafe extern "C" fn map_reduce<K: Kind, F, O, T>(call: *mut Call) -> i32
where
    F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
    O: Fn(T, T) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned + Clone,
{
    let mut body = |batch: &mut Batch<'_>| {
        let (identity, block, mut part): (T, usize, K::Part) = batch.part()?;
        let (f, op): (F, O) = (conjure(), conjure());
        let (mut total, mut members) = (identity.clone(), 0);
        for item in K::items(&mut part) {
            total = op(total, f(item));
            members += 1;
            batch.next()?;
            if members == block {
                batch.result(&total)?;
                (total, members) = (identity.clone(), 0);
            }
        }
        if members > 0 {
            batch.result(&total)?;
        }
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// Calls `F` once, on one value.
///
/// # Safety
/// As for [`map`].
pub(crate) unsafe extern "C" fn once<A, F, T>(call: *mut Call) -> i32
where
    A: DeserializeOwned,
    F: Fn(A) -> T + Copy + 'static,
    T: Serialize,
{
    let mut body = |batch: &mut Batch<'_>| {
        let value: A = batch.part()?;
        let f: F = conjure();
        batch.result(&f(value))?;
        batch.next()
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// Parameters that this process has read already, or reads now. The last few are kept.
fn parameters<P: DeserializeOwned + Send + Sync + 'static>(bytes: &[u8], id: u64) -> Result<Arc<P>, Halt> {
    type Kept = Vec<(u64, Arc<dyn Any + Send + Sync>)>;
    static KEPT: Mutex<Kept> = Mutex::new(Vec::new());
    const MOST: usize = 4;
    // Held while reading, so that threads that start together read once.
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let found = kept.iter().filter(|(known, _)| *known == id).find_map(|(_, value)| Arc::clone(value).downcast().ok());
    if let Some(value) = found {
        return Ok(value);
    }
    let value: Arc<P> = Arc::new(postcard::from_bytes(bytes)?);
    if kept.len() == MOST {
        kept.remove(0);
    }
    kept.push((id, Arc::<P>::clone(&value)));
    Ok(value)
}

thread_local! {
    /// Where and why this thread panicked last.
    static LAST: RefCell<Option<Panic>> = const { RefCell::new(None) };
}

/// Remembers panics in batches; others go where they always go.
fn install_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            before(info);
            let payload = info.payload();
            let message = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
            let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
            let place = info.location();
            let panic = Panic {
                task: 0,
                message: message.unwrap_or_else(|| "a value that is not text".to_owned()),
                file: place.map_or_else(String::new, |l| l.file().to_owned()),
                line: place.map_or(0, std::panic::Location::line),
                column: place.map_or(0, std::panic::Location::column),
            };
            // A thread that is ending has no place to remember it.
            let _ = LAST.try_with(|last| *last.borrow_mut() = Some(panic));
        }));
    });
}

/// Everything of a batch that does not depend on its types.
///
/// # Safety
/// As for [`map`].
unsafe fn serve(call: *mut Call, body: &mut dyn FnMut(&mut Batch<'_>) -> Result<(), Halt>) -> i32 {
    install_hook();
    // SAFETY: valid by the caller's promise, and this is the only reference to it for now.
    let call = unsafe { &mut *call };
    // SAFETY: as above; empty slices may come with null, for which there is a stand-in.
    let (input, params, done, cancel) = unsafe {
        let bytes = |at: *const u8, len: usize| if len == 0 { &[][..] } else { slice::from_raw_parts(at, len) };
        (bytes(call.input, call.input_len), bytes(call.params, call.params_len), &*call.done, &*call.cancel)
    };
    let params_id = call.params_id;
    let mut batch = Batch { input, params, params_id, done, cancel, finished: 0, output: Vec::new() };
    let ended = match catch_unwind(AssertUnwindSafe(|| body(&mut batch))) {
        Ok(Ok(())) => Ended::Done,
        Ok(Err(Halt::Cancelled)) => Ended::Cancelled,
        Ok(Err(Halt::Garbled(error))) => {
            batch.output = error.to_string().into_bytes();
            Ended::Garbled
        }
        Err(payload) if payload.is::<rt::Interrupted>() => Ended::Cancelled,
        Err(payload) => {
            batch.output = describe(&*payload, batch.finished);
            Ended::Panicked
        }
    };
    let mut output = ManuallyDrop::new(std::mem::take(&mut batch.output));
    (call.output, call.output_len, call.output_capacity) = (output.as_mut_ptr(), output.len(), output.capacity());
    ended as i32
}

fn describe(payload: &(dyn Any + Send), task: u64) -> Vec<u8> {
    let last = LAST.with(RefCell::take);
    let mut panic =
        last.unwrap_or_else(|| Panic { task, message: String::new(), file: String::new(), line: 0, column: 0 });
    panic.task = task;
    // A parallel loop inside the task raises a panic of another thread again, with its number.
    if let Some(message) = payload.downcast_ref::<String>() {
        panic.message.clone_from(message);
    }
    serde_json::to_vec(&panic).unwrap_or_default()
}

/// Gives back what a shim wrote. Python calls it.
///
/// # Safety
/// The three values are those that one shim left in one [`Call`], and are given back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ferrolab_worker_free(output: *mut u8, length: usize, capacity: usize) {
    // SAFETY: the parts of a Vec<u8> that `serve` took apart.
    drop(unsafe { Vec::from_raw_parts(output, length, capacity) });
}

/// Sets or clears the flag that helpers in tasks look at. Python calls it when all running
/// batches of its process should stop.
#[unsafe(no_mangle)]
pub extern "C" fn ferrolab_worker_interrupt(stop: i32) {
    rt::signals::set_interrupted(stop != 0);
}

#[cfg(test)]
mod tests {
    use super::super::source::{Borrowed, Integers};
    use super::*;

    fn shim_of<K: Kind, F, T>(_: F) -> Shim
    where
        F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
        T: Serialize,
    {
        map::<K, F, T>
    }

    fn call(shim: Shim, input: &[u8], cancel: u8) -> (i32, Vec<u8>, u64) {
        let (done, cancel) = (AtomicU64::new(0), AtomicU8::new(cancel));
        let mut call = Call {
            input: input.as_ptr(),
            input_len: input.len(),
            params: std::ptr::null(),
            params_len: 0,
            params_id: 0,
            done: &done,
            cancel: &cancel,
            output: std::ptr::null_mut(),
            output_len: 0,
            output_capacity: 0,
        };
        // SAFETY: all pointers live until the end of this function.
        let status = unsafe { shim(&mut call) };
        // SAFETY: written by the shim just now.
        let output = unsafe { slice::from_raw_parts(call.output, call.output_len).to_vec() };
        // SAFETY: given back once.
        unsafe { ferrolab_worker_free(call.output, call.output_len, call.output_capacity) };
        (status, output, done.into_inner())
    }

    #[test]
    fn a_batch_is_read_called_and_written() {
        let shim = shim_of::<Integers<u64>, _, _>(|x| x * x);
        let (status, output, done) = call(shim, &postcard::to_allocvec(&(3u64, 5u64)).unwrap(), 0);
        let (first, rest): (u64, _) = postcard::take_from_bytes(&output).unwrap();
        let (second, _): (u64, _) = postcard::take_from_bytes(rest).unwrap();
        assert_eq!((status, first, second, done), (0, 9, 16, 3));
    }

    #[test]
    fn a_panic_names_the_task_and_its_place() {
        let shim = shim_of::<Borrowed<String>, _, _>(|word| assert!(word.len() < 3, "too long: {word}"));
        let input = postcard::to_allocvec(&vec!["a", "bc", "def"]).unwrap();
        let (status, output, done) = call(shim, &input, 0);
        let panic: Panic = serde_json::from_slice(&output).unwrap();
        assert_eq!((status, done, panic.task, panic.message.as_str()), (1, 2, 2, "too long: def"));
        assert!(panic.file.ends_with("shim.rs") && panic.line > 0);
    }

    #[test]
    fn a_batch_stops_when_it_is_cancelled_and_refuses_other_bytes() {
        let shim = shim_of::<Integers<u64>, _, _>(|x| x);
        let input = postcard::to_allocvec(&(0u64, 1_000_000u64)).unwrap();
        let (status, _, done) = call(shim, &input, 1);
        assert_eq!((status, done), (2, 1));
        assert_eq!(call(shim, &[], 0).0, 3);
    }
}
