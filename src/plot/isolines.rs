//! Contour lines by marching squares (Lorensen and Cline's method in two dimensions), with the
//! pieces joined into paths. Knows grids, not figures.

use std::collections::HashMap;

/// Points along a contour.
pub(super) type Path = Vec<(f64, f64)>;

/// Paths where bilinear values on a grid of `nx` times `ny` samples cross a level, in units of
/// columns and rows. Squares with a corner that is not finite have none.
pub(super) fn trace(values: &[f64], nx: usize, ny: usize, level: f64) -> Vec<Path> {
    if nx < 2 || ny < 2 {
        return Vec::new();
    }
    // Every crossing lies on an edge of the grid: 2·cell for the one to the right of a sample,
    // 2·cell + 1 for the one below. Inside, two pieces of line meet there.
    let mut meets: HashMap<usize, [usize; 2]> = HashMap::new();
    let mut order = Vec::new();
    let mut join = |a: usize, b: usize| {
        for (from, to) in [(a, b), (b, a)] {
            let entry = meets.entry(from).or_insert([usize::MAX; 2]);
            if entry[0] == usize::MAX {
                entry[0] = to;
            } else {
                entry[1] = to;
            }
        }
        order.extend([a, b]);
    };
    for j in 0..ny - 1 {
        for i in 0..nx - 1 {
            let cell = j * nx + i;
            let corners = [values[cell], values[cell + 1], values[cell + nx + 1], values[cell + nx]];
            if !corners.iter().all(|v| v.is_finite()) {
                continue;
            }
            let above = corners.map(|v| v > level);
            let (top, right, bottom, left) = (2 * cell, 2 * (cell + 1) + 1, 2 * (cell + nx), 2 * cell + 1);
            match above.iter().fold(0, |bits, b| bits * 2 + u8::from(*b)) {
                0b0000 | 0b1111 => {}
                0b1000 | 0b0111 => join(left, top),
                0b0100 | 0b1011 => join(top, right),
                0b0010 | 0b1101 => join(right, bottom),
                0b0001 | 0b1110 => join(bottom, left),
                0b1100 | 0b0011 => join(left, right),
                0b0110 | 0b1001 => join(top, bottom),
                saddle => {
                    // The middle decides which corners belong together.
                    let middle = corners.iter().map(|v| v / 4.0).sum::<f64>() > level;
                    if (saddle == 0b1010) == middle {
                        join(top, right);
                        join(bottom, left);
                    } else {
                        join(left, top);
                        join(right, bottom);
                    }
                }
            }
        }
    }
    let place = |edge: usize| {
        let cell = edge / 2;
        let next = if edge.is_multiple_of(2) { cell + 1 } else { cell + nx };
        let (a, b) = (values[cell], values[next]);
        // Halves keep the difference finite.
        let t = ((level / 2.0 - a / 2.0) / (b / 2.0 - a / 2.0)).clamp(0.0, 1.0);
        let (i, j) = ((cell % nx) as f64, (cell / nx) as f64);
        if edge.is_multiple_of(2) { (i + t, j) } else { (i, j + t) }
    };
    // Open paths first, from their ends, then what is left: rings.
    let ends: Vec<usize> = order.iter().copied().filter(|e| meets[e][1] == usize::MAX).collect();
    let mut paths = Vec::new();
    for start in ends.into_iter().chain(order) {
        let mut path = Vec::new();
        let (mut at, mut from) = (start, usize::MAX);
        while let Some([a, b]) = meets.remove(&at) {
            path.push(place(at));
            let next = if a == from { b } else { a };
            (from, at) = (at, next);
        }
        if path.len() > 1 {
            // A ring ends where it began.
            if at == start {
                path.push(path[0]);
            }
            paths.push(path);
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cone_has_circles_for_contours() {
        let n = 41;
        let height = |i: usize| f64::hypot((i % n) as f64 - 20.0, (i / n) as f64 - 20.0);
        let values: Vec<f64> = (0..n * n).map(height).collect();
        for level in [5.0, 10.5, 17.0] {
            let paths = trace(&values, n, n, level);
            assert_eq!(paths.len(), 1);
            assert_eq!(paths[0].first(), paths[0].last());
            for (x, y) in &paths[0] {
                assert!((f64::hypot(x - 20.0, y - 20.0) - level).abs() < 0.1);
            }
        }
        // In the corners the circle of 24 is cut into four arcs.
        assert_eq!(trace(&values, n, n, 24.0).len(), 4);
    }

    #[test]
    fn no_piece_of_a_contour_is_lost() {
        // As many pieces as there are squares with corners on both sides, saddles twice.
        let (nx, ny) = (40, 30);
        let wave = |k: usize| ((k % nx) as f64 / 6.0).sin() * ((k / nx) as f64 / 5.0).cos();
        let values: Vec<f64> = (0..nx * ny).map(wave).collect();
        for level in [-0.75, -0.25, 0.0, 0.1, 0.5] {
            let mut expected = 0;
            for (i, j) in (0..ny - 1).flat_map(|j| (0..nx - 1).map(move |i| (i, j))) {
                let corners = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(a, b)| values[(j + b) * nx + i + a] > level);
                expected += (0..4).filter(|k| corners[*k] != corners[(k + 1) % 4]).count() / 2;
            }
            let paths = trace(&values, nx, ny, level);
            assert_eq!(paths.iter().map(|p| p.len() - 1).sum::<usize>(), expected, "level {level}");
        }
    }

    #[test]
    fn strange_grids_have_no_or_few_contours() {
        assert!(trace(&[1.0], 1, 1, 0.5).is_empty() && trace(&[], 0, 0, 0.5).is_empty());
        assert!(trace(&[1.0, 2.0, f64::NAN, 4.0], 2, 2, 1.5).is_empty());
        assert_eq!(trace(&[1.0, 0.0, 0.0, 1.0], 2, 2, 0.4).len(), 2);
        assert_eq!(trace(&[f64::MAX, f64::MIN, f64::MIN, f64::MAX], 2, 2, 1.0).len(), 2);
        let flat = vec![2.0; 100];
        assert!(trace(&flat, 10, 10, 2.0).is_empty());
    }
}
