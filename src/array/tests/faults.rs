//! What goes wrong: shapes that do not fit name both and the line; closures that panic name the element; memory that does not
//! suffice is told before anything runs.

use super::*;
use crate::executor::ErrorKind;
use ndarray::{Ix1, array, s};
use std::panic::{Location, catch_unwind};

/// The message of a panic, and the line it is told of.
fn panicked(work: impl FnOnce() + std::panic::UnwindSafe) -> String {
    let payload = catch_unwind(work).unwrap_err();
    crate::par::text_of_panic(&*payload)
}

#[test]
fn shapes_that_do_not_go_together_are_named() {
    let (a, b) = (here().array().zeros::<f64, _>([2, 3]), here().array().zeros::<f64, _>([4]));
    let told = |work: &(dyn Fn() + std::panic::RefUnwindSafe)| panicked(work);
    assert_eq!(
        told(&|| drop(&a + &b)),
        "add: shapes [2, 3] and [4] do not broadcast: counted from the last axis, lengths must be equal or 1"
    );
    for (work, wanted) in [
        (
            &(|| drop(a.zip(&b, |x, y: f64| x + y))) as &(dyn Fn() + std::panic::RefUnwindSafe),
            "zip: shapes [2, 3] and [4]",
        ),
        (&|| drop(a.reshape([5])), "reshape: an array of shape [2, 3] has 6 elements, one of shape [5] would have 5"),
        (&|| drop(a.slice(s![2, ..])), "slice: there is no element 2 along axis 0 of an array of shape [2, 3]"),
        (&|| drop(a.slice(s![.., ..4])), "reaches beyond axis 1"),
        (&|| drop(a.sum_axis(2)), "sum_axis: there is no axis 2"),
        (&|| drop(a.permute([0, 0])), "permute: [0, 0] does not name each axis"),
        (&|| drop(a.broadcast([3, 3])), "broadcast: shapes [2, 3] and [3, 3]"),
        (&|| drop(a.dot(&b)), "dot: shapes [2, 3] and [4] do not go together: 3 columns meet 4 rows"),
        (&|| drop(Array::concatenate(0, &[b.clone(), b.clone()]).dot(&b)), "dot: shapes [8] and [4]"),
        (&|| drop(Array::<f64, Ix1>::concatenate(0, &[])), "concatenate: there is no array"),
        (&|| drop(Array::stack(0, &[a.clone(), a.t()])), "stack: array 1 has shape [3, 2], the first one [2, 3]"),
        (&|| drop(a.slice(s![..0, ..]).max()), "max: an array of shape [0, 3] has no elements to choose from"),
        (&|| drop(a.rechunk([0, 1])), "rechunk: chunks of [0, 1]"),
        (&|| drop(a.histogram(1.0, 0.0, 3)), "from a lower to a higher value"),
        (&|| drop(here().array().zeros::<f64, _>([usize::MAX, 2])), "more elements than can be counted"),
        (&|| drop(here().array().random().integers([3], 5..5)), "there is no number in the range 5..5"),
        (&|| drop(here().array().arange(f64::INFINITY)), "arange: there is no number of steps"),
    ] {
        let message = told(work);
        assert!(message.contains(wanted), "{message:?} does not say {wanted:?}");
    }
}

#[test]
fn the_line_is_the_users() {
    let (a, b) = (here().array().zeros::<f64, _>([2]), here().array().zeros::<f64, _>([3]));
    let found = std::sync::Arc::new(std::sync::Mutex::new(0));
    let seen = std::sync::Arc::clone(&found);
    let here: &Location<'_> = Location::caller();
    let before = std::panic::take_hook();
    let thread = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread
            && let Some(place) = info.location()
        {
            *seen.lock().unwrap() = if place.file() == here.file() { place.line() } else { 0 };
        }
    }));
    let line = line!() + 1;
    let result = catch_unwind(|| &a * &b);
    std::panic::set_hook(before);
    assert!(result.is_err());
    assert_eq!(*found.lock().unwrap(), line);
}

