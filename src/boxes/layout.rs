//! Where the boxes of a drawing stand: in layers, each task below those that it needs, with few crossings and short
//! edges (Sugiyama, Tagawa and Toda, 1981). Pure: it sees widths and edges, and draws nothing.

/// Rounds of ordering a layer by the means of its neighbours' places.
const ROUNDS: usize = 8;
/// Space between two boxes, and between two edges that pass.
const GAP: f64 = 14.0;

/// A drawing's boxes and edges.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// Width of each box. Boxes are in an order in which each comes after those that it needs.
    pub(super) widths: Vec<f64>,
    /// From a box to one that needs it.
    pub(super) edges: Vec<(usize, usize)>,
    /// From one layer to the next.
    pub(super) step: f64,
}

/// A point of the drawing, in pixels.
pub(super) type Point = (f64, f64);

/// Where everything stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Layout {
    /// Middles of the boxes.
    pub(super) boxes: Vec<Point>,
    /// Points that each edge passes, from the middle of a box to that of another.
    pub(super) edges: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Boxes and the places where long edges pass layers.
struct Layers {
    widths: Vec<f64>,
    layer: Vec<usize>,
    above: Vec<Vec<usize>>,
    below: Vec<Vec<usize>>,
    /// Items of each layer, from left to right.
    rows: Vec<Vec<usize>>,
}

impl Shape {
    pub(super) fn lay_out(&self) -> Layout {
        let mut layers = Layers::new(self);
        let passes = layers.connect(&self.edges);
        layers.order();
        let x = layers.place();
        let y = |item: usize| layers.layer[item] as f64 * self.step + self.step / 2.0;
        let end = |row: &Vec<usize>| row.last().map_or(0.0, |item| x[*item] + layers.widths[*item] / 2.0);
        Layout {
            boxes: (0..self.widths.len()).map(|item| (x[item], y(item))).collect(),
            edges: passes.iter().map(|path| path.iter().map(|item| (x[*item], y(*item))).collect()).collect(),
            width: layers.rows.iter().map(end).fold(0.0, f64::max) + GAP,
            height: layers.rows.len() as f64 * self.step,
        }
    }
}

impl Layers {
    fn new(shape: &Shape) -> Self {
        let count = shape.widths.len();
        let mut needs = vec![Vec::new(); count];
        shape.edges.iter().for_each(|(from, to)| needs[*to].push(*from));
        let mut layer = vec![0; count];
        for item in 0..count {
            layer[item] = needs[item].iter().map(|from| layer[*from] + 1).max().unwrap_or(0);
        }
        // What needs nothing stands right above the first that needs it.
        let mut first = vec![usize::MAX; count];
        shape.edges.iter().for_each(|(from, to)| first[*from] = first[*from].min(layer[*to]));
        for item in (0..count).filter(|item| needs[*item].is_empty() && first[*item] != usize::MAX) {
            layer[item] = first[item] - 1;
        }
        Self {
            widths: shape.widths.clone(),
            layer,
            above: vec![Vec::new(); count],
            below: vec![Vec::new(); count],
            rows: Vec::new(),
        }
    }

    /// Joins the items; an edge over several layers gets an item in each between. What each edge passes.
    fn connect(&mut self, edges: &[(usize, usize)]) -> Vec<Vec<usize>> {
        let mut paths = Vec::with_capacity(edges.len());
        for (from, to) in edges {
            let mut path = vec![*from];
            for layer in self.layer[*from] + 1..self.layer[*to] {
                path.push(self.widths.len());
                self.widths.push(1.0);
                self.layer.push(layer);
                self.above.push(Vec::new());
                self.below.push(Vec::new());
            }
            path.push(*to);
            for pair in path.windows(2) {
                self.below[pair[0]].push(pair[1]);
                self.above[pair[1]].push(pair[0]);
            }
            paths.push(path);
        }
        let depth = self.layer.iter().max().map_or(0, |last| last + 1);
        self.rows = vec![Vec::new(); depth];
        (0..self.widths.len()).for_each(|item| self.rows[self.layer[item]].push(item));
        paths
    }

    /// Orders each layer by where its neighbours in the layer before it stand, downwards and upwards in turn.
    fn order(&mut self) {
        let mut at = vec![0.0; self.widths.len()];
        let number = |row: &[usize], at: &mut Vec<f64>| {
            row.iter().enumerate().for_each(|(place, item)| at[*item] = place as f64);
        };
        self.rows.iter().for_each(|row| number(row, &mut at));
        for round in 0..ROUNDS {
            let down = round % 2 == 0;
            for step in 0..self.rows.len() {
                let row = if down { step } else { self.rows.len() - 1 - step };
                let near = if down { &self.above } else { &self.below };
                let wanted = |item: &usize| mean(&near[*item], &at).unwrap_or(at[*item]);
                let mut keyed: Vec<(f64, usize)> = self.rows[row].iter().map(|item| (wanted(item), *item)).collect();
                keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.rows[row] = keyed.into_iter().map(|(_, item)| item).collect();
                number(&self.rows[row], &mut at);
            }
        }
    }

