//! The runner: the process in which cells run, seen from the kernel. [`host`] starts it, sends it
//! commands and follows what it says; [`control`] is the part other threads may use while a cell
//! runs; [`guest`] is what the `runner` verb does in that process before the helper library takes
//! over. Nothing here knows of Jupyter messages or of how a cell was made.

#[cfg(target_env = "gnu")]
mod allocations;
pub mod asks;
pub mod control;
mod death;
mod ended;
pub mod guest;
pub mod host;
mod listener;
pub mod socket;
#[cfg(target_env = "gnu")]
mod threads;
mod usage;
