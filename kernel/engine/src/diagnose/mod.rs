//! What rustc said about a generated text, told in the user's terms.
//!
//! rustc's JSON comes in ([`mod@parse`]); out come a report against the user's cells in rustc's own
//! look ([`mod@render`]) and the facts the engine steers by ([`mod@steer`], [`new_types`], [`classify`]).
//! This room runs no compiler, generates no code and knows nothing of processes or sessions.

pub mod advice;
mod finding;
mod names;
mod parse;
mod place;
mod remote;
mod render;
mod snippet;
mod steer;
#[cfg(test)]
mod tests;
mod types;

pub use advice::advice;
pub use finding::{Edit, Finding, Found, Position, Suggestion};
pub use parse::{Diagnostic, Level, Span, parse};
pub use place::Cells;
pub use remote::{explain_remote_closures, wanting_more};
pub use render::{Rendered, render};
pub use steer::{Put, Steer, explain_borrows, new_types, steer};
pub use types::{TypeKind, classify, shorten, with_static};
