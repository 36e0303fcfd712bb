//! Arrays beside `ndarray`: every operation on shapes, chunks and values of all kinds; faults; plans.

mod apart;
mod elementwise;
mod faults;
mod files;
mod plans;
mod reductions;
mod sources;
mod views;

use crate::array::{Array, Computed, Element};
use crate::executor::threads::{Threads, threads};
use ndarray::{ArrayD, Dimension, IxDyn};
use proptest::collection::vec;
use proptest::prelude::*;

fn here() -> Threads {
    threads().quiet()
}

fn lazy<T: Element, D: Dimension>(array: &ndarray::Array<T, D>) -> Array<T, D> {
    here().array().of(array)
}

#[track_caller]
fn get<T: Element, D: Computed>(array: &Array<T, D>) -> D::Result<T> {
    array.compute().unwrap()
}

/// Shapes with up to three axes, some of them empty or of one element.
fn shapes() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        8 => vec(1usize..12, 1..=3),
        1 => vec(0usize..3, 1..=3),
        1 => (5000usize..9000).prop_map(|n| vec![n]),
        1 => (2usize..4, 2000usize..3000).prop_map(|(a, b)| vec![a, b]),
        1 => (2000usize..3000, 2usize..4).prop_map(|(a, b)| vec![a, b]),
    ]
}

/// Numbers of all kinds.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => -100.0..100.0f64,
        4 => (-5i32..5).prop_map(f64::from),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(-0.0),
    ]
}

fn of_shape<T: std::fmt::Debug + Clone + 'static>(
    shape: Vec<usize>,
    element: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = ArrayD<T>> {
    let n: usize = shape.iter().product();
    // Long ones repeat a short pattern of a length that divides nothing.
    vec(element, n.min(97)..=n.min(97)).prop_map(move |pattern| {
        let elements = (0..n).map(|i| pattern[i % pattern.len().max(1)].clone()).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), elements).unwrap()
    })
}

/// An array of numbers, and chunks for it.
fn arrays() -> impl Strategy<Value = (ArrayD<f64>, Vec<usize>)> {
    shapes().prop_flat_map(|shape| {
        let chunk: Vec<_> = shape.iter().map(|n| 1usize..=(*n).max(1) + 2).collect();
        (of_shape(shape, number()), chunk)
    })
}

/// Bits, with all NaN alike and both zeros, so that what is equal is told from what is not.
fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { (x + 0.0).to_bits() }
}

#[track_caller]
fn assert_same(found: &ArrayD<f64>, wanted: &ArrayD<f64>) {
    assert_eq!(found.shape(), wanted.shape());
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(bits(*a), bits(*b), "element {i}: {a} is not {b}");
    }
}

#[track_caller]
fn assert_near(found: f64, wanted: f64, scale: f64) {
    let alike = found.is_nan() && wanted.is_nan() || found == wanted;
    assert!(alike || (found - wanted).abs() <= 1e-12 * scale.max(1e-300), "{found} is not {wanted}");
}
