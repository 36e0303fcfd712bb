//! Products of matrices: every shape of edge, any layout, and the same numbers on any number of threads.

use super::super::matmul;
use ndarray::{Array2, s};
use proptest::prelude::*;

fn matrix(rows: usize, columns: usize, seed: u64) -> Array2<f64> {
    let mut rng = crate::random::Stream::new(seed, 0);
    // whole numbers, so that the order of a sum does not show
    Array2::from_shape_simple_fn((rows, columns), || f64::from(rng.range(-8..=8)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn it_is_dot(rows in 0..70usize, inner in 0..420usize, columns in 0..90usize, seed: u64) {
        let (a, b) = (matrix(rows, inner, seed), matrix(inner, columns, seed ^ 1));
        prop_assert_eq!(matmul(&a, &b), a.dot(&b));
        let (a, b) = (a.mapv(|x| x as f32), b.mapv(|x| x as f32));
        prop_assert_eq!(matmul(&a, &b), a.dot(&b));
    }
}

#[test]
fn blocks_that_do_not_divide() {
    let (a, b) = (matrix(801, 203, 1), matrix(203, 1571, 2));
    assert_eq!(matmul(&a, &b), a.dot(&b));
}

#[test]
fn transposed_sliced_and_reversed() {
    let (a, b) = (matrix(61, 133, 3), matrix(61, 47, 4));
    assert_eq!(matmul(&a.t(), &b), a.t().dot(&b));
    assert_eq!(matmul(&b.t(), &a), b.t().dot(&a));
    let (a, b) = (a.slice(s![..;-2, 3..;3]), b.slice(s![..44, ..;-1]));
    assert_eq!(matmul(&a, &b), a.dot(&b));
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    let noise = |n: u64| matrix(300, 300, n).mapv(|x| (x + 0.1).sin());
    let (a, b) = (noise(5), noise(6));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        pool.install(|| matmul(&a, &b))
    };
    assert_eq!(on(1), on(3));
}

#[test]
fn not_a_number_stays_in_its_row() {
    let mut a = Array2::zeros((3, 3));
    a[[1, 2]] = f64::NAN;
    let product = matmul(&a, &Array2::ones((3, 5)));
    assert!(product.row(1).iter().all(|x| x.is_nan()) && product.row(0).iter().all(|x| *x == 0.0));
}

#[test]
#[should_panic(expected = "2 × 3 and 2 × 3 do not go together")]
fn shapes_that_do_not_go_together() {
    let a = Array2::<f64>::zeros((2, 3));
    let _ = matmul(&a, &a);
}
