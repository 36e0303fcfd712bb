//! Jupyter's side of the kernel: sockets ([`wire`]), typed messages ([`messages`]), and the session that
//! answers them ([`session`]) through the traits `Evaluator`, `Insight` and `Sink`.
//!
//! It knows nothing of Rust, rustc or processes that run cells.

pub mod messages;
pub mod session;
pub mod wire;
