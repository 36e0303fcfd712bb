//! What every cell sees without a `use`.
//!
//! It stands in the place of the standard prelude and contains it. There are no constants and no
//! unit structs in it, because a pattern such as `let table = …` would match against them instead
//! of binding a name; functions and modules can be shadowed freely. Rayon's own prelude is not
//! part of it: its method names (`map`, `sum`, `filter` on types of the user's) would clash, and
//! `use rayon::prelude::*;` works in every cell.

pub use std::prelude::rust_2024::*;

pub use crate::cluster::{self, Cluster, slurm};
pub use crate::display::{self, clear_output, html, latex, markdown, svg, table};
pub use crate::executor::Executor;
pub use crate::par;
pub use crate::plot::{self, Live, Plot};
pub use crate::table;

pub use crate::progress::{self, Bar, progress};
pub use crate::random;
pub use crate::simd::{self, F32s, F64s};
pub use crate::threads::{self, Threads, threads};
pub use crate::timing;

pub use crate::display::Display as _;
pub use crate::progress::{ParallelProgress as _, ProgressIterator as _};
