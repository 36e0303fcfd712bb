//! What the system allows a session (`ulimit`), and what ends with it. It starts no process and reads no
//! configuration of Ferrolab's.

pub mod descendants;
pub mod limits;
