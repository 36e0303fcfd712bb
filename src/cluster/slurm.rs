//! Clusters on Slurm, as a notebook asks for them. What becomes of it is `python/slurm.py`.

use super::open::open;
use super::protocol::{Ask, JobOptions};
use super::{Cluster, Error, Security};

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
    options: JobOptions,
}

/// Options for a cluster on Slurm: one node, one worker with one core, the site's memory for it, an
/// hour, unless told otherwise.
pub fn slurm() -> Slurm {
    Slurm::default()
}

impl Slurm {
    fn with(mut self, change: impl FnOnce(&mut JobOptions)) -> Self {
        change(&mut self.options);
        self
    }

    /// The partition (`sbatch -p`).
    pub fn partition(self, name: &str) -> Self {
        self.with(|asked| asked.partition = name.to_owned())
    }

    /// The account that is charged (`sbatch -A`).
    pub fn account(self, name: &str) -> Self {
        self.with(|asked| asked.account = name.to_owned())
    }

    /// Nodes: each is a job of its own, so that work begins on the first that starts. Slurm may put several
    /// such jobs onto one node, unless they ask for all its cores or for `--exclusive`.
    pub fn nodes(self, count: usize) -> Self {
        self.with(|asked| asked.nodes = count)
    }

    /// Worker processes on each node, each started by `srun` with its share of the cores.
    pub fn tasks(self, count: usize) -> Self {
        self.with(|asked| asked.tasks = count.max(1))
    }

    /// Cores of each node, shared evenly by its worker processes.
    pub fn cores(self, count: usize) -> Self {
        self.with(|asked| asked.cores = count.max(1))
    }

    /// Memory of each node: `"64GB"`; `"0"` is all it has. Slurm's own `"64G"` means GiB. Without it, the
    /// site's default. Workers keep within what Slurm grants them.
    pub fn memory(self, size: &str) -> Self {
        self.with(|asked| asked.memory = size.to_owned())
    }

    /// How long each job may run: `"00:30:00"`.
    pub fn walltime(self, time: &str) -> Self {
        self.with(|asked| asked.walltime = time.to_owned())
    }

    /// Another line for `#SBATCH`: `"--qos=debug"`.
    pub fn directive(self, text: &str) -> Self {
        self.with(|asked| asked.directives.push(text.to_owned()))
    }

    /// A module that jobs load before they start (`module load`).
    pub fn module(self, name: &str) -> Self {
        self.with(|asked| asked.modules.push(name.to_owned()))
    }

    /// A shell line that jobs run before they start: `"source ~/env/bin/activate"`.
    pub fn prologue(self, line: &str) -> Self {
        self.with(|asked| asked.prologue.push(line.to_owned()))
    }

    /// The network interface that workers use, and the scheduler here when this machine has one of that
    /// name: `"ib0"`. Without it, each side listens only on the address from which it reaches the
    /// other: the scheduler on that of the route to the partition's nodes, workers on that of the route to the
    /// scheduler.
    pub fn interface(self, name: &str) -> Self {
        self.with(|asked| asked.interface = name.to_owned())
    }

    /// The interface here that the scheduler uses, when it is called otherwise than on the nodes.
    pub fn scheduler_interface(self, name: &str) -> Self {
        self.with(|asked| asked.scheduler_interface = name.to_owned())
    }

    /// Where workers may write: local scratch of a node. The job's shell expands variables:
    /// `"/scratch/$USER/$SLURM_JOB_ID"`. Without it, `$TMPDIR`, else `/tmp`.
    pub fn local_directory(self, path: &str) -> Self {
        self.with(|asked| asked.local_directory = path.to_owned())
    }

    /// Where jobs' logs go: a folder that all nodes share. Without it, `ferrolab/slurm` in
    /// `XDG_STATE_HOME` or `~/.local/state`; logs are removed after two weeks.
    pub fn log_directory(self, path: &str) -> Self {
        self.with(|asked| asked.log_directory = path.to_owned())
    }

    /// The Python of the nodes, when it is another than here.
    pub fn python(self, path: &str) -> Self {
        self.with(|asked| asked.python = path.to_owned())
    }

    /// TLS between all parts. Temporary credentials are handed to the jobs in files below
    /// [`Slurm::log_directory`] that only you can read.
    pub fn security(self, security: &Security) -> Self {
        self.with(|asked| asked.security = Some(security.options().clone()))
    }
}

impl Cluster {
    /// Submits jobs to Slurm, one for each node; workers join as jobs start. It returns at once: work
    /// that is asked for before shows that it waits, why, and until when as far as Slurm knows.
    ///
    /// A job that ends by itself (walltime, `scancel`, memory) is named, and what ran there runs again on
    /// the workers that are left. Such a job is not submitted again: [`Cluster::scale`] does that, and
    /// under [`Cluster::adapt`] the work there is does. Slurm itself puts jobs whose node failed into the queue
    /// again. All jobs end with the cluster, the kernel, or the Dask client's process, however these end.
    ///
    /// # Errors
    /// When there is no `sbatch` here, no address that nodes reach, or Slurm refuses: the error has its words.
    ///
    /// ```no_run
    /// use ferrolab::cluster::{Cluster, slurm};
    /// let cluster = Cluster::slurm(slurm().nodes(4).cores(64).memory("200GB").walltime("00:30:00"))?;
    /// # Ok::<(), ferrolab::cluster::Error>(())
    /// ```
    pub fn slurm(options: Slurm) -> Result<Self, Error> {
        open(Ask::Jobs { system: "slurm".to_owned(), options: Box::new(options.options) })
    }
}
