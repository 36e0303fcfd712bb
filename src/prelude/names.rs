//! The names of the prelude: functions, modules and types. Methods are not here.

pub use std::prelude::rust_2024::*;

pub use crate::array::{self, Array};
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
