//! What surrounds cells in the process that runs them: the loop that takes the kernel's commands ([`serve`]), and
//! what the second engine's process calls instead ([`attach`]).
//!
//! It stands above all helpers, because they are told here when a cell has ended. Generated code does not call it:
//! that is [`crate::rt`].

pub mod attach;
pub mod serve;
