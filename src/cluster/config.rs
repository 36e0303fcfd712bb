//! What is asked of Slurm.

use serde_json::{Map, Value, json};

/// Options for [`super::Cluster::slurm`], in the words of `sbatch`.
///
/// ```
/// use ferrolab::cluster::slurm;
/// let options = slurm().partition("compute").account("abc123").nodes(2).tasks(4).cores(64)
///     .memory("128GB").walltime("01:00:00").directive("--qos=debug").module("gcc").interface("ib0");
/// assert!(format!("{options:?}").contains("compute"));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[must_use = "options do nothing until they are given to Cluster::slurm"]
pub struct Slurm {
    options: Map<String, Value>,
}

/// Options for a cluster on Slurm: one node, one worker with one core, the site's memory for it, an
/// hour, unless told otherwise.
pub fn slurm() -> Slurm {
    Slurm::default()
}

impl Slurm {
    pub(super) fn set(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.options.insert(name.to_owned(), value.into());
        self
    }

    fn push(mut self, name: &str, value: &str) -> Self {
        let list = self.options.entry(name).or_insert_with(|| json!([]));
        if let Value::Array(values) = list {
            values.push(value.into());
        }
        self
    }

    /// The partition (`sbatch -p`).
    pub fn partition(self, name: &str) -> Self {
        self.set("partition", name)
    }

    /// The account that is charged (`sbatch -A`).
    pub fn account(self, name: &str) -> Self {
        self.set("account", name)
    }

    /// Nodes: each is a job of its own, so that work begins on the first that starts. Slurm may put several
    /// such jobs onto one node, unless they ask for all its cores or for `--exclusive`.
    pub fn nodes(self, count: usize) -> Self {
        self.set("nodes", count)
    }

    /// Worker processes on each node, each started by `srun` with its share of the cores.
    pub fn tasks(self, count: usize) -> Self {
        self.set("tasks", count)
    }

    /// Cores of each node, shared evenly by its worker processes.
    pub fn cores(self, count: usize) -> Self {
        self.set("cores", count)
    }

    /// Memory of each node: `"64GB"`; `"0"` is all it has. Slurm's own `"64G"` means GiB. Without it, the
    /// site's default. Workers keep within what Slurm grants them.
    pub fn memory(self, size: &str) -> Self {
        self.set("memory", size)
    }

    /// How long each job may run: `"00:30:00"`.
    pub fn walltime(self, time: &str) -> Self {
        self.set("walltime", time)
    }

    /// Another line for `#SBATCH`: `"--qos=debug"`.
    pub fn directive(self, text: &str) -> Self {
        self.push("directives", text)
    }

    /// A module that jobs load before they start (`module load`).
    pub fn module(self, name: &str) -> Self {
        self.push("modules", name)
    }

    /// A shell line that jobs run before they start: `"source ~/env/bin/activate"`.
    pub fn prologue(self, line: &str) -> Self {
        self.push("prologue", line)
    }

    /// The network interface that workers use, and the scheduler here when this machine has one of that
    /// name: `"ib0"`. Without it, each side listens only on the address from which it reaches the
    /// other: the scheduler on that of the route to the partition's nodes, workers on that of the route to the
    /// scheduler.
    pub fn interface(self, name: &str) -> Self {
        self.set("interface", name)
    }

    /// The interface here that the scheduler uses, when it is called otherwise than on the nodes.
    pub fn scheduler_interface(self, name: &str) -> Self {
        self.set("scheduler_interface", name)
    }

    /// Where workers may write: local scratch of a node. The job's shell expands variables:
    /// `"/scratch/$USER/$SLURM_JOB_ID"`. Without it, `$TMPDIR`, else `/tmp`.
    pub fn local_directory(self, path: &str) -> Self {
        self.set("local_directory", path)
    }

    /// Where jobs' logs go: a folder that all nodes share. Without it, `ferrolab/slurm` in
    /// `XDG_STATE_HOME` or `~/.local/state`; logs are removed after two weeks.
    pub fn log_directory(self, path: &str) -> Self {
        self.set("log_directory", path)
    }

    /// The Python of the nodes, when it is another than here.
    pub fn python(self, path: &str) -> Self {
        self.set("python", path)
    }

    pub(crate) fn into_json(self) -> Value {
        Value::Object(self.options)
    }
}
