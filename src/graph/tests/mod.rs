//! Graphs on threads: every shape, what is kept and what is freed, failures.

mod random;
mod shapes;
mod speed;
