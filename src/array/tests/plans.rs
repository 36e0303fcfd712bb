//! What is computed in one pass, what is told of it, and how arrays look.

use super::*;
use crate::display::Display;
use ndarray::{Array2, array, s};

#[test]
fn what_goes_over_the_same_elements_does_so_once() {
    let x = here().array().random().normal([500, 400]);
    let plan = |nodes: &[std::sync::Arc<crate::array::node::Node>]| crate::array::plan::Plan::new(nodes).work.len();
    let (sum, std, most) = (x.sum(), x.std(0), x.max());
    assert_eq!(plan(&[sum.node.clone(), std.node.clone(), most.node.clone(), x.sum_axis(0).node]), 2);
    assert_eq!(plan(&[sum.node.clone(), most.node, x.sum_axis(0).node]), 1);
    let (a, b) = crate::array::compute((&(&x - x.mean()).sum(), &x)).unwrap();
    assert!(a.abs() < 1e-9);
    assert_eq!(b, get(&x));
    assert_eq!((&x - x.mean_axis(0)).std(0).explain().passes(), 3);
}

#[test]
fn an_explanation_says_what_is_done() {
    let x = here().array().of(&Array2::<f64>::zeros((1000, 100)));
    let y = (&x * 2.0 + x.sin()).sum_axis(0);
    let told = y.explain();
    assert_eq!((told.passes(), told.bytes_read(), told.bytes_written()), (1, 800_000, 800));
    assert!(told.peak() >= 800 && told.peak_of_thread() >= 800);
    let text = told.to_string();
    for part in ["sum along [0]", "[1000, 100]", "plans.rs:", "for each thread"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let html = String::from_utf8(told.mime_bundle().remove(0).1).unwrap();
    assert!(html.contains("<caption>memory") && html.contains("sum along [0]"));
}

#[test]
fn a_card_does_not_compute() {
    let x = here().array().arange(10.0).map(|_| panic!("computed"));
    let shown = |x: &dyn Display| String::from_utf8(x.mime_bundle().remove(0).1).unwrap();
    let _: &Array<f64, _> = &x;
    let html = shown(&x);
    for part in ["<th style=\"text-align:left\">shape</th>", ">10<", ">f64<", ">map<", "<svg", "80 bytes"] {
        assert!(html.contains(part), "{part} is not in {html}");
    }
    let many = here().array().zeros::<u8, _>([10_000, 10]).rechunk([1, 10]);
    let html = shown(&many);
    assert!(html.contains("10,000 of 1 × 10") && html.matches("<path").count() <= 40, "{html}");
    assert!(shown(&many.sum()).contains("one number"));
    assert!(!shown(&many.slice(s![..0, ..])).contains("<svg"));
    assert_eq!(format!("{many:?}"), "Array of [10000, 10] u8 (view), not computed");
}

#[test]
fn memory_between_passes_is_given_back() {
    let mut x = here().array().random().uniform([300, 300]).stencil(crate::par::Edge::Clamp, |a| a.at(0, 1));
    let one = x.explain().peak();
    for _ in 0..10 {
        x = x.stencil(crate::par::Edge::Clamp, |a| 0.25 * (a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1)));
    }
    assert_eq!(x.explain().passes(), 12);
    assert!(x.explain().peak() <= one, "{} of {one}", x.explain().peak());
    assert!(get(&x).iter().all(|x| (0.0..1.0).contains(x)));
}

#[test]
fn stencils_and_blocks() {
    let a = Array2::from_shape_fn((30, 40), |(i, j)| (i * j % 7) as f64);
    let five =
        |edge| lazy(&a).stencil(edge, |a| a.at(0, 0) - 0.25 * (a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1)));
    for edge in [crate::par::Edge::Clamp, crate::par::Edge::Wrap, crate::par::Edge::Fill(3.0)] {
        let wanted = crate::par::stencil2(a.as_slice().unwrap(), [30, 40], edge, |a| {
            a.at(0, 0) - 0.25 * (a.at(-1, 0) + a.at(1, 0) + a.at(0, -1) + a.at(0, 1))
        });
        assert_eq!(get(&five(edge)).into_raw_vec_and_offset().0, wanted);
    }
    let doubled = lazy(&a).rechunk([7, 9]).map_blocks(|block| block.mapv(|x| 2.0 * x));
    assert_eq!(get(&(doubled + 1.0)), &a * 2.0 + 1.0);
    assert_eq!(get(&lazy(&array![1i32, 2]).map_blocks(|b| b.mapv(|x| x > 1))), array![false, true]);
}

#[test]
fn long_chains_are_computed() {
    let mut x = here().array().zeros::<f64, _>([3]);
    for _ in 0..1000 {
        x = x + here().array().ones::<f64, _>([3]).map(|x| x);
    }
    assert_eq!(get(&x).to_vec(), [1000.0; 3]);
}
