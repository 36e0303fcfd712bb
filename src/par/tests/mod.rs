//! The parallel loops against naive ones, one file for each behaviour.

mod loops;
