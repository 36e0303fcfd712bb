//! What every cell sees without a `use`.
//!
//! It stands in the place of the standard prelude and contains it. There are no constants and no
//! unit structs in it, because a pattern such as `let table = …` would match against them instead
//! of binding a name; functions and modules can be shadowed freely. Rayon's own prelude is not
//! part of it: its method names (`map`, `sum`, `filter` on types of the user's) would clash, and
//! `use rayon::prelude::*;` works in every cell.

pub use crate::display::Display as _;
pub use crate::progress::{ParallelProgress as _, ProgressIterator as _};
pub use names::*;

/// The prelude without methods: where a trait of the user's has a method of the same name as one of ours, his
/// is the one that is meant.
pub mod names;
