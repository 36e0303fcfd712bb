//! Directives: the lines of a cell that are not Rust (`:dep`, `:vars`, `!ls`, `?name`) and the
//! magics that wrap a whole cell (`%%time`). [`mod@plan`] reads them, the rest of this room does what
//! they say. Code keeps its lines and columns: a directive's line is blanked, not removed.

mod act;
mod dependencies;
mod footer;
mod foreign;
mod measure;
mod plan;
mod shell;
mod shown;
mod snapshots;
mod table;
mod target;
mod threads;

pub(super) use act::Desk;
pub use plan::{Directive, Magic, Plan, plan, plan_with};
pub use table::help;
