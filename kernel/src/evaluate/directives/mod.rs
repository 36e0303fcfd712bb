//! Directives: the lines of a cell that are not Rust (`:dep`, `:vars`, `!ls`, `?name`) and the
//! magics that wrap a whole cell (`%%time`). [`mod@plan`] reads them, `follow.rs` does what they say in the order in
//! which they stand, and every other file defines some of them. Code keeps its lines and columns: a directive's
//! line is blanked, not removed.

mod capture;
mod check;
mod compiling;
mod definition;
mod dependencies;
mod describing;
mod follow;
mod footer;
mod foreign;
mod markdown;
mod measure;
mod names;
mod plan;
mod running;
mod shell;
mod showing;
mod snapshots;
mod surroundings;
mod table;
mod target;
mod threads;
mod timing;
mod write_file;

pub use definition::Magic;
pub use plan::{Directive, Plan, What, plan, plan_with};
#[cfg(feature = "evcxr")]
pub use table::evcxr_has;
pub use table::{changes_names, help, is_raw};
