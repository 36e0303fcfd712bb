//! The worker's side of a task: what a closure of a notebook is called through, in another
//! process. It reads items, calls the closure, writes results, and lets no panic out. Who calls it,
//! and when, is Python's business (`python/worker.py`).
//!
//! A closure that captures nothing has no bytes, so its code is all there is to it: the shim is
//! monomorphised for its type, and what travels is where the shim is. A worker that maps the same
//! shared object calls the same place.

use super::batch::{Batch, Call, parameters, serve};

use crate::executor::conjure;
use crate::executor::source::Received;
use crate::value::{Numeric, read};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// What a worker calls.
pub type Shim = unsafe extern "C" fn(*mut Call) -> i32;

/// Calls `F` on each item.
///
/// # Safety
/// `call` points to a [`Call`] whose pointers are valid for its lengths until this returns.
pub(crate) unsafe extern "C" fn map<K: Received, F, T>(call: *mut Call) -> i32
where
    F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned,
{
    let mut body = |batch: &mut Batch<'_>| {
        let mut part = K::read(&mut batch.input)?;
        let f: F = conjure();
        for item in K::items(&mut part) {
            batch.result(&f(item))?;
            if batch.over() {
                break;
            }
        }
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// Calls `F` on the only item of a part, whose result stays on workers.
///
/// # Safety
/// As for [`map`].
pub(crate) unsafe extern "C" fn keep<K: Received, F, T>(call: *mut Call) -> i32
where
    F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned,
{
    let mut body = |batch: &mut Batch<'_>| {
        let mut part = K::read(&mut batch.input)?;
        let f: F = conjure();
        if let Some(item) = K::items(&mut part).next() {
            batch.leave(f(item))?;
            batch.over();
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
pub(crate) unsafe extern "C" fn map_with<P, K: Received, F, T>(call: *mut Call) -> i32
where
    P: DeserializeOwned + Send + Sync + 'static,
    F: for<'w> Fn(&P, K::Item<'w>) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned,
{
    let mut body = |batch: &mut Batch<'_>| {
        let params: Arc<P> = parameters(batch.params, batch.params_id)?;
        let mut part = K::read(&mut batch.input)?;
        let f: F = conjure();
        for item in K::items(&mut part) {
            batch.result(&f(&params, item))?;
            if batch.over() {
                break;
            }
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
pub(crate) unsafe extern "C" fn map_reduce<K: Received, F, O, T>(call: *mut Call) -> i32
where
    F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
    O: Fn(T, T) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned + Clone,
{
    let mut body = |batch: &mut Batch<'_>| {
        let identity: T = read(&mut batch.input)?;
        let block: usize = read(&mut batch.input)?;
        let mut part = K::read(&mut batch.input)?;
        let (f, op): (F, O) = (conjure(), conjure());
        let (mut total, mut members) = (identity.clone(), 0);
        for item in K::items(&mut part) {
            total = op(total, f(item));
            members += 1;
            if batch.over() {
                break;
            }
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

/// Calls `F` once, on one value; the result stays on workers.
///
/// # Safety
/// As for [`map`].
pub(crate) unsafe extern "C" fn once<A, F, T>(call: *mut Call) -> i32
where
    A: DeserializeOwned,
    F: Fn(A) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned,
{
    let mut body = |batch: &mut Batch<'_>| {
        let value: A = batch.argument()?;
        let f: F = conjure();
        batch.leave(f(value))?;
        batch.over();
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

/// Calls `F` once, on the numbers that another task left, where they are.
///
/// # Safety
/// As for [`map`].
pub(crate) unsafe extern "C" fn once_on<N: Numeric, F, T>(call: *mut Call) -> i32
where
    F: for<'w> Fn(&'w [N]) -> T + Copy + 'static,
    T: Serialize + DeserializeOwned,
{
    let mut body = |batch: &mut Batch<'_>| {
        let f: F = conjure();
        let value = match batch.slice::<N>() {
            Some(slice) => f(slice),
            // Some results of the type are no arrays: those of other releases.
            None => f(&batch.argument::<Vec<N>>()?),
        };
        batch.leave(value)?;
        batch.over();
        Ok(())
    };
    // SAFETY: the caller's promise, passed on.
    unsafe { serve(call, &mut body) }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Trial;
    use super::super::protocol::Panic;
    use super::*;
    use crate::executor::source::{Borrowed, Integers};
    use crate::value::bytes_of;

    fn shim_of<K: Received, F, T>(_: F) -> Shim
    where
        F: for<'w> Fn(K::Item<'w>) -> T + Copy + 'static,
        T: Serialize + DeserializeOwned,
    {
        map::<K, F, T>
    }

    fn call(shim: Shim, input: &[u8], cancel: u8) -> (i32, Vec<u8>, u64) {
        let trial = Trial { input, cancel, ..Trial::default() };
        let ended = trial.run(shim);
        (ended.status, ended.output, ended.done)
    }

    #[test]
    fn a_batch_is_read_called_and_written() {
        let shim = shim_of::<Integers<u64>, _, _>(|x| x * x);
        let (status, output, done) = call(shim, &bytes_of(&(3i128, 3usize)).unwrap(), 0);
        let mut rest = &output[..];
        let squares: Vec<u64> = (0..3).map(|_| read(&mut rest).unwrap()).collect();
        assert_eq!((status, done, squares), (0, 3, vec![9, 16, 25]));
    }

    #[test]
    fn a_panic_names_the_task_and_its_place() {
        let shim = shim_of::<Borrowed<String>, _, _>(|word| assert!(word.len() < 3, "too long: {word}"));
        let input = bytes_of(&["a", "bc", "def"].map(str::to_owned).to_vec()).unwrap();
        let (status, output, done) = call(shim, &input, 0);
        let panic: Panic = serde_json::from_slice(&output).unwrap();
        assert_eq!((status, done, panic.task, panic.message.as_str()), (1, 2, 2, "too long: def"));
        assert!(panic.file.ends_with("shim.rs") && panic.line > 0);
    }

    #[test]
    fn a_batch_stops_when_it_is_cancelled_and_refuses_other_bytes() {
        let shim = shim_of::<Integers<u64>, _, _>(|x| x);
        let input = bytes_of(&(0i128, 1_000_000usize)).unwrap();
        let (status, _, done) = call(shim, &input, 1);
        assert_eq!((status, done), (2, 1));
        assert_eq!(call(shim, &[], 0).0, 3);
    }

    #[test]
    fn numbers_stay_as_they_are_and_are_seen_there() {
        fn once_of<F: Fn(u64) -> Vec<i32> + Copy + 'static>(_: F) -> Shim {
            once::<u64, F, Vec<i32>>
        }
        fn on_of<F: for<'w> Fn(&'w [i32]) -> i32 + Copy + 'static>(_: F) -> Shim {
            once_on::<i32, F, i32>
        }
        fn sum_of<F: Fn(Vec<i32>) -> i32 + Copy + 'static>(_: F) -> Shim {
            once::<Vec<i32>, F, i32>
        }
        let input = bytes_of(&3u64).unwrap();
        let made = once_of(|n| (0..n as i32).map(|i| i * 1000).collect());
        let kept = Trial { input: &input, keep: true, ..Trial::default() }.run(made);
        let numbers: Vec<u8> = [0i32, 1000, 2000].iter().flat_map(|i| i.to_le_bytes()).collect();
        assert_eq!((kept.status, kept.number, kept.output), (0, 5, numbers));
        let written = Trial { input: &input, ..Trial::default() }.run(made);
        assert_eq!((written.number, written.output), (0, bytes_of(&vec![0i32, 1000, 2000]).unwrap()));
        let three = [7i32, 8, 9];
        let array = Some((5, three.as_ptr().cast(), three.len()));
        for shim in [on_of(|v| v.iter().sum()), sum_of(|v| v.iter().sum())] {
            let summed = Trial { array, ..Trial::default() }.run(shim);
            assert_eq!((summed.status, summed.output), (0, bytes_of(&24i32).unwrap()));
            let input = bytes_of(&vec![7i32, 8, 9]).unwrap();
            let summed = Trial { input: &input, ..Trial::default() }.run(shim);
            assert_eq!(summed.output, bytes_of(&24i32).unwrap());
        }
        // other numbers than the closure wants
        let wrong = Trial { array: Some((6, three.as_ptr().cast(), 3)), ..Trial::default() }.run(on_of(|v| v[0]));
        assert_eq!(wrong.status, 3);
    }
}
