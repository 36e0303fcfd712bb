//! Ferrolab's helpers: what Rust cells in a notebook use without asking for it.
//!
//! - [`par`]: parallel loops with results in order, progress and interrupts;
//! - [`mod@array`]: arrays that are computed later, by tiles;
//! - [`random`]: independent streams of random numbers, one for each task;
//! - [`simd`]: several numbers at once, and the usual functions of them;
//! - [`threads`]: the same as an executor, so that a loop can move to a cluster;
//! - [`cluster`]: a Dask cluster as such an executor;
//! - [`graph`]: tasks that depend on tasks, on either;
//! - [`executor`]: what the two have in common, for functions that run on either;
//! - [`progress`]: bars around iterators, rayon iterators, or moved by hand;
//! - [`plot`]: one-line figures, live figures, and `plotters` inline;
//! - [`timing`]: how long code takes, how it scales with threads, which of two is faster;
//! - [`display`]: HTML, images, formulas, tables, and a trait for types of your own.
//!
//! Every cell has [`prelude`] in scope. The crate also works in ordinary programs and tests, where
//! displays print their plain text. Functions here are not generic where they need not be: they
//! are compiled once, so that cells that use them compile fast.
//!
//! ```
//! use ferrolab::prelude::*;
//! let squares = par::map(0..5, |x| x * x);
//! assert_eq!(squares, [0, 1, 4, 9, 16]);
//! ```

pub mod array;
mod boxes;
mod closure;
pub mod cluster;
pub mod dashboard;
pub mod display;
mod error;
pub mod executor;
pub use ferrolab_base::frame;
pub mod graph;
pub mod par;
pub mod plot;
pub mod prelude;
pub mod progress;
pub mod random;
pub mod rt;
pub mod runner;
pub mod simd;
pub mod timing;
mod value;

pub use executor::threads;

pub use ndarray;
pub use plotters;
pub use rand_core;
pub use rayon;
pub use wide;