#[test]
fn a_panic_names_the_element_and_the_line() {
    let x = here().array().arange(100_000i64).reshape([100, 1000]);
    let line = line!() + 1;
    let y = x.map(|x| if x == 54_321 { panic!("no {x}") } else { x });
    let error = (&y + 1).sum().compute().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Panicked);
    assert_eq!(error.message, format!("map (faults.rs:{line}) panicked at index [54, 321]: no 54321"));
    let error = y.slice(s![50.., 300..]).compute().unwrap_err();
    assert!(error.message.contains("at index [4, 21]"), "{error}");
    let error = (here().array().ones::<i32, _>([3]) / here().array().arange(3).cast::<i32>()).compute().unwrap_err();
    assert!(
        error.message.contains("div (") && error.message.contains("index [0]: attempt to divide by zero"),
        "{error}"
    );
    let error = here().array().arange(3i64).powi(-1).compute().unwrap_err();
    assert!(error.message.contains("cast to f64 first"), "{error}");
    let error = x.reduce(0i64, |_, x| if x == 777 { panic!("seven") } else { x }, |a, _| a).compute().unwrap_err();
    assert!(error.message.contains("seven"), "{error}");
    let lanes = here().array().arange(10_000f64).map_simd(|x| {
        assert!(x.lt(7000.0).all(), "too large");
        x
    });
    let error = lanes.compute().unwrap_err();
    assert!(error.message.contains("map_simd (") && error.message.contains("at index [7000]: too large"), "{error}");
}

#[test]
fn blocks_of_another_shape_are_told() {
    let wrong = here().array().from_blocks([4, 4], [2, 4], |start, _| ArrayD::from_elem(vec![start[0] + 1, 4], 0.0));
    let error = wrong.compute().unwrap_err();
    assert!(error.message.contains("the block at [0, 0] has shape [1, 4], not [2, 4]"), "{error}");
    let error = here().array().arange(4.0).map_blocks(|_| ArrayD::from_elem(vec![7], 0.0)).compute().unwrap_err();
    assert!(error.message.contains("has shape [7], not [4]"), "{error}");
}

#[test]
fn memory_is_asked_for_before_anything_runs() {
    static CALLED: std::sync::atomic::AtomicBool = std::sync::atomic::AtomicBool::new(false);
    let huge = here().array().ones::<f64, _>([1 << 22, 1 << 21]).map(|x| {
        CALLED.store(true, std::sync::atomic::Ordering::Relaxed);
        x
    });
    let error = huge.compute().unwrap_err();
    assert_eq!(error.kind, ErrorKind::Refused);
    for part in ["map (", "of shape [4194304, 2097152]", "70.4 TB", "is free", "of its 4194304 rows", "to_npy"] {
        assert!(error.message.contains(part), "{part} is not in {error}");
    }
    assert!(!CALLED.load(std::sync::atomic::Ordering::Relaxed));
    // The same is no trouble when it is reduced: nothing of it is kept.
    assert!(huge.sum().explain().peak() < 1 << 20);
    let error = (&huge - huge.mean_axis(0)).compute().unwrap_err();
    assert!(error.message.contains("sub ("), "{error}");
}

#[test]
fn an_interrupt_ends_the_cell() {
    let x = here().array().random().normal([1000, 1000]).map(|x| {
        if x > 4.0 {
            std::panic::resume_unwind(Box::new(crate::rt::Interrupted));
        }
        x
    });
    let payload = catch_unwind(|| x.sum().compute()).unwrap_err();
    assert!(payload.is::<crate::rt::Interrupted>());
}

#[test]
fn arrays_cross_threads() {
    fn sent<T: Send + Sync + Clone + 'static>(_: &T) {}
    let x = lazy(&array![1.0]);
    sent(&x);
    assert_eq!(std::thread::spawn(move || x.sum().compute()).join().unwrap(), Ok(1.0));
}