    /// Moves items of each layer towards the mean of their neighbours, without changing their order.
    fn place(&self) -> Vec<f64> {
        let mut x = vec![0.0; self.widths.len()];
        for row in &self.rows {
            let mut right = 0.0;
            for item in row {
                x[*item] = right + self.widths[*item] / 2.0;
                right += self.widths[*item] + GAP;
            }
        }
        for round in 0..ROUNDS {
            for step in 0..self.rows.len() {
                let row = if round % 2 == 0 { step } else { self.rows.len() - 1 - step };
                self.settle(&self.rows[row], &mut x);
            }
        }
        let left = self.rows.iter().filter_map(|row| row.first()).map(|item| x[*item] - self.widths[*item] / 2.0);
        let shift = left.fold(f64::INFINITY, f64::min) - GAP;
        x.iter_mut().for_each(|x| *x -= if shift.is_finite() { shift } else { 0.0 });
        x
    }

    /// The places of one layer that are nearest to what its items want, in the sense of least squares: with the widths
    /// taken off, places in order are what pooling of neighbours that are out of order gives (Ayer et al., 1955).
    fn settle(&self, row: &[usize], x: &mut [f64]) {
        let mut offsets = Vec::with_capacity(row.len());
        let mut pools: Vec<(f64, usize)> = Vec::new();
        let mut offset = 0.0;
        for (place, item) in row.iter().enumerate() {
            if place > 0 {
                offset += (self.widths[row[place - 1]] + self.widths[*item]) / 2.0 + GAP;
            }
            offsets.push(offset);
            let both: Vec<usize> = self.above[*item].iter().chain(&self.below[*item]).copied().collect();
            pools.push((mean(&both, x).unwrap_or(x[*item]) - offset, 1));
            while let [.., (before, m), (last, n)] = pools[..]
                && before > last
            {
                pools.pop();
                let merged = (before * m as f64 + last * n as f64) / (m + n) as f64;
                pools.pop();
                pools.push((merged, m + n));
            }
        }
        let settled = pools.iter().flat_map(|(at, count)| std::iter::repeat_n(*at, *count));
        for ((item, offset), at) in row.iter().zip(offsets).zip(settled) {
            x[*item] = at + offset;
        }
    }
}

fn mean(items: &[usize], at: &[f64]) -> Option<f64> {
    (!items.is_empty()).then(|| items.iter().map(|item| at[*item]).sum::<f64>() / items.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(widths: Vec<f64>, edges: Vec<(usize, usize)>) -> Shape {
        Shape { widths, edges, step: 50.0 }
    }

    #[test]
    fn a_diamond_is_one() {
        let layout = shape(vec![20.0; 4], vec![(0, 1), (0, 2), (1, 3), (2, 3)]).lay_out();
        let [top, left, right, bottom] = layout.boxes[..] else { panic!("four boxes") };
        assert!((top.0 - bottom.0).abs() < 1.0 && (left.0 - right.0).abs() >= 34.0, "{layout:?}");
        assert_eq!((top.1, left.1, right.1, bottom.1), (25.0, 75.0, 75.0, 125.0));
        assert!(((left.0 + right.0) / 2.0 - top.0).abs() < 1.0);
    }

    #[test]
    fn crossings_that_need_not_be_are_not() {
        // As they are made, each edge would cross the other.
        let layout = shape(vec![20.0; 4], vec![(0, 3), (1, 2)]).lay_out();
        let [a, b, c, d] = layout.boxes[..] else { panic!("four boxes") };
        assert_eq!(a.0 < b.0, d.0 < c.0);
    }

    #[test]
    fn nothing_has_no_size_to_speak_of() {
        assert_eq!(shape(Vec::new(), Vec::new()).lay_out().boxes.len(), 0);
    }

    proptest! {
        #[test]
        fn boxes_never_overlap_and_edges_go_down(
            count in 1usize..40,
            wanted in proptest::collection::vec((0usize..40, 0usize..40), 0..80),
            wide in 10.0f64..90.0,
        ) {
            let edges: Vec<_> = wanted.into_iter().filter(|(a, b)| a < b && *b < count).collect();
            let widths: Vec<f64> = (0..count).map(|i| wide + (i % 7) as f64 * 5.0).collect();
            let layout = shape(widths.clone(), edges.clone()).lay_out();
            for a in 0..count {
                prop_assert!(layout.boxes[a].0 - widths[a] / 2.0 >= 0.0);
                prop_assert!(layout.boxes[a].0 + widths[a] / 2.0 <= layout.width);
                for b in a + 1..count {
                    let apart = (layout.boxes[a].0 - layout.boxes[b].0).abs() >= (widths[a] + widths[b]) / 2.0;
                    prop_assert!(apart || layout.boxes[a].1 != layout.boxes[b].1);
                }
            }
            for (edge, path) in edges.iter().zip(&layout.edges) {
                prop_assert_eq!((path[0], path[path.len() - 1]), (layout.boxes[edge.0], layout.boxes[edge.1]));
                prop_assert!(path.windows(2).all(|pair| pair[0].1 < pair[1].1));
            }
        }
    }
}
