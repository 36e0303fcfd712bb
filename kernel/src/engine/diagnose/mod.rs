//! What rustc said about a generated text, told in the user's terms.
//!
//! rustc's JSON comes in ([`parse`]); out come a report against the user's cells in rustc's own
//! look ([`render`]) and the facts the engine steers by ([`steer`], [`new_types`], [`classify`]).
//! This room runs no compiler, generates no code and knows nothing of processes or sessions.

mod advice;
mod names;
mod parse;
mod place;
mod render;
mod snippet;
mod steer;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod type_tests;
mod types;

pub(crate) use advice::advice;
pub(crate) use parse::{Diagnostic, parse};
pub(crate) use place::Cells;
pub(crate) use render::{Rendered, render, render_warnings};
pub(crate) use steer::{Put, explain_borrows, new_types, steer};
pub(crate) use types::{TypeKind, classify};
