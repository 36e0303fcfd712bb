//! What the system allows a session (`ulimit`), what ends with it, the batch job around it, who its users are, and where programs are. It starts no process and
//! reads no configuration of Ferrolab's.

pub mod descendants;
pub mod job;
pub mod limits;
pub mod path;
pub mod users;
