"""Parallel loops in cells: ndarray without a dependency line, types that infer, panics."""


def test_ndarray_is_there(k):
    k.run("use ndarray::prelude::*; let a = Array2::<f64>::ones((3, 4)); a.sum()").result("12.0").idle()
    k.run("par::map(par::rows(&a), |row| row.sum())").result("[4.0, 4.0, 4.0]").idle()
    k.run("par::map_array(par::grid([2, 2]), |[y, x]| y + x).sum()").result("4").idle()
    k.run("par::sum(&a.t())").result("12.0").idle()


def test_a_range_counts_in_i32(k):
    k.run('par::map(0..4, |i| if i > 9 { panic!("never") } else { i })').result("[0, 1, 2, 3]").idle()


def test_statistics_sorts_and_scans(k):
    k.run("let v = vec![3.0, f64::INFINITY, -1.0];").idle()
    k.run("(par::argmax(&v), par::min(&v), par::argsort(&v))").result("(Some(1), Some(-1.0), [2, 0, 1])").idle()
    k.run("par::cumsum(1..=4)").result("[1, 3, 6, 10]").idle()
    k.run("par::group_sum(&[0u32, 1, 0], &[1.0, 2.0, 4.0], 2)").result("[5.0, 2.0]").idle()
    k.run("par::stencil3(&[1, 2], [1, 1, 2], par::Edge::Wrap, |p| p.at(0, 0, 1))").result("[2, 1]").idle()


def test_a_panic_names_the_task(k):
    k.run('par::for_each(0..100, |i| assert!(i != 70, "no {i}"))').fails(None, "task 70 panicked: no 70")
    k.run("par::group_sum(&[5u8], &[1.0], 3)").fails(None, "index 5 at 0 is not below 3 groups")
