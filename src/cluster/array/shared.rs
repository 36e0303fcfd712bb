//! Arrays that Python on the same cluster shares with the notebook, by name.

use super::OnCluster;
use super::computation::{held, parts_of};
use super::held::Held;
use crate::array::node::{Kind, Line, Node, Stage};
use crate::array::parts::{Layout, Parts};
use crate::array::shape::{Chunked, View};
use crate::array::{Array, Element, Place, persisted};
use crate::cluster::bridge::{self, unexpected};
use crate::cluster::open::when_the_cell_fails;
use crate::cluster::protocol::{Answer, Request};
use crate::cluster::{Cluster, Publish};
use crate::executor::Error;
use ndarray::Dimension;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

impl Cluster {
    /// An array that was published on this cluster, by Python (`client.publish_dataset(name=array)`) or by a notebook: its chunks stay where
    /// they are.
    ///
    /// # Errors
    /// When there is none of this name, or it is of another type or number of axes.
    ///
    /// ```no_run
    /// use ferrolab::prelude::*;
    /// use ferrolab::ndarray::Ix2;
    /// # let cluster = Cluster::local(1)?;
    /// let field = cluster.dataset::<f64, Ix2>("field")?;
    /// println!("{}", field.mean().compute()?);
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    #[track_caller]
    pub fn dataset<T: Element, D: Dimension>(&self, name: &str) -> Result<Array<T, D>, Error> {
        let (dtype, line) = (T::DTYPE, Line::of_caller());
        let request = Request::Dataset { cluster: self.id(), name: name.to_owned(), dtype: dtype.numpy().to_owned() };
        let (run, chunks) = match bridge::ask(&request)? {
            Answer::Published { run, chunks } => (run, chunks),
            other => return Err(unexpected(&other)),
        };
        if D::NDIM.is_some_and(|axes| axes != chunks.len()) {
            let shape: Vec<usize> = chunks.iter().map(|axis| axis.iter().sum()).collect();
            return Err(Error::refused(format!(
                "`{name}` has shape {shape:?}, which has not {} axes",
                D::NDIM.unwrap_or(0)
            )));
        }
        let layout = layout_of(&chunks);
        let parts = (0..layout.len()).map(|part| (part as u32, 0)).collect();
        let held = Held { cluster: Arc::clone(&self.inner), run: run.into(), parts, stays: AtomicBool::new(true) };
        when_the_cell_fails(held.release());
        let kind = Kind::Parts(Arc::new(Parts::Elsewhere { layout, handle: Arc::new(held) }));
        let shape = chunks.iter().map(|axis| axis.iter().sum()).collect();
        let chunks = Some(chunks.iter().map(|axis| axis.iter().copied().max().unwrap_or(1).max(1)).collect());
        let node = Arc::new(Node { kind, shape, dtype, chunks, line });
        Ok(Array::of_node(node, Arc::new(OnCluster { cluster: self.clone() })))
    }
}

/// Chunks of these lengths along each axis, row after row: a grid, when all but the last ones are alike.
fn layout_of(chunks: &[Vec<usize>]) -> Layout {
    let shape: Vec<usize> = chunks.iter().map(|axis| axis.iter().sum()).collect();
    let first: Vec<usize> = chunks.iter().map(|axis| axis.first().copied().unwrap_or(1).max(1)).collect();
    let grid = Chunked::new(&shape, &first);
    let alike = |(axis, lengths): (usize, &Vec<usize>)| {
        let own = (0..grid.counts[axis]).map(|i| first[axis].min(shape[axis] - i * first[axis]));
        lengths.iter().copied().eq(own)
    };
    if chunks.iter().enumerate().all(alike) {
        return Layout::of(grid);
    }
    let places = Chunked::new(&chunks.iter().map(Vec::len).collect::<Vec<_>>(), &vec![1; chunks.len()]);
    let one = |number: usize| {
        let at = places.region(number).start;
        let start = at.iter().zip(chunks).map(|(at, lengths)| lengths[..*at].iter().sum()).collect();
        let lengths: Vec<usize> = at.iter().zip(chunks).map(|(at, lengths)| lengths[*at]).collect();
        (start, Chunked::new(&lengths, &lengths))
    };
    Layout::Grids((0..places.len()).map(one).collect())
}

/// The lengths of a grid's chunks along each axis.
fn lengths_of(grid: &Chunked) -> Vec<Vec<usize>> {
    let axis = |axis: usize| {
        let (length, chunk) = (grid.shape[axis], grid.chunk[axis]);
        (0..grid.counts[axis]).map(|i| chunk.min(length - i * chunk)).collect()
    };
    (0..grid.shape.len()).map(axis).collect()
}

impl<T: Element, D: Dimension> Publish for Array<T, D> {
    #[track_caller]
    fn publish_on(&self, cluster: &Cluster, name: &str) -> Result<(), Error> {
        publish(self.node(), cluster, name, Line::of_caller())
    }
}

fn publish(node: &Arc<Node>, cluster: &Cluster, name: &str, line: Line) -> Result<(), Error> {
    let own = grid_of(node);
    let kept = match own {
        Some(_) => Arc::clone(node),
        None => {
            // In chunks of one grid, which are what others know.
            let view = Kind::View(View::identity(node.shape.len()), Arc::clone(node));
            let store = Kind::Stage(Stage::Store, vec![persisted(node, view, line.clone())]);
            OnCluster { cluster: cluster.clone() }.persist(&persisted(node, store, line.clone()), line)?
        }
    };
    let (Some(grid), Some(held)) = (grid_of(&kept), held(&kept)) else {
        return Err(Error::lost("the array was not left on the workers"));
    };
    if held.cluster.id != cluster.inner.id {
        return Err(Error::refused("the array was persisted on another cluster: publish it there"));
    }
    let request = Request::PublishArray {
        cluster: cluster.inner.id.clone(),
        name: name.to_owned(),
        dtype: kept.dtype.numpy().to_owned(),
        chunks: lengths_of(&grid),
        parts: held.parts.iter().map(|(program, slot)| (held.key(*program), *slot)).collect(),
    };
    bridge::ask(&request).map(drop)
}

/// The grid that a persisted array lies in, if it is one.
fn grid_of(node: &Arc<Node>) -> Option<Chunked> {
    match &*parts_of(node)? {
        Parts::Elsewhere { layout: Layout::Grids(grids), .. } => match &grids[..] {
            [(_, grid)] => Some(grid.clone()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_others_are_grids_or_one_by_one() {
        let regular = layout_of(&[vec![3, 3, 1], vec![2]]);
        assert!(matches!(&regular, Layout::Grids(grids) if grids.len() == 1));
        let Layout::Grids(grids) = &regular else { unreachable!("looked at") };
        assert_eq!(lengths_of(&grids[0].1), [vec![3, 3, 1], vec![2]]);
        let odd = layout_of(&[vec![1, 3], vec![2, 5]]);
        let regions: Vec<_> = (0..odd.len()).map(|i| (odd.region(i).start, odd.region(i).shape)).collect();
        assert_eq!(regions[3], (vec![1, 2], vec![3, 5]));
        assert_eq!(regions.len(), 4);
    }
}
