//! Where arrays come from: numbers at positions, closures, blocks, memory.

use super::*;
use crate::random::Positions;
use ndarray::{Array2, array, s};

#[test]
fn numbers_in_order() {
    let a = here().array();
    assert_eq!(get(&a.arange(4).cast::<u8>()), array![0, 1, 2, 3]);
    assert_eq!(get(&a.arange(2.5).cast::<f32>()), array![0.0, 1.0, 2.0]);
    assert_eq!(get(&a.arange(-3i64)).len(), 0);
    let many = get(&a.arange(10_000i64));
    assert!(many.iter().enumerate().all(|(i, x)| *x == i as i64));
    assert_eq!(get(&a.linspace(1.0, 2.0, 5)), array![1.0, 1.25, 1.5, 1.75, 2.0]);
    assert_eq!((get(&a.linspace(3.0, 9.0, 1)), get(&a.linspace(3.0, 9.0, 0)).len()), (array![3.0], 0));
    assert_eq!(get(&a.linspace(0.0, 0.3, 4))[3], 0.3);
}

#[test]
fn an_index_is_seen_through_any_view() {
    let a = here().array().from_fn([70, 50], |[i, j]| (1000 * i + j) as i64);
    let wanted = Array2::from_shape_fn((70, 50), |(i, j)| (1000 * i + j) as i64);
    assert_eq!(get(&a), wanted);
    assert_eq!(get(&a.t()), wanted.t());
    assert_eq!(get(&a.slice(s![3..;7, ..;-2])), wanted.slice(s![3..;7, ..;-2]));
    assert_eq!(get(&a.reshape([50, 70])), wanted.to_shape((50, 70)).unwrap());
    let deep = here().array().from_fn([3, 4, 5], |[i, j, k]| (i * 100 + j * 10 + k) as f32);
    assert_eq!(get(&deep)[[2, 3, 4]], 234.0);
}

#[test]
fn random_numbers_depend_on_seed_and_place_only() {
    let random = here().array().random().seed(7);
    for whole in [random.normal([37, 501]), random.uniform([37, 501]), random.integers([37, 501], -4..9).cast()] {
        let all = get(&whole);
        assert_eq!(get(&whole.rechunk([5, 100])), all);
        assert_eq!(get(&whole.t()), all.t());
        assert_eq!(get(&whole.slice(s![5..;3, 7..400;2])), all.slice(s![5..;3, 7..400;2]));
        assert_eq!(get(&whole.reshape([37 * 501])).to_vec(), all.iter().copied().collect::<Vec<_>>());
    }
    assert_ne!(get(&random.normal([4])), get(&random.seed(8).normal([4])));
}

/// Moments of the distribution, and that neighbours, near and far, have nothing to do with each other.
#[test]
fn random_numbers_are_distributed_as_they_should() {
    let n = 1 << 20;
    let random = here().array().random().seed(11);
    let z = get(&random.normal([n])).to_vec();
    let power = |k: i32| z.iter().map(|z| z.powi(k)).sum::<f64>() / n as f64;
    let error = 1.0 / (n as f64).sqrt();
    for (k, wanted, spread) in [(1, 0.0, 1.0), (2, 1.0, 2f64.sqrt()), (3, 0.0, 15f64.sqrt()), (4, 3.0, 96f64.sqrt())] {
        assert!((power(k) - wanted).abs() < 4.5 * spread * error, "moment {k} is {}", power(k));
    }
    for lag in [1, 2, 7, 8, 9, 16, 17, 1024] {
        let correlation = z.windows(lag + 1).map(|w| w[0] * w[lag]).sum::<f64>() / (n - lag) as f64;
        assert!(correlation.abs() < 4.5 * error, "correlation of those {lag} apart is {correlation}");
    }
    let u = get(&random.uniform([n]).histogram(0.0, 1.0, 64));
    let expected = n as f64 / 64.0;
    let chi: f64 = u.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum();
    assert!((63.0 - chi).abs() < 4.5 * 126f64.sqrt(), "{chi}");
    let dice = get(&random.integers([n], 1..=6)).to_vec();
    for face in 1..=6 {
        let share = dice.iter().filter(|d| **d == face).count() as f64 / n as f64;
        assert!((share - 1.0 / 6.0).abs() < 4.5 * 0.373 * error, "{face}: {share}");
    }
    // Seeds next to each other start far apart.
    let other = get(&random.seed(12).normal([n])).to_vec();
    let between = z.iter().zip(&other).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    assert!(between.abs() < 4.5 * error, "{between}");
}

#[test]
fn lanes_and_single_places_agree() {
    let from = Positions::new(5);
    let all = get(&here().array().random().seed(5).uniform([100]));
    for place in 0..100u64 {
        let one = f64::from_bits(from.bits(place) >> 12 | 1.0f64.to_bits()) - 1.0;
        assert_eq!(all[place as usize], one, "{place}");
    }
    let every = here().array().random().integers([64], i64::MIN..=i64::MAX);
    assert!(get(&every).iter().any(|x| *x < 0) && get(&every).iter().any(|x| *x > 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn blocks_are_put_together((shape, block, cut) in (vec(1usize..20, 2), vec(1usize..9, 2), vec(1usize..9, 2))) {
        let [h, w] = [shape[0], shape[1]];
        let a = here().array().from_blocks([h, w], [block[0], block[1]], |start, shape| {
            ArrayD::from_shape_fn(shape, |at| ((start[0] + at[0]) * 100 + start[1] + at[1]) as f64)
        });
        let wanted = Array2::from_shape_fn((h, w), |(i, j)| (i * 100 + j) as f64);
        prop_assert_eq!(get(&a), wanted.clone());
        prop_assert_eq!(get(&a.rechunk([cut[0], cut[1]])), wanted.clone());
        prop_assert_eq!(get(&a.t()), wanted.t().to_owned());
        prop_assert_eq!(get(&a.slice(s![..;-1, ..;2])), wanted.slice(s![..;-1, ..;2]).to_owned());
        prop_assert_eq!(get(&(&a + a.slice(s![0, ..])).sum()), (&wanted + &wanted.row(0)).sum());
    }
}

#[test]
fn blocks_may_lie_in_any_order_in_memory() {
    let a = here().array().from_blocks([4, 6], [2, 3], |start, shape| {
        let upright = ArrayD::from_shape_fn(shape, |at| (start[0] + at[0]) as f64 * 10.0 + (start[1] + at[1]) as f64);
        upright.t().as_standard_layout().into_owned().reversed_axes()
    });
    assert_eq!(get(&a), Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as f64));
}

#[test]
fn memory_is_copied_in_any_order() {
    let a = array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]];
    assert_eq!(get(&here().array().of(&a.t())), a.t());
    assert_eq!(get(&here().array().of(&a.slice(s![.., ..;-2]))), array![[3.0, 1.0], [6.0, 4.0]]);
    let kept = lazy(&a).persist().unwrap();
    assert_eq!(get(&(&kept + 1.0)), &a + 1.0);
    assert_eq!(get(&kept), a);
    // Twice, since what others have is copied.
    assert_eq!(get(&kept), a);
}
