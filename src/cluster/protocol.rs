//! What the notebook tells the Dask client's process, as types: `python/protocol.py` has the same. It sends nothing.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What is asked of a batch system; in whose words is its own business.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobOptions {
    /// Each is a job of its own.
    pub(crate) nodes: usize,
    /// Worker processes on each node, which share its cores.
    pub(crate) tasks: usize,
    pub(crate) cores: usize,
    pub(crate) partition: String,
    pub(crate) account: String,
    pub(crate) memory: String,
    pub(crate) walltime: String,
    pub(crate) directives: Vec<String>,
    pub(crate) modules: Vec<String>,
    pub(crate) prologue: Vec<String>,
    pub(crate) interface: String,
    pub(crate) scheduler_interface: String,
    pub(crate) local_directory: String,
    pub(crate) log_directory: String,
    pub(crate) python: String,
    pub(crate) security: Option<Map<String, Value>>,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            nodes: 1,
            tasks: 1,
            cores: 1,
            partition: String::new(),
            account: String::new(),
            memory: String::new(),
            walltime: String::new(),
            directives: Vec::new(),
            modules: Vec::new(),
            prologue: Vec::new(),
            interface: String::new(),
            scheduler_interface: String::new(),
            local_directory: String::new(),
            log_directory: String::new(),
            python: String::new(),
            security: None,
        }
    }
}
