//! Arrays that are computed later: `threads().array()` makes them, operators and methods make others of them, and
//! [`Array::compute`] runs what was asked for, in one pass over the data where that is possible.
//!
//! ```
//! use ferrolab::prelude::*;
//! let a = threads().array().random().seed(7).normal([1000, 200]);
//! let b = &a * &a + a.sin() * &a * 0.5;
//! let c = b.map(|x| x.max(0.0)).zip(&a, |x, y| x + 2.0 * y);
//! let total = c.sum().compute()?;
//! let columns = c.mean_axis(0).compute()?;
//! assert!((columns.sum() * 1000.0 - total).abs() < 1e-6 * total.abs());
//! # Ok::<(), ferrolab::cluster::Error>(())
//! ```
//!
//! An array is a node of a small program: its shape and the type of its elements are known at once, so shapes that do
//! not go together panic in the line that wrote them; data, memory and closures can only fail when something is
//! computed, and that is a [`Result`]. The program is cut where something has to be complete before it can be used
//! (a reduction, a product of matrices); what lies between is compiled into a list of loops, which runs over *tiles*
//! of some thousand elements, so that what one loop writes is in the nearest cache when the next one reads it. A closure
//! is such a loop, compiled with its cell. So an expression takes memory for its result, and for nothing
//! between: a reduction of numbers that are made or read from a file can be of any size.
//!
//! Results do not depend on the number of threads, to the last bit, nor random numbers on chunks.
//!
//! This room is the arrays and how they are computed on threads. Loops over slices and iterators are [`crate::par`]'s,
//! and arrays in memory `ndarray`'s.

mod api;
mod axes;
mod blocks;
pub(crate) mod buffer;
mod card;
mod casts;
mod closures;
mod compute;
mod cumsum;
mod draw;
pub(crate) mod element;
mod explain;
mod functions;
pub(crate) mod gather;
mod generate;
mod loops;
mod merge;
mod methods;
mod neighbours;
pub(crate) mod node;
mod npy;
mod operators;
mod ops;
mod overlap;
mod pairs;
pub(crate) mod parts;
mod percentile;
mod place;
pub(crate) mod plan;
mod products;
mod program;
mod reduce;
mod reducing;
mod reductions;
mod run;
pub(crate) mod shape;
mod sources;
pub(crate) mod task;
#[cfg(test)]
mod tests;
mod tiles;
mod vectors;
mod views;
pub(crate) mod walk;
mod which;
pub(crate) mod whole;
mod window;
pub(crate) mod wire;

pub use api::{Array, AxisIndex, Operand};
pub use axes::RemoveAxes;
pub use compute::{Computed, Several, compute};
pub use element::{Arithmetic, Element, Float};
pub use explain::Explanation;
pub(crate) use generate::scatter;
pub(crate) use neighbours::{FARTHER, Failed};
pub use operators::Bits;
pub(crate) use place::{OnThreads, Place, persisted};
pub use products::Product;
pub use sources::{Arrays, End, Random, WholeRange};
