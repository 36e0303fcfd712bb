//! What the kernel and the helper crate both say, written once: the frames between them, dates, and small texts.
//!
//! The helper crate is built on users' machines together with this package, so it has no dependencies and
//! knows nothing of sockets, Jupyter, rustc or cells.

pub mod date;
pub mod frame;
pub mod text;
