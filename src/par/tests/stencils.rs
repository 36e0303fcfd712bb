//! Stencils and grids against naive loops, for every rule at the edge and shapes around the border
//! between the fast and the careful part.

use super::message_of;
use crate::par::*;

/// The value at a place that may be outside, naively.
fn seen<const N: usize>(a: &[i64], shape: [usize; N], place: [isize; N], edge: Edge<i64>) -> i64 {
    let mut index = 0;
    for (side, at) in shape.into_iter().zip(place) {
        let inside = (0..side as isize).contains(&at);
        let at = match edge {
            Edge::Fill(value) if !inside => return value,
            Edge::Clamp => at.clamp(0, side as isize - 1),
            _ => at.rem_euclid(side as isize),
        };
        index = index * side + at as usize;
    }
    a[index]
}

const EDGES: [Edge<i64>; 3] = [Edge::Clamp, Edge::Wrap, Edge::Fill(-7)];

#[test]
fn windows_see_over_the_edge() {
    for n in [0usize, 1, 2, 3, 4, 5, 6, 7, 1000] {
        let a: Vec<i64> = (0..n as i64).collect();
        for edge in EDGES {
            for radius in [0usize, 1, 2, 3, 9] {
                let got = stencil(&a, radius, edge, |w| w.to_vec());
                assert_eq!(got.len(), n);
                for (i, window) in got.iter().enumerate() {
                    let places = (0..=2 * radius).map(|k| (i + k) as isize - radius as isize);
                    let want: Vec<i64> = places.map(|at| seen(&a, [n], [at], edge)).collect();
                    assert_eq!(*window, want, "{n} items, radius {radius}, {edge:?}, at {i}");
                }
            }
        }
    }
}

#[test]
fn planes_see_over_the_edge() {
    for shape in [[0, 5], [5, 0], [1, 1], [1, 9], [9, 1], [2, 3], [4, 4], [5, 5], [6, 7], [40, 33]] {
        let [rows, columns] = shape;
        let a: Vec<i64> = (0..(rows * columns) as i64).map(|i| i * i % 1009).collect();
        for edge in EDGES {
            for (dy, dx) in [(0, 0), (-1, 0), (0, 1), (2, -2), (-2, 2), (3, 0), (0, -3), (-50, 41)] {
                let got = stencil2(&a, shape, edge, |p| (p.y, p.x, p.at(dy, dx)));
                assert_eq!(got.len(), a.len());
                for (i, (y, x, value)) in got.into_iter().enumerate() {
                    assert_eq!(i, y * columns + x);
                    assert_eq!(value, seen(&a, shape, [y as isize + dy, x as isize + dx], edge), "{shape:?} {edge:?}");
                }
            }
        }
    }
    assert!(message_of(|| drop(stencil2(&[1, 2, 3], [2, 2], Edge::Clamp, |p| p.at(0, 0)))).contains("[2, 2]"));
}

#[test]
fn cubes_see_over_the_edge() {
    for shape in [[0, 2, 2], [1, 1, 1], [2, 3, 4], [5, 5, 5], [7, 6, 9]] {
        let a: Vec<i64> = (0..shape.iter().product::<usize>() as i64).map(|i| i * i % 1009).collect();
        for edge in EDGES {
            for d in [[0, 0, 0], [1, 0, 0], [0, -1, 0], [0, 0, 1], [2, -2, 2], [-3, 0, 0], [0, 0, 8]] {
                let got = stencil3(&a, shape, edge, |p| (p.z, p.y, p.x, p.at(d[0], d[1], d[2])));
                assert_eq!(got.len(), a.len());
                for (i, (z, y, x, value)) in got.into_iter().enumerate() {
                    assert_eq!(i, (z * shape[1] + y) * shape[2] + x);
                    let place = [z as isize + d[0], y as isize + d[1], x as isize + d[2]];
                    assert_eq!(value, seen(&a, shape, place, edge), "{shape:?} {edge:?}");
                }
            }
        }
    }
}

#[test]
fn a_panic_in_a_stencil_names_its_place() {
    let text =
        message_of(|| drop(stencil2(&[0; 100], [10, 10], Edge::Clamp, |p| assert!((p.y, p.x) != (4, 2), "here"))));
    assert_eq!(text, "task 42 panicked: here");
}

#[test]
fn grids_are_in_row_order() {
    for shape in [[0, 3], [3, 0], [1, 1], [3, 1], [1, 3], [123, 77]] {
        let want: Vec<[usize; 2]> = (0..shape[0]).flat_map(|y| (0..shape[1]).map(move |x| [y, x])).collect();
        assert_eq!(map(grid(shape), |place| place), want);
        assert_eq!(map(enumerate(grid(shape)), |(i, [y, x])| i == y * shape[1] + x), vec![true; want.len()]);
        let n = map_reduce(grid(shape), |[y, x]| y * 1000 + x, 0, |a, b| a + b);
        assert_eq!(n, want.iter().map(|[y, x]| y * 1000 + x).sum::<usize>());
    }
    let cube = map(grid([3, 4, 5]), |[z, y, x]| (z * 4 + y) * 5 + x);
    assert_eq!(cube, (0..60).collect::<Vec<_>>());
    assert!(message_of(|| assert_eq!(map(grid([usize::MAX, 2]), |_| ()), [])).contains("too many places"));
}
